//! Computes up to which event time a topic is complete. No I/O.
//!
//! A partition is complete up to the time at which everything in it was read,
//! or else up to the latest event that was read from it. A topic is as complete
//! as its least complete partition. Events that arrive more than `lateness`
//! after they happened can still be missing: a topic cannot show what has not
//! been sent yet.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use sluice_landing::Completeness;

use crate::batch::draft::FUTURE_TOLERANCE;

/// The time up to which a topic is complete, given the ledger's progress up to its
/// entry of `committed_at`; `None` when nothing is known of a partition yet. `caught_up` adds what is known in addition to the ledger.
pub fn topic_watermark(
    partitions: impl IntoIterator<Item = i32>,
    progress: &BTreeMap<i32, Completeness>,
    caught_up: &BTreeMap<i32, DateTime<Utc>>,
    lateness: TimeDelta,
    committed_at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let mut least: Option<DateTime<Utc>> = None;
    for partition in partitions {
        let known = progress.get(&partition).copied().unwrap_or_default();
        let read = known.caught_up_at.max(caught_up.get(&partition).copied());
        // An event from a clock that is ahead must not make the future complete, and
        // one from a clock that is wrong says nothing.
        let event = known
            .latest_event
            .filter(|event| *event <= committed_at + FUTURE_TOLERANCE)
            .map(|event| event.min(committed_at));
        let complete = read.max(event)?;
        least = Some(least.map_or(complete, |least| least.min(complete)));
    }
    least?.checked_sub_signed(lateness)
}

/// The last full hour before a time.
pub fn full_hour(time: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = time.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(3600), 0).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn progress(latest: Option<i64>, caught_up: Option<i64>) -> Completeness {
        Completeness {
            latest_event: latest.map(at),
            caught_up_at: caught_up.map(at),
        }
    }

    #[test]
    fn the_least_complete_partition_decides() {
        let parts: BTreeMap<_, _> = [
            (0, progress(Some(500), None)),
            (1, progress(Some(100), Some(900))),
        ]
        .into();
        let none = BTreeMap::new();
        let mark = |parts: &BTreeMap<_, _>, more: &BTreeMap<_, _>, late| {
            let late = TimeDelta::seconds(late);
            topic_watermark(0..2, parts, more, late, at(1000)).map(|time| time.timestamp())
        };
        assert_eq!(mark(&parts, &none, 0), Some(500));
        assert_eq!(mark(&parts, &none, 60), Some(440));
        assert_eq!(mark(&parts, &[(0, at(950))].into(), 0), Some(900));
        // An event from a clock that is ahead, and one from a wrong clock.
        let ahead = |seconds| {
            let first = (0, progress(Some(seconds), None));
            [first, (1, progress(None, Some(990)))].into()
        };
        assert_eq!(mark(&ahead(1100), &none, 0), Some(990));
        assert_eq!(mark(&ahead(5000), &none, 0), None);
        // A partition that was never read.
        assert_eq!(mark(&[(0, progress(Some(1), None))].into(), &none, 0), None);
        assert_eq!(full_hour(at(7300)).timestamp(), 7200);
        assert_eq!(full_hour(at(-1)).timestamp(), -3600);
    }
}
