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
//! 3. [`DedupSplit::deduplicated_by_join`] (or [`DedupSplit::deduplicated`], from
//!    the ids) is the staged rows without the duplicates, with the schema of the
//!    node that was cut out. [`DedupSplit::replace_in_plan`] puts it in that
//!    node's place.
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

pub use find::{Dedup, find_dedup};
pub use ids::{row_kept, row_kept_udf};
pub use split::{DedupSplit, Numbering, OrderKey, split_dedup};

/// The column of the staged rows with the row's unique id, UInt64, never null.
pub const ROW_ID: &str = "__row_id";
