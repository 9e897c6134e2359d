//! Conditions that guard others: `b <> 0 AND a / b > 1` does not divide by zero.
//!
//! DataFusion evaluates both sides of an `AND` for whole batches, reorders the
//! conditions of a filter, merges filters and moves conditions below joins and
//! projections. That is right as long as no expression can fail; with checked
//! arithmetic and casts it would fail for rows that the guard excludes. So:
//!
//! - `can_fail` says which expressions can end a query. All others stay as they
//!   are and cost nothing more.
//! - [`GuardConditions`], an analyzer rule, takes the conditions of a filter that
//!   can fail into filters of their own, above the filter with all others, in
//!   their order. A filter hands on only the rows that pass, so a condition sees
//!   only rows that pass those before it. In other places (`OR`, the select list,
//!   the condition of an outer join) it makes a `CASE` of the condition, whose
//!   branches DataFusion evaluates only for the rows that need them.
//! - `GuardedPushDownFilter` stands in for DataFusion's rule: a condition that
//!   can fail stays where it is, and all others move past it.
//!
//! The markers are functions that change nothing. They are
//! volatile, which keeps the rules of the physical plan from moving them, too.

mod analyzer;
mod can_fail;
mod functions;
mod push_down;

pub(crate) use analyzer::GuardConditions;
pub(crate) use functions::guard_functions;
pub(crate) use push_down::GuardedPushDownFilter;
