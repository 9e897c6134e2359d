//! Decides whether a batch may follow an entry, and which part of it remains when
//! another batch was committed first. No I/O.
//!
//! Entry N+1 is valid only if every partition's ranges begin at entry N's next
//! offset, follow one another without a gap, and end at entry N+1's next offset.

use std::collections::BTreeMap;

use thiserror::Error;

use sluice_landing::{Hole, LandedRange};

/// Why ranges do not continue a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContinuityError {
    /// A range does not begin where the one before it ended.
    #[error("partition {partition}: the range {start}..{end} should begin at offset {expected}")]
    Gap {
        partition: i32,
        start: i64,
        end: i64,
        /// Where the range should begin.
        expected: i64,
    },
    /// A range ends before it begins, has more records than offsets, or has
    /// lines outside of its offsets.
    #[error("partition {partition}: the range {start}..{end} is invalid: {problem}")]
    InvalidRange {
        partition: i32,
        start: i64,
        end: i64,
        problem: &'static str,
    },
    /// The recorded next offset is not the one that follows from the ranges.
    #[error(
        "partition {partition}: the next offset is {next:?}, but the ranges lead to {expected:?}"
    )]
    Next {
        partition: i32,
        /// The recorded offset.
        next: Option<i64>,
        /// The offset that follows from the ranges.
        expected: Option<i64>,
    },
}

/// The next offsets after `holes` and `ranges`, which must continue `next`. A
/// partition that `next` does not know may begin anywhere.
pub(crate) fn advance_offsets(
    next: &BTreeMap<i32, i64>,
    holes: &[Hole],
    ranges: &[LandedRange],
) -> Result<BTreeMap<i32, i64>, ContinuityError> {
    let mut after = next.clone();
    for hole in holes {
        // A hole comes before the ranges of its batch.
        advance_partition(&mut after, hole.partition, hole.start, hole.end)?;
    }
    for range in ranges {
        check_range(range)?;
        advance_partition(&mut after, range.partition, range.start, range.end)?;
    }
    Ok(after)
}

/// Checks that an entry with these parts may follow one with `before`.
pub(crate) fn check_continuity(
    before: &BTreeMap<i32, i64>,
    holes: &[Hole],
    ranges: &[LandedRange],
    next: &BTreeMap<i32, i64>,
) -> Result<(), ContinuityError> {
    let expected = advance_offsets(before, holes, ranges)?;
    for partition in expected.keys().chain(next.keys()) {
        let (next, expected) = (next.get(partition), expected.get(partition));
        // A partition may be added with its start offset before it has any
        // record. It may not be removed, and its next offset may not jump.
        if next != expected && (next.is_none() || expected.is_some()) {
            return Err(ContinuityError::Next {
                partition: *partition,
                next: next.copied(),
                expected: expected.copied(),
            });
        }
    }
    Ok(())
}

fn advance_partition(
    after: &mut BTreeMap<i32, i64>,
    partition: i32,
    start: i64,
    end: i64,
) -> Result<(), ContinuityError> {
    if end < start {
        return Err(ContinuityError::InvalidRange {
            partition,
            start,
            end,
            problem: "it ends before it begins",
        });
    }
    let expected = after.entry(partition).or_insert(start);
    if *expected != start {
        return Err(ContinuityError::Gap {
            partition,
            start,
            end,
            expected: *expected,
        });
    }
    *expected = end;
    Ok(())
}

fn check_range(range: &LandedRange) -> Result<(), ContinuityError> {
    let runs = range.line_offsets();
    let problem = if range.start < 0 {
        "offsets are never negative"
    } else if range.rows.saturating_add(range.rejects)
        > (range.end.saturating_sub(range.start)).unsigned_abs()
    {
        "it has more records than offsets"
    } else if runs.line_count() != range.rows {
        "its offset runs and its rows differ in number of lines"
    } else if !runs.fit_within(range.start, range.end) {
        "its offset runs lie outside of it"
    } else if range.file.is_some() != (range.rows > 0)
        || range.rejected.is_some() != (range.rejects > 0)
    {
        "its files do not match its counts"
    } else {
        return Ok(());
    };
    Err(ContinuityError::InvalidRange {
        partition: range.partition,
        start: range.start,
        end: range.end,
        problem,
    })
}

/// What remains of a batch after other entries were appended.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RebasedBatch {
    /// Ranges that still continue the ledger.
    pub(crate) kept: Vec<LandedRange>,
    /// Ranges that another batch has committed; no entry will name their files.
    pub(crate) dropped: Vec<LandedRange>,
    /// Holes that still continue the ledger.
    pub(crate) holes: Vec<Hole>,
}

/// Splits a batch by whether its parts continue `next`, the newest entry's next
/// offsets. A partition is kept or dropped as a whole, because ranges after a
/// dropped range do not continue the ledger either.
pub(crate) fn rebase_batch(
    next: &BTreeMap<i32, i64>,
    holes: &[Hole],
    ranges: &[LandedRange],
) -> RebasedBatch {
    let mut start_offsets: BTreeMap<i32, i64> = BTreeMap::new();
    for hole in holes {
        start_offsets.entry(hole.partition).or_insert(hole.start);
    }
    for range in ranges {
        start_offsets.entry(range.partition).or_insert(range.start);
    }
    let continues_ledger = |partition: i32| match next.get(&partition) {
        Some(next) => start_offsets.get(&partition) == Some(next),
        None => true,
    };
    let (kept, dropped) = ranges
        .iter()
        .cloned()
        .partition(|range| continues_ledger(range.partition));
    RebasedBatch {
        kept,
        dropped,
        holes: holes
            .iter()
            .copied()
            .filter(|hole| continues_ledger(hole.partition))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
