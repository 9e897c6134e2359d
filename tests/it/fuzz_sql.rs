//! Random queries over small random tables: `local`, clusters with one, two and
//! three executors, and DuckDB give the same rows.
//!
//! `SLUICE_FUZZ_QUERIES` is the number of queries, `SLUICE_FUZZ_SEED` the first
//! batch's seed: a batch is a set of tables with many queries, in one job per
//! target. A batch runs on `local` and on one of the clusters in turn, with
//! `SLUICE_FUZZ_TARGETS=all` on each of them, with `local` on no cluster. In CI, each
//! query runs on only one target, half of them on `local`, and DuckDB's answer is
//! what makes targets equal. A query whose rows differ is made smaller and reported
//! with its tables and the answers. The generator is `tests/support/sql-generator`; what it knows
//! to be wrong is in [`known`].

mod known;
mod oracle;
mod reduce;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Instant;

use sluice_sql_generator::{Feature, Query, Table, generate_query, generate_tables};

use crate::sandbox::Cluster;
use crate::{oracle_python, process, wait};
use oracle::Oracle;
use run::{Ran, Target};

/// Queries of one job.
const BATCH: u64 = 50;
/// In a run of so many queries each known failure is expected.
const ENOUGH_FOR_KNOWN: usize = 2000;
/// How many differing queries are made smaller; the others are only reported.
const MOST_REDUCED: usize = 12;

/// A generated query under the name of its dataset.
#[derive(Debug, Clone)]
pub struct NamedQuery {
    pub name: String,
    pub query: Query,
    pub record: Vec<u32>,
}

/// Where queries run, and the features that they do not have.
#[derive(Debug)]
pub struct Setting {
    pub targets: Vec<Target>,
    pub share: Share,
    pub without: BTreeSet<Feature>,
}

/// Which queries a target runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    Everything,
    /// Each query runs on one target, in turn.
    OneEach,
}

/// How a query ended on one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Agree,
    BothFail,
    Refused(String),
    /// DuckDB cannot answer it; `local` and the clusters agree.
    NoOracle(String),
    Differ(Difference),
}

/// Why an outcome is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub kind: DifferenceKind,
    pub lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    Rows,
    OnlyWeFail,
    OnlyDuckdbFails,
}

/// Counts of a run.
#[derive(Debug, Default)]
struct Figures {
    queries: usize,
    runs: usize,
    agree: usize,
    both_fail: usize,
    no_oracle: BTreeMap<String, Counted>,
    refused: BTreeMap<String, Counted>,
    differ: usize,
    /// Signatures of differences.
    reported: BTreeSet<String>,
    /// Failures that are known, by their reasons.
    known: BTreeMap<&'static str, Counted>,
}

impl Difference {
    /// Failures with the same message are one; different rows are always another.
    fn signature(&self, target: &str) -> String {
        let place = target.split('-').next().unwrap_or_default();
        match self.kind {
            DifferenceKind::Rows => self.lines.join("\n"),
            kind => format!("{place} {kind:?} {}", oracle::shorten(&self.lines[0])),
        }
    }
}

/// How often a reason was given, and the shortest query with it.
#[derive(Debug, Default)]
struct Counted {
    count: usize,
    example: String,
}

impl Counted {
    fn add(&mut self, query: &str) {
        self.count += 1;
        if self.example.is_empty() || query.len() < self.example.len() {
            query.clone_into(&mut self.example);
        }
    }
}

#[test]
fn generated_queries_give_the_rows_of_duckdb() {
    let Some(python) = oracle_python::find_duckdb_python() else {
        return;
    };
    let _turn = wait::exclusive_turn();
    let in_ci = std::env::var_os("SLUICE_CI").is_some();
    let count = read_number("SLUICE_FUZZ_QUERIES", if in_ci { 2000 } else { 200 });
    let seed = read_number("SLUICE_FUZZ_SEED", 1);
    let wanted = std::env::var("SLUICE_FUZZ_TARGETS")
        .unwrap_or_else(|_| if in_ci { "one" } else { "two" }.to_owned());
    let clusters: Vec<Cluster> = (1..=if wanted == "local" { 0 } else { 3 })
        .map(|executors| {
            Cluster::builder()
                .executors(executors)
                .scheduler_option("--executor-timeout", "60s")
                .start()
        })
        .collect();
    let all: Vec<Target> = clusters
        .iter()
        .enumerate()
        .map(|(at, cluster)| Target::cluster(at + 1, cluster))
        .chain([Target::local()])
        .collect();
    let mut setting = Setting {
        targets: all.clone(),
        share: Share::Everything,
        without: known::switched_off(),
    };
    let mut oracle = Oracle::start(python);
    let mut reports = if wanted == "local" {
        Vec::new()
    } else {
        known::check_known_faults(&setting.targets, &mut oracle)
    };
    for report in &reports {
        eprintln!("{report}");
    }
    let mut figures = Figures::default();
    let started = Instant::now();
    for batch in 0..count.div_ceil(BATCH) {
        let size = BATCH.min(count - batch * BATCH);
        if wanted != "all" && !clusters.is_empty() {
            let turn = usize::try_from(batch).unwrap() % clusters.len();
            setting.targets = vec![all[turn].clone(), all[clusters.len()].clone()];
        }
        if wanted == "one" {
            setting.share = Share::OneEach;
        }
        check_batch(
            seed + batch,
            size,
            &setting,
            &mut oracle,
            &mut figures,
            &mut reports,
        );
        eprintln!(
            "fuzz-sql: seed {}, {} queries in {:.0?}, {} differences",
            seed + batch,
            figures.queries,
            started.elapsed(),
            figures.differ
        );
    }
    eprintln!("{}", figures.describe());
    eprintln!("{}", describe_processor_time(&clusters, &oracle));
    if figures.queries >= ENOUGH_FOR_KNOWN {
        let found = figures.known.keys().copied().collect();
        reports.extend(known::failures_that_are_gone(&found));
    }
    assert!(
        reports.is_empty(),
        "{} queries differ; {} reports\n\n{}",
        figures.differ,
        reports.len(),
        reports.join("\n\n")
    );
}

/// Where the time goes, in a form that other work on the machine does not change.
fn describe_processor_time(clusters: &[Cluster], oracle: &Oracle) -> String {
    let seconds = |hundredths: u64| hundredths as f64 / 100.0;
    let schedulers = clusters.iter().map(|cluster| cluster.scheduler.cpu_time());
    let executors = clusters
        .iter()
        .flat_map(|cluster| &cluster.executors)
        .map(|executor| executor.process.cpu_time());
    format!(
        "fuzz-sql: processor time: submit-job and local runs {:.0} s, schedulers {:.0} s, executors {:.0} s, DuckDB {:.0} s",
        seconds(process::cpu_time_of_ended()),
        seconds(schedulers.sum()),
        seconds(executors.sum()),
        seconds(process::cpu_time(oracle.process_id())),
    )
}

fn read_number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {text}"))
    })
}

fn check_batch(
    seed: u64,
    size: u64,
    setting: &Setting,
    oracle: &mut Oracle,
    figures: &mut Figures,
    reports: &mut Vec<String>,
) {
    let tables = generate_tables(seed, &setting.without);
    let queries: Vec<NamedQuery> = (0..size)
        .map(|number| {
            let (query, record) =
                generate_query(seed * 1_000_000 + number, &tables, &setting.without);
            NamedQuery {
                name: format!("v{number}"),
                query,
                record,
            }
        })
        .collect();
    let outcomes = check_queries(&tables, &queries, &setting.targets, setting.share, oracle);
    figures.queries += queries.len();
    for query in &queries {
        let of_query = &outcomes[&query.name];
        figures.count(&query.query.sql.spark, of_query);
        let Some((target, difference)) = first_difference(of_query) else {
            continue;
        };
        if !figures.reported.insert(difference.signature(target)) {
            continue;
        }
        let target = setting
            .targets
            .iter()
            .find(|other| other.name == target)
            .unwrap();
        let mut report = format!("seed {seed}, query {}, on {}", query.name, target.name);
        if reports.len() < MOST_REDUCED {
            report.push_str(&reduce::reduce(
                &tables,
                query,
                target,
                difference.kind,
                &setting.without,
                oracle,
            ));
        } else {
            let _ = write!(
                report,
                ", not made smaller:\n{}\n{}",
                query.query.sql.spark,
                difference.lines.join("\n")
            );
        }
        eprintln!("{report}\n");
        reports.push(report);
    }
}

/// The first target whose outcome is wrong.
fn first_difference(outcomes: &BTreeMap<String, Outcome>) -> Option<(&str, &Difference)> {
    // `local` is quicker to reduce on.
    let local_first = outcomes.iter().rev();
    local_first
        .filter_map(|(target, outcome)| match outcome {
            Outcome::Differ(difference) if known::known_failure(difference).is_none() => {
                Some((target.as_str(), difference))
            }
            _ => None,
        })
        .next()
}

/// Runs queries on their targets and compares: query to target to outcome.
pub fn check_queries(
    tables: &[Table],
    queries: &[NamedQuery],
    targets: &[Target],
    share: Share,
    oracle: &mut Oracle,
) -> BTreeMap<String, BTreeMap<String, Outcome>> {
    let folder = tempfile::tempdir().unwrap();
    let landing = folder.path().join("landing");
    oracle.make_tables(tables, &landing);
    let errors = oracle.run_queries(queries);
    let is_expected_to_fail = |name: &str| {
        let error = errors.get(name);
        error.is_some_and(|error| !oracle::is_limit_of_duckdb(error))
    };
    // One query that fails ends its whole job: those that DuckDB fails on run alone.
    let jobs_of = |at: usize| -> Vec<Vec<(String, String)>> {
        let (failing, others): (Vec<_>, Vec<_>) = queries
            .iter()
            .enumerate()
            .filter(|(number, _)| share == Share::Everything || number % targets.len() == at)
            .map(|(_, query)| (query.name.clone(), query.query.sql.spark.clone()))
            .partition(|(name, _)| is_expected_to_fail(name));
        let alone = failing.into_iter().map(|query| vec![query]);
        std::iter::once(others).chain(alone).collect()
    };
    let ran: BTreeMap<String, BTreeMap<String, Ran>> = std::thread::scope(|scope| {
        let running: Vec<_> = targets
            .iter()
            .enumerate()
            .map(|(at, target)| {
                let (landing, jobs) = (&landing, jobs_of(at));
                let work = folder.path().join(&target.name);
                scope.spawn(move || {
                    std::fs::create_dir_all(&work).unwrap();
                    (
                        target.name.clone(),
                        run::run_queries(target, tables, landing, &work, jobs),
                    )
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let answers = oracle.compare(errors, &ran);
    queries
        .iter()
        .map(|query| {
            let answer = &answers[&query.name];
            let ends: Vec<(&String, &Ran)> = ran
                .iter()
                .filter_map(|(target, ran)| Some((target, ran.get(&query.name)?)))
                .collect();
            let refused_everywhere = ends.iter().all(|(_, ran)| matches!(ran, Ran::Refused(_)));
            let of_query = ends
                .into_iter()
                .map(|(target, ran)| {
                    let outcome = answer.judge(target, ran, refused_everywhere);
                    (target.clone(), outcome)
                })
                .collect();
            (query.name.clone(), of_query)
        })
        .collect()
}

impl Figures {
    fn count(&mut self, query: &str, outcomes: &BTreeMap<String, Outcome>) {
        self.runs += outcomes.len();
        let mut differs = false;
        for outcome in outcomes.values() {
            match outcome {
                Outcome::Agree => self.agree += 1,
                Outcome::BothFail => self.both_fail += 1,
                Outcome::NoOracle(reason) => {
                    self.no_oracle.entry(reason.clone()).or_default().add(query)
                }
                Outcome::Refused(reason) => {
                    self.refused.entry(reason.clone()).or_default().add(query)
                }
                Outcome::Differ(difference) => match known::known_failure(difference) {
                    Some(reason) => self.known.entry(reason).or_default().add(query),
                    None => differs = true,
                },
            }
        }
        self.differ += usize::from(differs);
    }

    fn describe(&self) -> String {
        let sum = |reasons: &BTreeMap<String, Counted>| {
            reasons.values().map(|reason| reason.count).sum::<usize>()
        };
        let mut text = format!(
            "fuzz-sql: {} queries, {} runs: {} agree with DuckDB, {} fail on both sides, {} refused, {} without an answer of DuckDB, {} with a known failure; {} queries differ",
            self.queries,
            self.runs,
            self.agree,
            self.both_fail,
            sum(&self.refused),
            sum(&self.no_oracle),
            self.known.values().map(|known| known.count).sum::<usize>(),
            self.differ
        );
        for (title, reasons) in [("refused", &self.refused), ("DuckDB", &self.no_oracle)] {
            let mut reasons: Vec<_> = reasons.iter().collect();
            reasons.sort_by_key(|(_, counted)| std::cmp::Reverse(counted.count));
            for (reason, Counted { count, example }) in reasons {
                let _ = write!(
                    text,
                    "\n  {title} {count:6}: {reason}\n                 {example}"
                );
            }
        }
        text
    }
}
