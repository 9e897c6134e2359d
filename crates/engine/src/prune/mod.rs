//! Narrows sources to what a job reads.
//!
//! A landing line holds far more than a job uses, and fields that are not read
//! should not be parsed. [`required_fields`] walks a logical plan and returns, per
//! table, which columns and which nested fields it reads; [`narrow_schema`] then
//! cuts a table's schema down to them.
//!
//! Invariant: every result is over-inclusive. A plan node or an expression of
//! which it is not exactly known what it reads counts as reading every column
//! below it whole.
//!
//! There are two ways to use the result:
//!
//! - **Plan again.** [`required_fields`] over *unoptimized* plans, then
//!   [`narrow_schema`], then the same SQL text is planned over the narrowed
//!   tables. Columns that the text names stay, even when their value is not
//!   used, so that the text still resolves.
//! - **Rebase.** [`read_through`], then [`narrow_types`] (all top-level columns
//!   stay, only nested types become smaller), then [`rebase_plan`] puts the
//!   narrowed tables under the existing plan. DataFusion's own projection
//!   pushdown removes the top-level columns.

mod expr;
mod rebase;
mod required;
mod walk;

#[cfg(test)]
mod tests;

pub use rebase::rebase_plan;
pub use required::{Need, RequiredFields, narrow_schema, narrow_types};
pub use walk::{read_through, required_fields};
