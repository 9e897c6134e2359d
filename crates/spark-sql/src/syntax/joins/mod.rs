//! `JOIN … USING` and `NATURAL JOIN`.
//!
//! The result of such a join has each key once, before all other columns. For
//! `FULL JOIN` it is `coalesce(a.k, b.k)`, for `RIGHT JOIN` it is `b.k`, else
//! `a.k`; `k` without a relation's name is that column and never ambiguous. `a.k`
//! and `b.k` are still the columns of the two sides.
//!
//! DataFusion takes the left side's column for `k`, and finds `k` ambiguous in
//! `WHERE` (apache/datafusion#22881, #22998). So no query reaches its planner
//! with `USING`: the joins get an `ON`, `k` is replaced by what it stands for, and
//! `*` by what it expands to. For that the names of the columns of each relation
//! must be known; [`columns`] finds them.

pub(super) mod columns;
mod rewrite;
mod scope;
mod stars;

pub(super) use rewrite::rewrite_joins;
pub(super) use scope::constraint_of;

#[cfg(test)]
mod tests;
