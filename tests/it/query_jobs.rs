//! Jobs of one query over the sample events, for tests that disturb them.

use std::path::Path;

use serde_json::Value;

use crate::sandbox::Cluster;
use crate::submit::{self, RunningProgram};
use crate::{data, http, wait};

/// Writes a job of one table whose query is `query` over `events`.
pub fn write_job(path: &Path, query: &str) {
    let text = format!(
        "DECLARE VARIABLE landing STRING;\n\
         DECLARE VARIABLE gold STRING;\n\
         CREATE EXTERNAL TABLE events (event_id STRING, event_type STRING)\n\
         STORED AS JSON LOCATION '${{landing}}/user_events' OPTIONS ('mode' 'dropmalformed');\n\
         CREATE OR REFRESH MATERIALIZED VIEW result AS {query};\n"
    );
    data::write_file(path, &text);
}

/// Starts the job of `query` under the submission id `id`.
pub fn spawn_query(
    cluster: &Cluster,
    id: &str,
    query: &str,
    landing: &Path,
    gold: &Path,
) -> RunningProgram {
    let job = cluster.path(&format!("{id}.sql"));
    write_job(&job, query);
    let mut args = vec!["--submission-id".to_owned(), id.to_owned()];
    args.extend(submit::job_args(&job, landing, gold));
    cluster.spawn_submit(&args)
}

/// A metric of an executor.
pub fn executor_metric(address: &str, name: &str) -> Option<f64> {
    let (_, page) = http::get_text(address, "/metrics")?;
    let line = page.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// The executor that the scheduler lists, when it is one.
pub fn only_executor(cluster: &Cluster) -> Option<Value> {
    match cluster.registered_executors().as_slice() {
        [executor] => Some(executor.clone()),
        _ => None,
    }
}

/// Waits until the only executor has computed for longer than it needs to read the
/// sources of these jobs. Tasks have a low priority, so this may take its time.
pub fn wait_for_computation(cluster: &Cluster) {
    let executor = &cluster.executors[0].process;
    let before = executor.cpu_time();
    wait::wait_until("the executor computes", 3 * wait::DEADLINE, || {
        (executor.cpu_time() >= before + 150).then_some(())
    });
}
