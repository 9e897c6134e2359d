//! OpenTelemetry traces: one trace from the caller of submit-job to the calls of object
//! stores, and what happens when no one takes it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::collector::{CollectedSpan, Collector};
use crate::job_files::JobFiles;
use crate::process::Signal;
use crate::sandbox::Cluster;
use crate::submit::{self, Output};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
/// The span that submit-job is started in.
const CALLER_ID: &str = "b7ad6b7169203331";
/// Values that must not be in any span.
const SECRET: &str = "hunter2-hunter2";
const LITERAL: &str = "literal-of-the-query";

/// A table of two rows.
const GROUPED: &str = "CREATE OR REFRESH MATERIALIZED VIEW totals AS\n\
     SELECT user, sum(n) AS n FROM events WHERE user <> 'literal-of-the-query' GROUP BY user;\n";
/// Fails on a row, with the row's value in the message.
const FAILING: &str = "CREATE OR REFRESH MATERIALIZED VIEW numbers AS\n\
     SELECT CAST(concat(user, 'literal-of-the-query') AS BIGINT) AS n FROM events;\n";

fn caller() -> (String, String) {
    let traceparent = format!("00-{TRACE_ID}-{CALLER_ID}-01");
    ("TRACEPARENT".to_owned(), traceparent)
}

/// The variables of processes that export.
fn export_to(collector: &Collector) -> Vec<(String, String)> {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_EXPORTER_OTLP_HEADERS", format!("x-key={SECRET}")),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
        ("MY_TOKEN", SECRET.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// A job whose gold folder has the name of a secret.
struct TracedJob {
    files: JobFiles,
    job: PathBuf,
}

impl TracedJob {
    fn new(statements: &str) -> Self {
        let files = JobFiles::new();
        let job = files.write_job(statements);
        Self { files, job }
    }

    fn run(&self, master: &str, more: &[&str], variables: &[(String, String)]) -> Output {
        let gold = self.files.path(SECRET);
        let mut args = vec!["--master".to_owned(), master.to_owned()];
        args.extend(submit::job_args(
            &self.job,
            &self.files.path("landing"),
            &gold,
        ));
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        let program = env!("CARGO_BIN_EXE_submit-job");
        submit::spawn_program_with(program, args, variables).wait()
    }
}

/// The spans of a trace, by id.
struct Trace(HashMap<String, CollectedSpan>);

impl Trace {
    /// Waits until the span of submit-job has come, the parent of every other one, and on
    /// a cluster the tasks of its stages: its processes export on their own.
    fn wait_for(collector: &Collector, on_cluster: bool) -> Self {
        let spans = collector.wait_for("the trace is complete", |spans| {
            let ids: BTreeSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
            let of_stages = |span: &&CollectedSpan| span.name.starts_with("stage ");
            let has_task = |stage: &CollectedSpan| {
                let mut tasks = spans.iter().filter(|span| span.name == "task");
                tasks.any(|task| task.parent_id == stage.span_id)
            };
            let has_tasks = !on_cluster
                || spans.iter().any(|span| of_stages(&span))
                    && spans.iter().filter(of_stages).all(has_task);
            spans.iter().any(|span| span.name == "submit-job")
                && has_tasks
                && spans.iter().all(|span| {
                    span.parent_id == CALLER_ID || ids.contains(span.parent_id.as_str())
                })
        });
        for span in &spans {
            assert_eq!(span.trace_id, TRACE_ID, "{span:?}");
            assert!(span.start <= span.end, "{span:?}");
            let shown = format!("{span:?}");
            assert!(!shown.contains(SECRET), "{shown}");
            assert!(!shown.contains(LITERAL), "{shown}");
        }
        let count = spans.len();
        let by_id: HashMap<_, _> = spans
            .into_iter()
            .map(|span| (span.span_id.clone(), span))
            .collect();
        assert_eq!(by_id.len(), count, "an id occurs twice");
        Self(by_id)
    }

    fn all(&self, name: &str) -> Vec<&CollectedSpan> {
        let spans = self.0.values().filter(|span| span.name == name);
        spans.collect()
    }

    #[track_caller]
    fn only(&self, name: &str) -> &CollectedSpan {
        match self.all(name)[..] {
            [span] => span,
            ref spans => panic!("{} spans {name}: {:?}", spans.len(), self.names()),
        }
    }

    fn names(&self) -> BTreeSet<&str> {
        self.0.values().map(|span| span.name.as_str()).collect()
    }

    fn parent(&self, span: &CollectedSpan) -> &CollectedSpan {
        &self.0[&span.parent_id]
    }

    /// The names from the parent of a span up to submit-job.
    fn path(&self, span: &CollectedSpan) -> Vec<&str> {
        let mut names = Vec::new();
        let mut id = &span.parent_id;
        while let Some(parent) = self.0.get(id) {
            names.push(parent.name.as_str());
            id = &parent.parent_id;
        }
        names
    }

    /// The calls of object stores by one kind of process.
    fn store_calls(&self, service: &str) -> Vec<&CollectedSpan> {
        self.0
            .values()
            .filter(|span| span.service == service && span.name.starts_with("file."))
            .collect()
    }
}

#[test]
fn one_trace_leads_from_the_caller_to_tasks_operators_and_stores() {
    let collector = Collector::start();
    let exporting = export_to(&collector);
    let builder = Cluster::builder().executors(1);
    let cluster = builder.environment(exporting.clone()).start();
    let job = TracedJob::new(GROUPED);
    let mut variables = exporting;
    variables.push(caller());
    let id = ["--submission-id", "traced"];
    job.run(&cluster.master(), &id, &variables).expect_code(0);
    let trace = Trace::wait_for(&collector, true);
    assert!(collector.headers().contains(&format!("x-key: {SECRET}")));

    let client = trace.only("submit-job");
    assert_eq!(client.parent_id, CALLER_ID);
    assert_eq!(client.service, "sluice-submit-job");
    assert_eq!(client.attribute("sluice.exit_code"), "0");
    let span = trace.only("job");
    assert_eq!(span.service, "sluice-scheduler");
    assert_eq!(span.parent_id, client.span_id);
    assert_eq!(span.attribute("sluice.job.submission_id"), "traced");
    assert_eq!(span.attribute("sluice.job.state"), "SUCCEEDED");
    assert_eq!(span.attribute("sluice.rows"), "2");
    for part in ["analyze", "write totals", "commit"] {
        assert_eq!(trace.only(part).parent_id, span.span_id, "{part}");
    }
    let step = trace.only("write totals");
    assert_eq!(step.attribute("sluice.dataset"), "totals");
    assert_eq!(step.attribute("sluice.attempt"), "1");
    assert_eq!(trace.only("plan").parent_id, step.span_id);
    let commit = trace.only("commit totals");
    assert_eq!(trace.parent(commit).name, "commit");
    assert_eq!(commit.attribute("sluice.table.version"), "0");

    let stages: Vec<_> = trace
        .0
        .values()
        .filter(|span| span.name.starts_with("stage "))
        .collect();
    assert!(!stages.is_empty(), "{:?}", trace.names());
    for stage in &stages {
        assert_eq!(stage.parent_id, step.span_id);
        assert_eq!(stage.service, "sluice-scheduler");
    }
    let tasks = trace.all("task");
    assert!(tasks.len() >= stages.len());
    for task in &tasks {
        assert_eq!(task.service, "sluice-executor");
        let stage = trace.parent(task);
        assert_eq!(
            stage.name,
            format!("stage {}", task.attribute("sluice.stage"))
        );
        assert!(!task.has_failed, "{task:?}");
    }
    let scan = trace.only("DataSourceExec");
    assert_eq!(scan.attribute("sluice.rows"), "3");
    let path = trace.path(scan);
    assert!(
        path.contains(&"task") && path.ends_with(&["write totals", "job", "submit-job"]),
        "{path:?}"
    );
    assert!(
        trace.names().contains("AggregateExec"),
        "{:?}",
        trace.names()
    );
    for service in ["sluice-executor", "sluice-scheduler"] {
        let calls = trace.store_calls(service);
        assert!(!calls.is_empty(), "{service}: {:?}", trace.names());
        for call in calls {
            assert!(trace.path(call).contains(&"job"), "{call:?}");
        }
    }
    let in_task = |call: &&CollectedSpan| trace.path(call).contains(&"task");
    assert!(trace.store_calls("sluice-executor").iter().all(in_task));

    shows_trace(&cluster, "traced");
}

/// The trace is found from the job's record, its page and its log.
fn shows_trace(cluster: &Cluster, id: &str) {
    let record = cluster.find_job(id).unwrap();
    assert_eq!(record["trace_id"], TRACE_ID);
    let job_id = record["job_id"].as_str().unwrap();
    let (status, page) = cluster.get_page(&format!("/jobs/{job_id}"));
    assert_eq!(status, 200);
    assert!(page.contains(TRACE_ID), "{page}");
    let logs = cluster.run_submit(&["--logs", id]);
    assert!(
        logs.stdout
            .lines()
            .next()
            .unwrap_or_default()
            .contains(TRACE_ID),
        "{logs}"
    );
}

#[test]
fn a_job_that_fails_is_an_error_in_its_trace_without_values_of_rows() {
    let collector = Collector::start();
    let exporting = export_to(&collector);
    let builder = Cluster::builder().executors(1);
    let cluster = builder.environment(exporting.clone()).start();
    let job = TracedJob::new(FAILING);
    let mut variables = exporting;
    variables.push(caller());
    let output = job.run(&cluster.master(), &[], &variables).expect_code(1);
    assert!(output.stderr.contains(LITERAL), "{output}");
    let trace = Trace::wait_for(&collector, true);
    for name in ["submit-job", "job", "write numbers"] {
        let span = trace.only(name);
        assert!(span.has_failed, "{span:?}");
        assert_eq!(span.status, span.attribute("error.type"));
    }
    assert_eq!(trace.only("job").attribute("error.type"), "execution");
    assert_eq!(trace.only("job").attribute("sluice.job.state"), "FAILED");
    let tasks = trace.all("task");
    let failed = tasks.iter().find(|task| task.has_failed).unwrap();
    assert_eq!(failed.attribute("error.type"), "execution");
    assert!(trace.all("commit").is_empty());
}

#[test]
fn a_local_run_is_the_same_trace_of_one_process() {
    let collector = Collector::start();
    let job = TracedJob::new(GROUPED);
    let variables = [caller(), ("MY_TOKEN".to_owned(), SECRET.to_owned())];
    let option = ["--otlp-endpoint", &collector.endpoint()];
    job.run("local[2]", &option, &variables).expect_code(0);
    let trace = Trace::wait_for(&collector, false);
    let names = trace.names();
    for name in [
        "submit-job",
        "job",
        "analyze",
        "write totals",
        "plan",
        "commit totals",
    ] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
    let scan = trace.only("DataSourceExec");
    assert!(
        trace
            .path(scan)
            .ends_with(&["write totals", "job", "submit-job"])
    );
    let calls = trace.store_calls("sluice-submit-job");
    let in_step = calls
        .iter()
        .filter(|call| trace.path(call).contains(&"write totals"));
    assert!(in_step.count() > 0, "{calls:?}");
}

#[test]
fn nothing_is_exported_without_an_endpoint_and_the_trace_is_handed_on() {
    let collector = Collector::start();
    let disabled = ("OTEL_SDK_DISABLED".to_owned(), "true".to_owned());
    let mut exporting = export_to(&collector);
    exporting.push(disabled.clone());
    let builder = Cluster::builder().executors(1);
    let cluster = builder.environment(exporting.clone()).start();
    let job = TracedJob::new(GROUPED);
    let alone = ["--submission-id", "alone"];
    job.run(&cluster.master(), &alone, &exporting)
        .expect_code(0);
    assert!(cluster.find_job("alone").unwrap()["trace_id"].is_null());
    let traced = ["--submission-id", "traced"];
    let variables = [caller(), disabled];
    job.run(&cluster.master(), &traced, &variables)
        .expect_code(0);
    shows_trace(&cluster, "traced");
    assert_eq!(collector.requests(), 0);
}

#[test]
fn a_collector_that_never_answers_costs_no_job() {
    let collector = Collector::start_silent();
    let exporting = export_to(&collector);
    let builder = Cluster::builder().executors(1);
    let mut cluster = builder.environment(exporting.clone()).start();
    let job = TracedJob::new(GROUPED);
    let begun = Instant::now();
    let output = job.run(&cluster.master(), &[], &exporting).expect_code(0);
    // Far more than the job and the limit for the last spans take.
    assert!(begun.elapsed() < Duration::from_secs(60), "{output}");
    let output = output.expect_stderr(&["did not accept the last spans"]);
    assert!(!output.stderr.contains(SECRET), "{output}");
    assert!(collector.requests() > 0);
    cluster.scheduler.signal(Signal::Terminate);
    assert!(cluster.scheduler.wait_for_end().success());
    check_log(&cluster.path("scheduler.log"));
}

fn check_log(path: &Path) {
    let log = std::fs::read_to_string(path).unwrap();
    assert!(
        log.contains("traces are exported to http://127.0.0.1:"),
        "{log}"
    );
    assert!(!log.contains(SECRET), "{log}");
}
