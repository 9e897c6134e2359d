//! Deduplication that moves ids, not rows
//!
//! `QUALIFY row_number() OVER (PARTITION BY key ORDER BY …) = 1` keeps one row
//! of each key. Planned as a window it sorts and copies every wide row,
//! although only few keys repeat. Here it is taken apart instead:
//!
//! 1. [`split`] cuts the plan: the rows below the window are to be *staged*
//!    (computed once and kept), each with a number of its own, [`ROW_ID`].
//! 2. [`Split::losers`] finds, over the staged rows, the numbers of the rows to
//!    drop: keys that occur more than once by a grouped count over the key
//!    alone, and `row_number` over just the rows of those keys.
//! 3. [`Split::survivors`] (or [`Split::survivors_without`], given the numbers)
//!    is the staged rows without the losers, with the schema of the node that
//!    was cut out, and [`Split::finish`] puts it in that node's place.
//!
//! Invariants:
//!
//! - NULL keys form one group, as `PARTITION BY` has it.
//! - Which of several equal rows stays does not depend on partitions or
//!   batches: ties in the given order are decided by the row number where it
//!   is the row's place in the source, else by all other columns first.
//! - Anything that is not exactly this pattern is left alone.

mod build;
mod find;
mod ids;
mod split;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use find::{Dedup, find};
pub use ids::{row_kept, row_kept_udf};
pub use split::{Numbering, OrderKey, Split, split};

/// Column of the staged rows with the row's own number, UInt64, never null
pub const ROW_ID: &str = "__row_id";

/// Hidden column of a source with the place of the row in it, UInt64: unique,
/// and the same on every run over the same files
pub const POSITION: &str = "__position";
