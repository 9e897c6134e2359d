//! Makes a query that differs smaller, then its tables.

use std::collections::BTreeSet;

use sluice_sql_generator::{Feature, Query, Sql, Table, replay_query, shrink_record};

use super::oracle::Oracle;
use super::run::{self, Target};
use super::{Difference, DifferenceKind, NamedQuery, Outcome, Share, check_queries};

/// Candidates of one job. After each that fails, the others run again.
const CANDIDATES: usize = 24;
const FAILING_CANDIDATES: usize = 6;
/// Jobs for one query.
const MOST_JOBS: usize = 60;

/// The smallest query and tables that were found, as text.
pub fn reduce(
    tables: &[Table],
    query: &NamedQuery,
    target: &Target,
    kind: DifferenceKind,
    without: &BTreeSet<Feature>,
    oracle: &mut Oracle,
) -> String {
    let mut reduction = Reduction {
        target,
        kind,
        without,
        oracle,
        companions: Vec::new(),
        jobs: 0,
    };
    let alone = reduction.first_that_differs(tables, std::slice::from_ref(query));
    let found = alone.or_else(|| {
        // A table that several datasets read is staged, which is another plan.
        reduction.companions = tables.iter().map(read_table).collect();
        reduction.first_that_differs(tables, std::slice::from_ref(query))
    });
    let Some(mut found) = found else {
        return format!(" differs only in its batch:\n{}", query.query.sql.spark);
    };
    while let Some(smaller) = reduction.smaller_query(tables, &found.0) {
        found = smaller;
    }
    let (tables, found) = reduction.smaller_tables(tables, found);
    let staged = !reduction.companions.is_empty();
    describe(&tables, &found.0, &found.1, staged)
}

struct Reduction<'a> {
    target: &'a Target,
    kind: DifferenceKind,
    without: &'a BTreeSet<Feature>,
    oracle: &'a mut Oracle,
    /// Queries that run in the same job.
    companions: Vec<NamedQuery>,
    jobs: usize,
}

/// A query that only reads a table.
fn read_table(table: &Table) -> NamedQuery {
    NamedQuery {
        name: format!("reads_{}", table.name),
        query: Query {
            sql: Sql::same(format!("SELECT id AS c0 FROM {}", table.name)),
            columns: Vec::new(),
        },
        record: Vec::new(),
    }
}

type Found = (NamedQuery, Difference);

impl Reduction<'_> {
    fn first_that_differs(&mut self, tables: &[Table], candidates: &[NamedQuery]) -> Option<Found> {
        self.jobs += 1;
        let targets = std::slice::from_ref(self.target);
        let mut queries = candidates.to_vec();
        let known = |name: &str| {
            tables
                .iter()
                .any(|table| name == format!("reads_{}", table.name))
        };
        queries.extend(
            self.companions
                .iter()
                .filter(|query| known(&query.name))
                .cloned(),
        );
        let outcomes = check_queries(tables, &queries, targets, Share::Everything, self.oracle);
        candidates.iter().find_map(|candidate| {
            match &outcomes[&candidate.name][&self.target.name] {
                Outcome::Differ(difference) if difference.kind == self.kind => {
                    Some((candidate.clone(), difference.clone()))
                }
                _ => None,
            }
        })
    }

    fn smaller_query(&mut self, tables: &[Table], query: &NamedQuery) -> Option<Found> {
        let mut seen = BTreeSet::from([query.query.sql.spark.clone()]);
        let mut candidates = Vec::new();
        for record in shrink_record(&query.record) {
            let (smaller, record) = replay_query(&record, tables, self.without);
            // What is used of a record may be longer than the record.
            let text = &smaller.sql.spark;
            if text.len() < query.query.sql.spark.len() && seen.insert(text.clone()) {
                candidates.push(NamedQuery {
                    name: format!("v{}", candidates.len()),
                    query: smaller,
                    record,
                });
            }
        }
        let mut candidates = self.leave_out_impossible(tables, candidates);
        // The shortest are the most welcome, and the least likely.
        candidates.sort_by_key(|candidate| candidate.query.sql.spark.len());
        let size = match self.kind {
            DifferenceKind::OnlyWeFail => FAILING_CANDIDATES,
            _ => CANDIDATES,
        };
        for candidates in candidates.chunks(size) {
            if self.jobs >= MOST_JOBS {
                return None;
            }
            if let Some(found) = self.first_that_differs(tables, candidates) {
                return Some(found);
            }
        }
        None
    }

    /// The candidates that can differ in this way, by what DuckDB says of them.
    fn leave_out_impossible(
        &mut self,
        tables: &[Table],
        candidates: Vec<NamedQuery>,
    ) -> Vec<NamedQuery> {
        let folder = tempfile::tempdir().unwrap();
        self.oracle.make_tables(tables, folder.path());
        let errors = self.oracle.run_queries(&candidates);
        let is_possible = |candidate: &NamedQuery| match self.kind {
            DifferenceKind::Rows | DifferenceKind::OnlyWeFail => {
                !errors.contains_key(&candidate.name)
            }
            DifferenceKind::OnlyDuckdbFails => errors.contains_key(&candidate.name),
        };
        candidates.into_iter().filter(is_possible).collect()
    }

    /// Leaves out rows, and the tables that the query does not read.
    fn smaller_tables(&mut self, tables: &[Table], mut found: Found) -> (Vec<Table>, Found) {
        let text = found.0.query.sql.spark.clone();
        let mut tables: Vec<Table> = tables
            .iter()
            .filter(|table| {
                text.contains(&format!(" {} ", table.name))
                    || text.contains(&format!(" {})", table.name))
            })
            .cloned()
            .collect();
        let most = self.jobs + MOST_JOBS;
        for at in 0..tables.len() {
            let mut length = tables[at].rows.len().next_power_of_two();
            while length > 0 {
                let mut start = 0;
                while start < tables[at].rows.len() && self.jobs < most {
                    let mut smaller = tables.clone();
                    smaller[at] = tables[at].without_rows(start, start + length);
                    match self.first_that_differs(&smaller, std::slice::from_ref(&found.0)) {
                        Some(still) => (tables, found) = (smaller, still),
                        None => start += length,
                    }
                }
                length /= 2;
            }
        }
        (tables, found)
    }
}

fn describe(tables: &[Table], query: &NamedQuery, difference: &Difference, staged: bool) -> String {
    let mut text = String::from("\n-- tables\n");
    if staged {
        text.insert_str(0, ", only if another dataset of the job reads its tables");
    }
    for table in tables {
        for statement in table.duckdb_statements() {
            text.push_str(&statement);
            text.push_str(";\n");
        }
        text.push_str(&format!(
            "-- {} is {:?} in {} files\n",
            table.name, table.format, table.files
        ));
    }
    text.push_str("-- job file\n");
    text.push_str(&run::job_text(
        tables,
        &[(query.name.clone(), query.query.sql.spark.clone())],
    ));
    text.push_str(&format!("-- for DuckDB\n{};\n", query.query.sql.duckdb));
    text.push_str(&format!(
        "-- {:?}\n{}",
        difference.kind,
        difference.lines.join("\n")
    ));
    text
}
