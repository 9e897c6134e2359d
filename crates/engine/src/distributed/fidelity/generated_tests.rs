//! Random queries: executors get the plans that were made.
//!
//! That the rows are the same is shown by the end-to-end test `fuzz_sql`, with
//! the same generator; here more plans are checked in less time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionConfig;
use sluice_jobfile::parse_job_file;
use sluice_sql_generator::{
    Format, Table, generate_query, generate_tables, replay_query, shrink_record,
};
use sluice_storage::{StoreOptions, Stores};

use super::check_fidelity;
use crate::job::{
    AnalyzeError, AnalyzeOptions, PhysicalOptions, QueryLimits, StepResults, analyze_job,
};
use crate::session::{base_config, build_session_state};

const SEEDS: u64 = 6;
const QUERIES: u64 = 20;

/// What became of a query.
#[derive(Debug, PartialEq)]
enum Outcome {
    Refused,
    Same,
    Changed(String),
}

#[tokio::test]
async fn plans_of_generated_queries_are_the_same_after_they_were_sent() {
    let mut planned = 0;
    let mut problems = Vec::new();
    for seed in 1..=SEEDS {
        let tables: Vec<Table> = generate_tables(seed, &BTreeSet::new())
            .into_iter()
            .map(|table| Table {
                format: Format::Json,
                ..table
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        write_tables(&tables, folder.path());
        for number in 0..QUERIES {
            let (query, record) =
                generate_query(seed * 1_000_000 + number, &tables, &BTreeSet::new());
            match check_query(&tables, folder.path(), &query.sql.spark).await {
                Outcome::Refused => {}
                Outcome::Same => planned += 1,
                Outcome::Changed(problem) => {
                    let smallest = reduce(&tables, folder.path(), &record).await;
                    problems.push(smallest.unwrap_or(problem));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(
        planned * 2 >= SEEDS * QUERIES,
        "only {planned} queries were planned"
    );
}

fn write_tables(tables: &[Table], folder: &Path) {
    for table in tables {
        let folder = folder.join("landing").join(&table.name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, text) in table.json_files().into_iter().enumerate() {
            std::fs::write(folder.join(format!("part-{number}.json")), text).unwrap();
        }
    }
}

/// The problem of the smallest query that still has one.
async fn reduce(tables: &[Table], folder: &Path, record: &[u32]) -> Option<String> {
    let mut smallest = None;
    let mut record = record.to_vec();
    'smaller: loop {
        for candidate in shrink_record(&record) {
            let (query, used) = replay_query(&candidate, tables, &BTreeSet::new());
            if used.len() >= record.len() {
                continue;
            }
            if let Outcome::Changed(problem) = check_query(tables, folder, &query.sql.spark).await {
                (smallest, record) = (Some(problem), used);
                continue 'smaller;
            }
        }
        return smallest;
    }
}

/// Plans a job with this query as a cluster would, and checks its plans.
async fn check_query(tables: &[Table], folder: &Path, query: &str) -> Outcome {
    let mut text = "DECLARE VARIABLE landing STRING;\nDECLARE VARIABLE gold STRING;\n".to_owned();
    for table in tables {
        text.push_str(&table.declaration());
    }
    text.push_str(&format!(
        "CREATE OR REFRESH MATERIALIZED VIEW v AS {query};\n"
    ));
    let path = |name: &str| folder.join(name).display().to_string();
    let parameters = BTreeMap::from([
        ("landing".to_owned(), path("landing")),
        ("gold".to_owned(), path("gold")),
    ]);
    let Ok(file) = parse_job_file("generated.sql", &text) else {
        return Outcome::Refused;
    };
    let job = file.bind_parameters(&parameters).unwrap();
    let options = AnalyzeOptions {
        streams: Default::default(),
        stores: Stores::new(StoreOptions::default()),
        gold: path("gold"),
        target_file_size: 1 << 20,
        min_shared_bytes: 0,
        limits: QueryLimits::default(),
        session: build_session_state(base_config(), Arc::new(RuntimeEnv::default())).unwrap(),
    };
    let analyzed = match analyze_job(&job, &options).await {
        Ok(analyzed) => analyzed,
        Err(AnalyzeError::Invalid(_)) => return Outcome::Refused,
        Err(error) => panic!("{query}: {error}"),
    };
    for step in analyzed.steps.iter().filter(|step| step.after.is_empty()) {
        for partitions in [1, 3] {
            let options = PhysicalOptions {
                slots: partitions,
                partitions: Some(partitions),
                job_id: "generated".to_owned(),
                token: "generated".to_owned(),
                low_memory: false,
            };
            let unchanged: fn(SessionConfig) -> SessionConfig = |config| config;
            let planned = analyzed
                .plan_physical(step, &StepResults::default(), &options, unchanged)
                .await;
            let (context, plan) = planned.unwrap_or_else(|error| panic!("{query}: {error}"));
            if let Err(error) = check_fidelity(&plan, &context.task_ctx()) {
                return Outcome::Changed(format!("{query}\n  {error}"));
            }
        }
    }
    Outcome::Same
}
