//! For tests only: random tables, and random queries over them that mean the
//! same in Spark and in DuckDB.
//!
//! Everything follows from numbers. A seed gives the tables; a record of choices
//! gives a query, and smaller records give smaller queries ([`shrink_record`]).
//! What the dialects write differently has two spellings ([`Sql`]); what has no
//! common meaning is left out.

mod aggregates;
mod choices;
mod expressions;
mod features;
mod generator;
mod lateral;
mod predicates;
mod queries;
mod relations;
mod scope;
mod sql;
mod subqueries;
mod tables;
mod values;
mod windows;

use std::collections::BTreeSet;

pub use choices::{Choices, shrink_record};
pub use features::Feature;
pub use generator::{Generator, Query};
pub use sql::Sql;
pub use tables::{Column, Format, Table, generate_tables};
pub use values::{Cell, Kind, Scalar};

/// How deep queries are nested.
const DEPTH: u32 = 2;

/// A random query and the record that makes it again.
pub fn generate_query(
    seed: u64,
    tables: &[Table],
    without: &BTreeSet<Feature>,
) -> (Query, Vec<u32>) {
    make_query(Choices::random(seed), tables, without)
}

/// The query of a record, and the record of what was used of it.
pub fn replay_query(
    record: &[u32],
    tables: &[Table],
    without: &BTreeSet<Feature>,
) -> (Query, Vec<u32>) {
    make_query(Choices::replay(record), tables, without)
}

fn make_query(
    mut choices: Choices,
    tables: &[Table],
    without: &BTreeSet<Feature>,
) -> (Query, Vec<u32>) {
    let query = Generator::new(&mut choices, tables, without).query(None, DEPTH);
    (query, choices.into_record())
}

#[cfg(test)]
mod tests;
