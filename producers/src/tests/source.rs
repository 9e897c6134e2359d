//! Tests of the events that plans generate.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use sluice_sample_events::Event;

use super::plan::plan;
use crate::counts::SentCounts;
use crate::source::EventSource;

fn bulk(args: &[&str]) -> Vec<Event> {
    let plan = plan(args).unwrap();
    let mut source = EventSource::new(&plan);
    (0..plan.required_events())
        .map(|_| source.next_event())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn seed_and_anchor_make_the_events(seed: u64, count in 1_u64..400, kind in 0_usize..2) {
        let kind = ["user-events", "transaction-events"][kind];
        let (seed, count) = (seed.to_string(), count.to_string());
        let mut args = vec![kind, "--bulk", "--count", &count, "--seed", &seed];
        args.extend(["--duplicate-permille", "50", "--malformed-permille", "50", "--late-permille", "50"]);
        args.extend(["--until", "2026-03-01T00:00:00Z"]);
        prop_assert_eq!(bulk(&args), bulk(&args));
    }

    #[test]
    fn a_bulk_spreads_evenly_over_three_months(seed: u64, count in 1_u64..1_000) {
        let (seed, number) = (seed.to_string(), count.to_string());
        let args = ["user-events", "--bulk", "--count", &number, "--seed", &seed, "--until", "2026-03-01T00:00:00Z"];
        let until: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        let length = 90 * 86_400_000_000_i64;
        let start = until.timestamp_micros() - length;
        for (n, event) in bulk(&args).iter().enumerate() {
            // The n-th event is in the n-th of `count` equal parts.
            let part = i128::from(event.timestamp_micros - start) * i128::from(count) / i128::from(length);
            prop_assert!((part - n as i128).abs() <= 1, "event {} in part {}", n, part);
            prop_assert!(event.timestamp_micros < until.timestamp_micros());
        }
    }

    #[test]
    fn the_books_count_every_event_once(seed: u64) {
        let seed = seed.to_string();
        let mut args = vec!["transaction-events", "--bulk", "--count", "600", "--seed", &seed];
        args.extend(["--duplicate-permille", "200", "--malformed-permille", "200", "--late-permille", "200"]);
        let events = bulk(&args);
        let mut sent = SentCounts::default();
        for event in &events {
            sent.count_event(event);
        }
        prop_assert_eq!(sent.events, 600);
        prop_assert_eq!(sent.bytes, events.iter().map(|event| event.value.len() as u64).sum::<u64>());
        let broken = events.iter().filter(|event| matches!(event.kind, sluice_sample_events::LineKind::Malformed(_)));
        prop_assert_eq!(sent.malformed.total(), broken.count() as u64);
        let times: Vec<_> = events.iter().map(|event| event.timestamp_micros).collect();
        prop_assert_eq!(sent.time_range, Some((*times.iter().min().unwrap(), *times.iter().max().unwrap())));
        prop_assert!(sent.duplicates > 0 && sent.updates > 0 && sent.late > 0);
    }
}

#[test]
fn both_topics_have_the_same_customers_whatever_their_seeds() {
    let keys = |kind: &str, seed: &str| -> HashSet<_> {
        let args = [
            kind, "--bulk", "--count", "3000", "--seed", seed, "--users", "100",
        ];
        bulk(&args).iter().map(|event| event.key).collect()
    };
    let users = keys("user-events", "1");
    assert_eq!(users.len(), 100);
    assert_eq!(users, keys("transaction-events", "2"));
}

#[test]
fn other_seeds_send_other_ids() {
    let ids = |seed: &str| -> HashSet<Vec<u8>> {
        bulk(&["user-events", "--bulk", "--count", "500", "--seed", seed])
            .into_iter()
            .map(|event| event.value[..60].to_vec())
            .collect()
    };
    assert!(ids("1").is_disjoint(&ids("2")));
}

#[test]
fn live_events_happen_when_they_are_asked_for() {
    let mut source = EventSource::new(&plan(&["transaction-events"]).unwrap());
    let now: DateTime<Utc> = "2026-11-24T11:22:33.123456Z".parse().unwrap();
    let event = source.next_event_at(now);
    assert_eq!(event.timestamp_micros, now.timestamp_micros());
    let text = String::from_utf8(event.value).unwrap();
    assert!(text.contains("\"2026-11-24T11:22:33.123456Z\""), "{text}");
}
