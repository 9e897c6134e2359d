//! Deduplication that moves row ids instead of rows.
//!
//! `QUALIFY row_number() OVER (PARTITION BY key ORDER BY …) = 1` keeps one row
//! of each key. Planned as a window, it sorts and copies every wide row, although
//! only few keys have duplicates. Here it is taken apart instead:
//!
//! 1. [`split_dedup`] cuts the plan: the rows below the window are to be *staged*
//!    (computed once and kept), each with a unique id, [`ROW_ID`].
//! 2. [`DedupSplit::duplicate_ids`] finds, over the staged rows, the ids of the
//!    rows to drop: a grouped count over only the keys finds those that occur more
//!    than once, and `row_number` runs over only the rows of those keys.
//! 3. [`DedupSplit::deduplicated`] gives the staged rows without the duplicates
//!    the schema of the node that was cut out, and
//!    [`DedupSplit::replace_in_plan`] puts them in that node's place.
//!
//! Invariants:
//!
//! - NULL keys form one group, as with `PARTITION BY`.
//! - Which of several equal rows stays does not depend on partitions or batches:
//!   the row id decides ties in the query's order where it is the row's position
//!   in the source; otherwise all other columns decide before it.
//! - A plan that is not exactly this pattern is not changed.

mod build;
mod find;
mod ids;
mod split;

#[cfg(test)]
mod tests;

pub(crate) use find::{DedupMatch, match_dedup};
pub(crate) use ids::{row_kept, row_kept_udf};
pub(crate) use split::{DedupSplit, Numbering, split_dedup};

/// The column of the staged rows with the row's unique id, UInt64, never null.
pub(crate) const ROW_ID: &str = "__row_id";
