use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use sluice_landing::{Closed, ENTRY_VERSION, Totals};

fn newest(next: &[(i32, i64)], topic_id: Option<&str>) -> Batch {
    Batch {
        version: ENTRY_VERSION,
        batch_id: Uuid::nil(),
        run_id: String::new(),
        run_continues: false,
        run_entries: Vec::new(),
        topic: "t".to_owned(),
        cluster_id: Some("c1".to_owned()),
        topic_id: topic_id.map(str::to_owned),
        started_at: chrono::DateTime::UNIX_EPOCH,
        closed_by: Closed::Duration,
        ranges: Vec::new(),
        holes: Vec::new(),
        next: next.iter().copied().collect(),
        totals: Totals::default(),
        event_time_field: None,
        progress: BTreeMap::new(),
    }
}

fn facts(marks: &[(i32, i64, i64)], topic_id: Option<&str>) -> Facts {
    Facts {
        cluster_id: Some("c1".to_owned()),
        topic_id: topic_id.map(str::to_owned),
        partitions: marks
            .iter()
            .map(|(partition, low, high)| {
                let (low, high) = (*low, *high);
                (*partition, Watermarks { low, high })
            })
            .collect(),
    }
}

fn go_on(
    next: &[(i32, i64)],
    marks: &[(i32, i64, i64)],
    accept: bool,
) -> Result<Start, StartError> {
    let newest = newest(next, Some("a"));
    start(
        "t",
        Some(&newest),
        &facts(marks, Some("a")),
        &Begin::Latest,
        accept,
    )
}

#[test]
fn the_ledger_decides_where_to_go_on() {
    let start = go_on(&[(0, 5), (1, 9)], &[(0, 2, 7), (1, 0, 9), (2, 0, 4)], false).unwrap();
    assert_eq!(start.offsets, [(0, 5), (1, 9), (2, 0)].into());
    assert!(start.holes.is_empty());
}

#[test]
fn deleted_records_stop_ingest_or_become_holes() {
    let marks = [(0, 8, 20), (1, 3, 5)];
    let error = go_on(&[(0, 5)], &marks, false).unwrap_err();
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
    let start = go_on(&[(0, 5)], &marks, true).unwrap();
    assert_eq!(start.offsets, [(0, 8), (1, 3)].into());
    assert_eq!(start.holes.len(), 2);
}

#[test]
fn offsets_that_went_backwards_stop_ingest() {
    let error = go_on(&[(0, 5)], &[(0, 0, 4)], true).unwrap_err();
    assert!(matches!(
        error,
        StartError::Backwards {
            next: 5,
            high: 4,
            ..
        }
    ));
}

#[test]
fn another_topic_of_the_same_name_is_noticed() {
    let old = newest(&[(0, 5)], Some("a"));
    for facts in [
        facts(&[(0, 0, 9)], Some("b")),
        facts(&[(1, 0, 9)], Some("a")),
        Facts {
            cluster_id: Some("c2".to_owned()),
            ..facts(&[(0, 0, 9)], Some("a"))
        },
    ] {
        let error = start("t", Some(&old), &facts, &Begin::Earliest, true).unwrap_err();
        assert!(matches!(error, StartError::Recreated { .. }), "{error}");
    }
    // A broker that reports no id is accepted.
    start(
        "t",
        Some(&old),
        &facts(&[(0, 0, 9)], None),
        &Begin::Earliest,
        false,
    )
    .unwrap();
}

#[test]
fn a_new_ledger_begins_where_it_is_told() {
    let facts = facts(&[(0, 2, 7), (1, 0, 0)], None);
    let at = |begin: Begin| start("t", None, &facts, &begin, false);
    assert_eq!(
        at(Begin::Earliest).unwrap().offsets,
        [(0, 2), (1, 0)].into()
    );
    assert_eq!(at(Begin::Latest).unwrap().offsets, [(0, 7), (1, 0)].into());
    assert_eq!(
        at(Begin::At([(0, 5)].into())).unwrap().offsets,
        [(0, 5), (1, 0)].into()
    );
    let error = at(Begin::Offset(3)).unwrap_err();
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
        if let Ok(start) = go_on(&next, &marks, accept) {
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
