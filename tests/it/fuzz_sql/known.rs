//! What is known to be wrong. A line is removed together with its fault: the test
//! fails when a known fault does not show any more.

use std::collections::BTreeSet;

use sluice_sql_generator::{Feature, Query, Sql, Table, generate_tables};

use super::oracle::Oracle;
use super::run::Target;
use super::{Difference, DifferenceKind, NamedQuery, Outcome, Share, check_queries};

/// Features that generated queries do not have while they are wrong, why, and the
/// smallest query that shows it over the tables of seed 1: Spark's spelling, and
/// DuckDB's.
const FAULTS: &[(Feature, &str, (&str, &str))] = &[];

/// Failures that are not counted as differences: parts of their messages, and why.
const FAILURES: &[(&[&str], &str)] = &[];

/// The features that queries must not have.
pub fn switched_off() -> BTreeSet<Feature> {
    FAULTS.iter().map(|(feature, ..)| *feature).collect()
}

/// The reason in [`FAILURES`] of a difference.
pub fn known_failure(difference: &Difference) -> Option<&'static str> {
    if difference.kind != DifferenceKind::OnlyWeFail {
        return None;
    }
    let says = |part: &&str| difference.lines.iter().any(|line| line.contains(part));
    let known = FAILURES.iter().find(|(parts, _)| parts.iter().any(says));
    known.map(|(_, reason)| *reason)
}

/// Known failures that did not happen.
pub fn failures_that_are_gone(found: &BTreeSet<&str>) -> Vec<String> {
    FAILURES
        .iter()
        .filter(|(_, reason)| !found.contains(reason))
        .map(|(parts, reason)| {
            format!("no query fails with {parts:?} ({reason}): remove it from FAILURES")
        })
        .collect()
}

/// Known faults that do not show any more.
pub fn check_known_faults(targets: &[Target], oracle: &mut Oracle) -> Vec<String> {
    let tables: Vec<Table> = generate_tables(
        1,
        &BTreeSet::from([Feature::FarDates, Feature::IntegerOverflow]),
    );
    let mut gone = Vec::new();
    for (feature, reason, (spark, duckdb)) in FAULTS {
        let query = NamedQuery {
            name: "shown".to_owned(),
            query: Query {
                sql: Sql::two(*spark, *duckdb),
                columns: Vec::new(),
            },
            record: Vec::new(),
        };
        let outcomes = check_queries(&tables, &[query], targets, Share::Everything, oracle);
        let right = |outcome: &Outcome| matches!(outcome, Outcome::Agree | Outcome::BothFail);
        if outcomes["shown"].values().all(right) {
            gone.push(format!(
                "{feature:?} is right now ({reason}): remove it from FAULTS"
            ));
        }
    }
    gone
}
