//! Narrowing of sources to what a job reads
//!
//! A landing line holds far more than a job uses, and a field that nobody
//! reads should not be parsed. [`required_fields`] walks the logical plans of
//! all datasets of a job and tells, per table, which columns and which nested
//! fields some plan reads; [`narrow_schema`] then cuts a table's schema down
//! to them.
//!
//! Invariant: every answer is over-inclusive. A plan node or an expression
//! whose reading is not exactly known counts as reading all of every column
//! below it.
//!
//! There are two ways to use the answer:
//!
//! - **Plan again.** [`required_fields`] over *unoptimized* plans, then
//!   [`narrow_schema`], then the same SQL text is planned over the narrowed
//!   tables. Columns that the text names stay, even when their value is not
//!   used, so that the text still resolves.
//! - **Rebase.** [`read_through`], then [`narrow_types`] (all top-level columns
//!   stay, only nested types become smaller), then [`rebase`] puts the
//!   narrowed tables under the existing plan. DataFusion's own projection
//!   pushdown takes care of the top-level columns.

mod expr;
mod rebase;
mod required;
mod walk;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use rebase::rebase;
pub use required::{Need, RequiredFields, narrow_schema, narrow_types};
pub use walk::{read_through, required_fields};
