use proptest::prelude::*;

use super::*;
use sluice_landing::StoredFile;

pub(crate) fn range_of(partition: i32, start: i64, end: i64) -> LandedRange {
    let rows = u64::try_from(end - start).unwrap();
    LandedRange {
        partition,
        start,
        end,
        rows,
        rejects: 0,
        runs: None,
        file: (rows > 0).then(|| StoredFile {
            path: format!("t-{partition}-{start}-{end}-x.json"),
            bytes: 1,
            checksum: String::new(),
        }),
        rejected: None,
        event_time: None,
        events_ahead: 0,
    }
}

fn offset_map(pairs: &[(i32, i64)]) -> BTreeMap<i32, i64> {
    pairs.iter().copied().collect()
}

#[test]
fn ranges_continue_where_the_entry_before_ended() {
    let before = offset_map(&[(0, 10), (1, 5)]);
    let ranges = [range_of(0, 10, 12), range_of(0, 12, 20), range_of(2, 3, 4)];
    let after = advance_offsets(&before, &[], &ranges).unwrap();
    assert_eq!(after, offset_map(&[(0, 20), (1, 5), (2, 4)]));
    check_continuity(&before, &[], &ranges, &after).unwrap();
}

#[test]
fn a_gap_an_overlap_and_a_wrong_next_are_refused() {
    let before = offset_map(&[(0, 10)]);
    for ranges in [
        vec![range_of(0, 11, 12)],
        vec![range_of(0, 9, 12)],
        vec![range_of(0, 10, 12), range_of(0, 13, 14)],
    ] {
        let error = advance_offsets(&before, &[], &ranges).unwrap_err();
        assert!(matches!(error, ContinuityError::Gap { .. }), "{error}");
    }
    for next in [&[(0, 11)][..], &[], &[(0, 12), (0, 13)]] {
        let error =
            check_continuity(&before, &[], &[range_of(0, 10, 12)], &offset_map(next)).unwrap_err();
        assert!(matches!(error, ContinuityError::Next { .. }), "{error}");
    }
    // A partition that is added without records.
    check_continuity(&before, &[], &[], &offset_map(&[(0, 10), (1, 0)])).unwrap();
}

#[test]
fn a_hole_bridges_what_is_lost() {
    let before = offset_map(&[(0, 10)]);
    let hole = Hole {
        partition: 0,
        start: 10,
        end: 50,
    };
    let after = advance_offsets(&before, &[hole], &[range_of(0, 50, 60)]).unwrap();
    assert_eq!(after, offset_map(&[(0, 60)]));
    assert!(advance_offsets(&before, &[], &[range_of(0, 50, 60)]).is_err());
}

#[test]
fn counts_files_and_runs_must_agree() {
    let sound = range_of(0, 0, 5);
    let spoilt: [fn(&mut LandedRange); 5] = [
        |r| r.rejects = 1,
        |r| r.rows = 4,
        |r| r.runs = Some(sluice_landing::OffsetSpans::without_gaps(1, 5)),
        |r| r.file = None,
        |r| r.end = -1,
    ];
    for (at, spoil) in spoilt.into_iter().enumerate() {
        let mut range = sound.clone();
        spoil(&mut range);
        // Rows without runs are dense, so fewer rows are valid.
        assert_eq!(
            advance_offsets(&offset_map(&[]), &[], &[range]).is_ok(),
            at == 1,
            "{at}"
        );
    }
}

/// The ranges of a batch that starts at a fixed entry. Two of them stand for two
/// runs that started at the same entry.
fn any_ranges() -> impl Strategy<Value = Vec<LandedRange>> {
    prop::collection::vec((0..3i32, prop::collection::vec(1..9i64, 1..3)), 0..3).prop_map(|parts| {
        let mut next = offset_map(&[(0, 10), (1, 20)]);
        let mut ranges = Vec::new();
        for (partition, lengths) in parts {
            for length in lengths {
                let start = *next.entry(partition).or_insert(0);
                next.insert(partition, start + length);
                ranges.push(range_of(partition, start, start + length));
            }
        }
        ranges
    })
}

proptest! {
    /// The second batch keeps what still continues the ledger, and nothing else:
    /// after both, every offset is covered once.
    #[test]
    fn the_second_of_two_batches_tiles_after_rebasing(first in any_ranges(), second in any_ranges()) {
        let before = offset_map(&[(0, 10), (1, 20)]);
        let next = advance_offsets(&before, &[], &first).unwrap();
        let rebased = rebase_batch(&next, &[], &second);
        prop_assert_eq!(rebased.kept.len() + rebased.dropped.len(), second.len());
        let after = advance_offsets(&next, &[], &rebased.kept).unwrap();
        let mut covered: Vec<(i32, i64)> = first.iter().chain(&rebased.kept)
            .flat_map(|r| (r.start..r.end).map(|offset| (r.partition, offset)))
            .collect();
        let all = covered.len();
        covered.sort_unstable();
        covered.dedup();
        prop_assert_eq!(covered.len(), all);
        for (partition, next) in after {
            let begin = before.get(&partition).copied().unwrap_or(0);
            let count = covered.iter().filter(|(p, _)| *p == partition).count();
            prop_assert_eq!(next - begin, count as i64);
        }
        for dropped in rebased.dropped {
            prop_assert!(first.iter().any(|r| r.partition == dropped.partition));
        }
    }
}
