//! Runs many queries in one job. A job fails as a whole, so queries that are
//! refused or fail are found and left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use sluice_sql_generator::Table;

use crate::sandbox::Cluster;
use crate::submit::{self, Output};

/// Seconds for a job with one query; each other query adds one. A query needs far
/// less, but a job that is late counts as wrong, and the machine may be busy.
const LEAST_TIMEOUT: usize = 90;

/// Where queries run.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    master: String,
    /// What equal parts of a query read at least to be computed once: nothing, or more
    /// than the tables have.
    min_shared_size: &'static str,
}

impl Target {
    pub fn local() -> Self {
        Self {
            name: "local".to_owned(),
            master: "local[2]".to_owned(),
            min_shared_size: "1GB",
        }
    }

    pub fn cluster(executors: usize, cluster: &Cluster) -> Self {
        Self {
            name: format!("cluster-{executors}"),
            master: cluster.master(),
            min_shared_size: "0B",
        }
    }
}

/// How one query ended.
#[derive(Debug, Clone)]
pub enum Ran {
    /// Its table.
    Rows(PathBuf),
    /// Refused before anything ran.
    Refused(String),
    Failed(String),
}

/// The job file with these queries; the line of each is its position in `queries`
/// plus [`lines_before`].
pub fn job_text(tables: &[Table], queries: &[(String, String)]) -> String {
    let mut text = "DECLARE VARIABLE landing STRING;\nDECLARE VARIABLE gold STRING;\n".to_owned();
    for table in tables {
        text.push_str(&table.declaration());
    }
    for (name, query) in queries {
        text.push_str(&format!(
            "CREATE OR REFRESH MATERIALIZED VIEW {name} AS {query};\n"
        ));
    }
    text
}

fn lines_before(tables: &[Table]) -> usize {
    2 + tables.len()
}

/// Runs the queries, at first as the jobs say, and says how each ended.
pub fn run_queries(
    target: &Target,
    tables: &[Table],
    landing: &Path,
    work: &Path,
    jobs: Vec<Vec<(String, String)>>,
) -> BTreeMap<String, Ran> {
    let mut ended = BTreeMap::new();
    let mut open = jobs;
    while let Some(group) = open.pop() {
        if group.is_empty() {
            continue;
        }
        let (output, gold) = submit_job(target, tables, landing, work, &group);
        if output.code == 0 {
            for (name, _) in group {
                let table = gold.join(&name);
                ended.insert(name, Ran::Rows(table));
            }
            continue;
        }
        let document: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        let error = match &document["job"]["error"] {
            Value::Null => &document["error"],
            error => error,
        };
        let refused = refused_queries(error, tables, &group);
        if !refused.is_empty() {
            let rest = group
                .into_iter()
                .filter(|(name, _)| !refused.contains_key(name))
                .collect();
            ended.extend(
                refused
                    .into_iter()
                    .map(|(name, reason)| (name, Ran::Refused(reason))),
            );
            open.push(rest);
        } else if let [(name, _)] = group.as_slice() {
            ended.insert(name.clone(), ended_with(error, &output));
        } else {
            let suspects = suspects(&document["job"], error, &group);
            let (suspected, rest): (Vec<_>, Vec<_>) = group
                .into_iter()
                .partition(|(name, _)| suspects.contains(name));
            let named = named_query(error, &suspected);
            if let Some(name) = named {
                ended.insert(name, ended_with(error, &output));
            } else if rest.is_empty() || suspected.is_empty() {
                let mut both = suspected;
                both.extend(rest.iter().cloned());
                let second = both.split_off(both.len() / 2);
                open.extend([second, both]);
                continue;
            } else {
                open.push(suspected);
            }
            open.push(rest);
        }
    }
    ended
}

/// The queries of a failed job that may be the reason: the one that the message
/// names, or those that had not ended when the time was up.
fn suspects(job: &Value, error: &Value, queries: &[(String, String)]) -> BTreeSet<String> {
    if let Some(name) = named_query(error, queries) {
        return BTreeSet::from([name]);
    }
    if error["kind"] != "timed_out" {
        return BTreeSet::new();
    }
    let datasets = job["datasets"].as_array().into_iter().flatten();
    datasets
        .filter(|dataset| dataset["phase"] != "WRITTEN")
        .filter_map(|dataset| Some(dataset["name"].as_str()?.to_owned()))
        .collect()
}

/// The query that a message is about: `write v1: …`, `cannot plan v1: …`.
fn named_query(error: &Value, queries: &[(String, String)]) -> Option<String> {
    let (start, _) = error["message"].as_str()?.split_once(':')?;
    let mut words = start.split([' ', '`']);
    words.find_map(|word| {
        queries
            .iter()
            .find(|(name, _)| name == word)
            .map(|(name, _)| name.clone())
    })
}

/// What the error of a single query says.
fn ended_with(error: &Value, output: &Output) -> Ran {
    let Some(message) = error["message"].as_str() else {
        return Ran::Failed(output.to_string());
    };
    match message
        .strip_prefix("cannot plan ")
        .and_then(|rest| rest.split_once(": "))
    {
        Some((_, reason)) => Ran::Refused(format!("cannot plan: {reason}")),
        None => Ran::Failed(format!(
            "{}: {message}",
            error["kind"].as_str().unwrap_or_default()
        )),
    }
}

fn submit_job(
    target: &Target,
    tables: &[Table],
    landing: &Path,
    work: &Path,
    queries: &[(String, String)],
) -> (Output, PathBuf) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let (job, gold) = (
        work.join(format!("job-{number}.sql")),
        work.join(format!("gold-{number}")),
    );
    std::fs::write(&job, job_text(tables, queries)).unwrap();
    let mut args = submit::job_args(&job, landing, &gold);
    let timeout = format!("{}s", LEAST_TIMEOUT + queries.len());
    let sharing = format!("sluice.min_shared_size={}", target.min_shared_size);
    for arg in [
        "--conf",
        &sharing,
        "--master",
        &target.master,
        "--output",
        "json",
        "--no-progress",
        "--timeout",
        &timeout,
    ] {
        args.push(arg.to_owned());
    }
    (submit::run_submit(&args), gold)
}

/// The queries that diagnostics are about, with the reasons.
fn refused_queries(
    error: &Value,
    tables: &[Table],
    queries: &[(String, String)],
) -> BTreeMap<String, String> {
    let mut refused = BTreeMap::new();
    for diagnostic in error["diagnostics"].as_array().into_iter().flatten() {
        let line = diagnostic["span"]["start_line"]
            .as_u64()
            .unwrap_or_default();
        let at = usize::try_from(line)
            .unwrap()
            .checked_sub(lines_before(tables) + 1);
        let query = at.and_then(|at| queries.get(at));
        if let (Some((name, _)), "error") =
            (query, diagnostic["severity"].as_str().unwrap_or("error"))
        {
            let part = |name: &str| diagnostic[name].as_str().unwrap_or_default().to_owned();
            refused
                .entry(name.clone())
                .or_insert_with(|| format!("{} {}", part("code"), part("message")));
        }
    }
    refused
}
