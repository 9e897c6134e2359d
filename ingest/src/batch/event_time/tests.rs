use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType};
use chrono::DateTime;
use proptest::prelude::*;
use sluice_ndjson::{DecodeOptions, Decoder, DecoderOutput, FileContext, Mode};

use super::*;

/// What a job's TIMESTAMP column makes of a value.
fn read_as_column(value: &str) -> Option<i64> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    let schema = Arc::new(Schema::new(vec![Field::new("t", utc, true)]));
    let mut options = DecodeOptions::new(schema);
    options.mode = Mode::Permissive;
    let mut decoder = Decoder::new(options, FileContext::new("f", 0)).unwrap();
    decoder.push_chunk(format!("{{\"t\":{value}}}\n").into_bytes().into());
    decoder.end_input();
    loop {
        match decoder.next_batch().unwrap() {
            DecoderOutput::Batch(batch) => {
                let column = batch.column(0).as_primitive::<TimestampMicrosecondType>();
                return column.is_valid(0).then(|| column.value(0));
            }
            DecoderOutput::NeedInput => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A text that is a time, or nearly one.
fn any_time_text() -> impl Strategy<Value = String> {
    let date = prop_oneof![
        "20[0-9]{2}-[01]?[0-9]-[0-3]?[0-9]",
        "[0-9]{4}(-[01][0-9])?",
        Just("2026-02-29".to_owned()),
    ];
    let time = "([T ][0-2]?[0-9]:[0-5]?[0-9](:[0-6]?[0-9](\\.[0-9]{0,10})?)?)?";
    let zone = "(Z| UTC|[+-][01]?[0-9](:?[0-5][0-9])?| Europe/Rome)?";
    (date, time, zone).prop_map(|(date, time, zone)| format!("{date}{time}{zone}"))
}

#[test]
fn the_usual_ways_to_write_a_time_are_read() {
    let noon = 1_767_787_200_000_000;
    for text in [
        "\"2026-01-07T12:00:00Z\"",
        "\"2026-01-07T12:00:00\"",
        "\"2026-01-07 12:00:00.000000\"",
        "\"2026-01-07T13:00:00+01:00\"",
        "\"2026-01-07T13:00:00.000+0100\"",
        "\"2026-01-07T12:00\"",
        "1767787200",
        "1767787200000",
        "1767787200000000",
        "1767787200.0",
        "1.7677872e9",
        "\"1767787200\"",
    ] {
        assert_eq!(parse_event_time(text), Some(noon), "{text}");
    }
    assert_eq!(
        parse_event_time("\"2026-01-07\""),
        Some(noon - 12 * 3_600_000_000)
    );
    assert_eq!(
        parse_event_time("\"2026-01-07T12:00:00.123456789Z\""),
        Some(noon + 123_456)
    );
}

#[test]
fn what_is_no_time_is_none() {
    for text in [
        "\"\"",
        "\"yesterday\"",
        "\"2026-02-30T12:00:00Z\"",
        "\"2026-01-07T24:00:00Z\"",
        "1e300",
        "\"",
    ] {
        assert_eq!(parse_event_time(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn agrees_with_chrono(micros_since in -60_000_000_000_000_000i64..250_000_000_000_000_000) {
        let time = DateTime::from_timestamp_micros(micros_since).unwrap_or_default();
        let text = format!("\"{}\"", time.format("%Y-%m-%dT%H:%M:%S%.6fZ"));
        prop_assert_eq!(parse_event_time(&text), Some(micros_since));
    }

    /// A text means the same for the watermark and for a job, however it is escaped.
    #[test]
    fn a_text_means_what_it_means_in_a_job(text in any_time_text(), escaped in any::<prop::sample::Index>()) {
        let at = escaped.index(text.len());
        let letter = text.as_bytes()[at];
        let escaped = format!("\"{}\\u{letter:04x}{}\"", &text[..at], &text[at + 1..]);
        for value in [format!("\"{text}\""), escaped] {
            if let Some(micros) = read_as_column(&value) {
                prop_assert_eq!(parse_event_time(&value), Some(micros), "{}", value);
            } else {
                prop_assert_eq!(parse_event_time(&value), None, "{}", value);
            }
        }
    }

    /// Seconds are the one number that a job takes for a time.
    #[test]
    fn seconds_mean_what_they_mean_in_a_job(seconds in -62_000_000_000i64..MILLIS_FROM) {
        let value = seconds.to_string();
        prop_assert_eq!(parse_event_time(&value), read_as_column(&value));
    }

    #[test]
    fn no_text_does_harm(text in any::<String>()) {
        let _ = parse_event_time(&text);
        let _ = parse_event_time(&format!("\"{text}\""));
    }
}

#[test]
fn an_event_from_the_future_says_nothing() {
    let minute = 60_000;
    let micros = |millis: i64| millis * 1000;
    let now = 1_000 * minute;
    // As usual: the event happened before it was logged.
    assert_eq!(
        plausible_time(micros(900 * minute), Some(950 * minute), now),
        Some(micros(900 * minute))
    );
    // A clock that is a little ahead cannot make more complete than was logged.
    assert_eq!(
        plausible_time(micros(953 * minute), Some(950 * minute), now),
        Some(micros(950 * minute))
    );
    // The year 2099, whether the record's own time is right or wrong, too.
    let far = 4_070_908_800_000;
    assert_eq!(plausible_time(micros(far), Some(950 * minute), now), None);
    assert_eq!(plausible_time(micros(far), Some(far), now), None);
    assert_eq!(plausible_time(micros(far), None, now), None);
    assert_eq!(
        plausible_time(i64::MAX, Some(i64::MAX), i64::MAX),
        Some(i64::MAX)
    );
}
