use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::kafka::OffsetBounds;
use sluice_landing::{CloseReason, ENTRY_VERSION, TopicTotals};

fn newest_entry(next: &[(i32, i64)], topic_id: Option<&str>) -> LandingEntry {
    LandingEntry {
        version: ENTRY_VERSION,
        batch_id: Uuid::nil(),
        run_id: String::new(),
        run_continues: false,
        run_entries: Vec::new(),
        topic: "t".to_owned(),
        cluster_id: Some("c1".to_owned()),
        topic_id: topic_id.map(str::to_owned),
        started_at: chrono::DateTime::UNIX_EPOCH,
        closed_by: CloseReason::Duration,
        ranges: Vec::new(),
        holes: Vec::new(),
        next: next.iter().copied().collect(),
        totals: TopicTotals::default(),
        event_time_field: None,
        progress: BTreeMap::new(),
    }
}

fn topic_metadata(marks: &[(i32, i64, i64)], topic_id: Option<&str>) -> TopicMetadata {
    TopicMetadata {
        cluster_id: Some("c1".to_owned()),
        topic_id: topic_id.map(str::to_owned),
        partitions: marks
            .iter()
            .map(|(partition, low, high)| {
                let (low, high) = (*low, *high);
                let end = high;
                (*partition, OffsetBounds { low, high, end })
            })
            .collect(),
    }
}

fn start_after(
    next: &[(i32, i64)],
    marks: &[(i32, i64, i64)],
    accept: bool,
) -> Result<BatchStart, StartError> {
    let newest = newest_entry(next, Some("a"));
    find_start_offsets(
        "t",
        Some(&newest),
        &topic_metadata(marks, Some("a")),
        &ResolvedBegin::Latest,
        accept,
    )
}

#[test]
fn the_ledger_decides_where_to_go_on() {
    let start = start_after(&[(0, 5), (1, 9)], &[(0, 2, 7), (1, 0, 9), (2, 0, 4)], false).unwrap();
    assert_eq!(start.offsets, [(0, 5), (1, 9), (2, 0)].into());
    assert!(start.holes.is_empty());
}

#[test]
fn deleted_records_stop_ingest_or_become_holes() {
    let marks = [(0, 8, 20), (1, 3, 5)];
    let error = start_after(&[(0, 5)], &marks, false).unwrap_err();
    assert_eq!(
        error,
        StartError::DataLost {
            topic: "t".to_owned(),
            partition: 0,
            next: 5,
            low: 8,
            lost: 6
        }
    );
    let start = start_after(&[(0, 5)], &marks, true).unwrap();
    assert_eq!(start.offsets, [(0, 8), (1, 3)].into());
    assert_eq!(start.holes.len(), 2);
}

#[test]
fn offsets_that_went_backwards_stop_ingest() {
    let error = start_after(&[(0, 5)], &[(0, 0, 4)], true).unwrap_err();
    assert!(matches!(
        error,
        StartError::OffsetsBackwards {
            next: 5,
            high: 4,
            ..
        }
    ));
}

#[test]
fn another_topic_of_the_same_name_is_noticed() {
    let old = newest_entry(&[(0, 5)], Some("a"));
    for facts in [
        topic_metadata(&[(0, 0, 9)], Some("b")),
        topic_metadata(&[(1, 0, 9)], Some("a")),
        TopicMetadata {
            cluster_id: Some("c2".to_owned()),
            ..topic_metadata(&[(0, 0, 9)], Some("a"))
        },
    ] {
        let error = find_start_offsets("t", Some(&old), &facts, &ResolvedBegin::Earliest, true)
            .unwrap_err();
        assert!(
            matches!(error, StartError::TopicRecreated { .. }),
            "{error}"
        );
    }
    // A broker that reports no id is accepted.
    find_start_offsets(
        "t",
        Some(&old),
        &topic_metadata(&[(0, 0, 9)], None),
        &ResolvedBegin::Earliest,
        false,
    )
    .unwrap();
}

#[test]
fn a_new_ledger_begins_at_the_requested_offsets() {
    let facts = topic_metadata(&[(0, 2, 7), (1, 0, 0)], None);
    let at = |begin: ResolvedBegin| find_start_offsets("t", None, &facts, &begin, false);
    assert_eq!(
        at(ResolvedBegin::Earliest).unwrap().offsets,
        [(0, 2), (1, 0)].into()
    );
    assert_eq!(
        at(ResolvedBegin::Latest).unwrap().offsets,
        [(0, 7), (1, 0)].into()
    );
    assert_eq!(
        at(ResolvedBegin::Each([(0, 5)].into())).unwrap().offsets,
        [(0, 5), (1, 0)].into()
    );
    let error = at(ResolvedBegin::Offset(3)).unwrap_err();
    assert!(matches!(
        error,
        StartError::NoSuchOffset { partition: 1, .. }
    ));
}

proptest! {
    /// In every case, reading begins at an offset that exists, and together with
    /// the holes it continues the ledger.
    #[test]
    fn nothing_is_skipped_unseen(
        parts in prop::collection::btree_map(0..4i32, (0..9i64, 0..9i64, prop::option::of(0..20i64)), 1..4),
        accept in any::<bool>(),
    ) {
        let marks: Vec<_> = parts.iter().map(|(p, (low, more, _))| (*p, *low, low + more)).collect();
        let next: Vec<_> = parts.iter().filter_map(|(p, (_, _, next))| Some((*p, (*next)?))).collect();
        if let Ok(start) = start_after(&next, &marks, accept) {
            for (p, low, high) in marks {
                let from = start.offsets[&p];
                prop_assert!(low <= from && from <= high);
                let known = next.iter().find(|(q, _)| *q == p).map_or(0, |(_, n)| *n);
                let hole = start.holes.iter().find(|h| h.partition == p);
                match hole {
                    Some(hole) => {
                        prop_assert!(accept);
                        prop_assert_eq!((hole.start, hole.end), (known, from));
                    }
                    None => prop_assert_eq!(known, from),
                }
            }
        }
    }
}
