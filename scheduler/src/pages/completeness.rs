//! How complete the hours of a topic are, from the event times in its ledger.

use std::collections::BTreeMap;

use maud::{Markup, html};
use sluice_landing::{Completeness, EventTimes, LandingEntry};
use sluice_service::format::{format_count, format_time};

use super::charts::{Bar, bars};

const HOUR_MS: i64 = 3_600_000;
/// How many hours are drawn.
const HOURS: i64 = 24;

/// One hour of event time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct HourCount {
    /// Hours since the Unix epoch.
    hour: i64,
    /// Rows of the hour. The ledger has the first and the last time of each file;
    /// between them the rows are taken to be spread evenly.
    rows: f64,
    /// Whether every partition is known to have no further rows of the hour, unless
    /// they are late.
    is_complete: bool,
}

/// The latest hours of the entries; `progress` is that of the newest one.
fn count_hours<'a>(
    entries: impl IntoIterator<Item = &'a LandingEntry>,
    progress: &BTreeMap<i32, Completeness>,
) -> Vec<HourCount> {
    let mut rows: BTreeMap<i64, f64> = BTreeMap::new();
    let ranges = entries.into_iter().flat_map(|entry| &entry.ranges);
    for (range, times) in ranges.filter_map(|range| Some((range, range.event_time?))) {
        for (hour, share) in hour_shares(times) {
            *rows.entry(hour).or_default() += share * range.rows as f64;
        }
    }
    let Some(last) = rows.last_key_value().map(|(hour, _)| *hour) else {
        return Vec::new();
    };
    let first = rows.first_key_value().map_or(last, |(hour, _)| *hour);
    (first.max(last - HOURS + 1)..=last)
        .map(|hour| HourCount {
            hour,
            rows: rows.get(&hour).copied().unwrap_or_default(),
            is_complete: is_complete(hour, progress),
        })
        .collect()
}

/// The latest hours of some times, with the part of the time that is in each.
fn hour_shares(times: EventTimes) -> Vec<(i64, f64)> {
    let (from, until) = (times.min.timestamp_millis(), times.max.timestamp_millis());
    let length = (until - from).max(1) as f64;
    let last = until.div_euclid(HOUR_MS);
    let first = from.div_euclid(HOUR_MS).max(last - HOURS + 1);
    if first == last && from.div_euclid(HOUR_MS) == last {
        return vec![(last, 1.0)];
    }
    (first..=last)
        .map(|hour| {
            let begin = from.max(hour * HOUR_MS);
            let end = until.min((hour + 1) * HOUR_MS);
            (hour, (end - begin).max(0) as f64 / length)
        })
        .collect()
}

/// A partition is complete up to its latest event, and up to the time at which it was
/// read to its end.
fn is_complete(hour: i64, progress: &BTreeMap<i32, Completeness>) -> bool {
    let end = (hour + 1) * HOUR_MS;
    let reaches = |time: Option<chrono::DateTime<chrono::Utc>>| {
        time.is_some_and(|time| time.timestamp_millis() >= end)
    };
    !progress.is_empty()
        && progress
            .values()
            .all(|partition| reaches(partition.latest_event) || reaches(partition.caught_up_at))
}

/// The hours as a picture; nothing when the ledger has no event times.
pub(super) fn completeness_chart<'a>(
    entries: impl IntoIterator<Item = &'a LandingEntry>,
    progress: &BTreeMap<i32, Completeness>,
) -> Markup {
    let hours = count_hours(entries, progress);
    let complete = hours.iter().filter(|hour| hour.is_complete).count();
    let drawn: Vec<Bar> = hours
        .iter()
        .map(|hour| Bar {
            value: hour.rows,
            class: if hour.is_complete { "good" } else { "busy" },
            title: format!(
                "{}: about {}, {}",
                format_time(hour.hour * HOUR_MS),
                format_count(hour.rows.round() as u64, "row"),
                if hour.is_complete {
                    "complete"
                } else {
                    "not complete yet"
                }
            ),
            link: None,
        })
        .collect();
    html! {
        @if !drawn.is_empty() {
            h3 { "Hours of event time" }
            (bars(&drawn, &format!("Rows by hour of event time, the newest on the right: {complete} of {} hours are complete", drawn.len())))
            p.quiet { (complete) " of the last " (format_count(drawn.len() as u64, "hour"))
                " in the latest batches are complete: each partition has later events, or was read to its end later." }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(minutes * 60_000).unwrap()
    }

    fn times(from: i64, until: i64) -> EventTimes {
        EventTimes {
            min: at(from),
            max: at(until),
        }
    }

    #[test]
    fn rows_are_spread_over_the_time_of_their_file() {
        assert_eq!(hour_shares(times(10, 20)), [(0, 1.0)]);
        assert_eq!(hour_shares(times(30, 90)), [(0, 0.5), (1, 0.5)]);
        assert_eq!(hour_shares(times(60, 60)), [(1, 1.0)]);
        // Of a file with old events, the last hours.
        let shares = hour_shares(times(0, 100 * 60));
        assert_eq!(shares.len(), 24);
        assert!(shares.iter().all(|(hour, _)| *hour > 76));
    }

    #[test]
    fn an_hour_is_complete_when_all_partitions_are_beyond_it() {
        let partition = |latest: Option<i64>, caught_up: Option<i64>| Completeness {
            latest_event: latest.map(at),
            caught_up_at: caught_up.map(at),
        };
        let progress = |partitions: &[Completeness]| -> BTreeMap<i32, Completeness> {
            (0..).zip(partitions.iter().copied()).collect()
        };
        assert!(!is_complete(0, &progress(&[])));
        assert!(is_complete(0, &progress(&[partition(Some(60), None)])));
        assert!(!is_complete(0, &progress(&[partition(Some(59), Some(59))])));
        let both = [partition(Some(90), None), partition(Some(5), Some(61))];
        assert!(is_complete(0, &progress(&both)));
        assert!(!is_complete(1, &progress(&both)));
    }
}
