//! Jobs whose plans would take the time or the memory of the scheduler. While they
//! are planned it answers, and other jobs run.

use std::fmt::Write;

use crate::job_files::JobFiles;
use crate::sandbox::Cluster;
use crate::submit::Output;

const SMALL_JOB: &str = "CREATE OR REFRESH MATERIALIZED VIEW small AS SELECT user, sum(n) AS n FROM events GROUP BY user;\n";

fn query(expression: &str) -> String {
    format!("CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT {expression} AS x FROM events;\n")
}

/// `count` views, each of which is made of the one before by `from`.
fn chain_of_views(count: usize, from: impl Fn(&str) -> String) -> String {
    let mut text = "CREATE TEMPORARY VIEW v0 AS SELECT * FROM events;\n".to_owned();
    for number in 1..=count {
        let select = from(&format!("v{}", number - 1));
        let _ = writeln!(text, "CREATE TEMPORARY VIEW v{number} AS {select};");
    }
    let _ = writeln!(
        text,
        "CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT * FROM v{count};"
    );
    text
}

fn wide_source(columns: usize) -> String {
    let columns: Vec<String> = (0..columns).map(|at| format!("c{at} INT")).collect();
    format!(
        "CREATE EXTERNAL TABLE wide ({}) STORED AS JSON LOCATION '${{landing}}/events';\n\
         CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT * FROM wide;\n",
        columns.join(", ")
    )
}

/// Aliases that double the expression: `x1 + x1 AS x2` and so on.
fn doubled_aliases(count: usize) -> String {
    let mut items = "n AS x0".to_owned();
    for number in 1..=count {
        let _ = write!(items, ", x{} + x{} AS x{number}", number - 1, number - 1);
    }
    format!("CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT {items} FROM events;\n")
}

/// Ends of job files, with the code, the line and the words of the error.
fn refused_jobs() -> Vec<(String, [&'static str; 3])> {
    let constant =
        |expression: &str, function| (query(expression), ["error[E0507]", "job.sql:6:", function]);
    vec![
        constant("length(repeat('x', 1000000000))", "`repeat`"),
        constant("length(repeat('x', 2000000000) || 'y')", "`repeat`"),
        constant(
            "levenshtein(repeat('a', 80000), repeat('b', 80000))",
            "`levenshtein`",
        ),
        constant("cardinality(range(0, 300000000))", "`range`"),
        constant("cardinality(sequence(1, 300000000))", "`sequence`"),
        constant(
            "length(replace(repeat('a', 1000000), 'a', repeat('b', 1000000)))",
            "`replace`",
        ),
        constant(
            "cardinality(array_repeat(repeat('x', 1000000), 1000000))",
            "`array_repeat`",
        ),
        constant(
            "cardinality(transform(sequence(1, 10000), i -> repeat('x', 10000)))",
            "`lambda`",
        ),
        constant(
            "length(format_string('%2000000000d', 1))",
            "`format_string`",
        ),
        (
            wide_source(20_000),
            ["error[E0508]", "job.sql:6:", "has 20000 columns"],
        ),
        (
            // Each has 18 times as many operators as the one before.
            chain_of_views(20, |view| {
                vec![format!("SELECT * FROM {view}"); 18].join(" UNION ALL ")
            }),
            ["error[E0508]", "job.sql:", "more than 10000 operators"],
        ),
        (
            chain_of_views(4_000, |view| format!("SELECT * FROM {view}")),
            ["error[E0413]", "job.sql:106:", "`v100`"],
        ),
        (
            doubled_aliases(64),
            [
                "error[E0509]",
                "job.sql:6:",
                "with their aliases written out",
            ],
        ),
    ]
}

fn expect_small_job(files: &JobFiles, cluster: &Cluster) -> Output {
    let job = files.path("small.sql");
    std::fs::copy(files.write_job(SMALL_JOB), &job).unwrap();
    files
        .submit_job(&cluster.master(), &job, &[])
        .expect_code(0)
}

#[test]
fn queries_that_are_too_large_are_refused_with_their_position() {
    let cluster = Cluster::builder().executors(1).start();
    let files = JobFiles::new();
    for (rest, parts) in refused_jobs() {
        let job = files.write_job(&rest);
        for how in [&[][..], &["--plan"]] {
            files
                .submit_job(&cluster.master(), &job, how)
                .expect_code(2)
                .expect_stderr(&parts);
            assert_eq!(cluster.get_page("/healthz").0, 200, "{parts:?}");
        }
    }
    expect_small_job(&files, &cluster);
}

#[test]
fn a_plan_that_takes_too_long_fails_its_own_job_only() {
    let cluster = Cluster::builder()
        .executors(1)
        .scheduler_option("--planning-timeout", "4s")
        .start();
    let files = JobFiles::new();
    // Within every limit of size.
    let columns: Vec<String> = (0..100)
        .map(|at| format!("n * {at} + length(user) AS c{at}"))
        .collect();
    let first = format!(
        "CREATE TEMPORARY VIEW wide AS SELECT user, n, {} FROM events;\n",
        columns.join(", ")
    );
    let chain = chain_of_views(90, |view| {
        let from = if view == "v0" { "wide" } else { view };
        let rank = "row_number() OVER (PARTITION BY user ORDER BY n)";
        format!("SELECT *, {rank} AS r_{view} FROM {from}")
    });
    let slow = files.path("slow.sql");
    std::fs::copy(files.write_job(&format!("{first}{chain}")), &slow).unwrap();
    let running = files.spawn_job(&cluster.master(), &slow, &["--submission-id", "slow"]);
    cluster.wait_for_state("slow", "ACCEPTED");
    expect_small_job(&files, &cluster);
    assert_eq!(cluster.get_page("/healthz").0, 200);
    running
        .wait()
        .expect_code(1)
        .expect_stderr(&["planning took longer than 4s", "--planning-timeout"]);
    assert_eq!(cluster.find_job("slow").unwrap()["state"], "FAILED");
    expect_small_job(&files, &cluster);
}

#[test]
fn a_plan_that_is_too_large_to_be_sent_fails_once_with_its_size() {
    let cluster = Cluster::builder().executors(1).start();
    let files = JobFiles::new();
    // Each within the limit of constants.
    let tests = ["a", "b", "c", "d"].map(|text| format!("user <> repeat('{text}', 16000000)"));
    let job = files.write_job(&format!(
        "CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user FROM events WHERE {};\n",
        tests.join(" AND ")
    ));
    let before = cluster.registered_executors();
    files
        .submit_job(&cluster.master(), &job, &["--submission-id", "large"])
        .expect_code(1)
        .expect_stderr(&[
            "the plan has 64",
            "at most 50331648 can be sent to executors",
        ]);
    let log = cluster.run_submit(&["--logs", "large"]).expect_code(0);
    assert_eq!(log.stdout.matches("attempt 1 failed").count(), 1, "{log}");
    assert!(!log.stdout.contains("attempt 2"), "{log}");
    // The executor is still the same one.
    let after = cluster.registered_executors();
    assert_eq!(before[0]["id"], after[0]["id"], "{after:?}");
    expect_small_job(&files, &cluster);
}

#[test]
fn a_scheduler_that_holds_more_than_it_may_plans_nothing() {
    // Any process holds more.
    let cluster = Cluster::builder()
        .executors(0)
        .scheduler_option("--memory", "1MiB")
        .start();
    let files = JobFiles::new();
    let job = files.write_job(SMALL_JOB);
    files
        .submit_job(&cluster.master(), &job, &[])
        .expect_code(4)
        .expect_stderr(&["accepts no more jobs now", "may hold 1.0 MiB", "--memory"]);
    files
        .submit_job(&cluster.master(), &job, &["--plan"])
        .expect_code(1)
        .expect_stderr(&["planning needs more memory", "--memory of the scheduler"]);
    assert_eq!(cluster.get_page("/healthz").0, 200);
}

#[test]
fn a_full_queue_refuses_jobs_until_one_has_ended() {
    // Without executors, jobs wait.
    let cluster = Cluster::builder()
        .executors(0)
        .scheduler_option("--max-concurrent-jobs", "1")
        .scheduler_option("--max-queued-jobs", "1")
        .start();
    let files = JobFiles::new();
    let job = files.write_job(SMALL_JOB);
    let master = cluster.master();
    let submit = |id: &str| {
        let more = ["--deploy-mode", "cluster", "--submission-id", id];
        files.submit_job(&master, &job, &more)
    };
    submit("first").expect_code(0);
    // It has taken the only permit.
    cluster.wait_for_state("first", "PLANNED");
    submit("second").expect_code(0);
    submit("third")
        .expect_code(4)
        .expect_stderr(&["1 jobs wait, at most 1 may", "--max-queued-jobs"]);
    // The same submission is the same job, also when the queue is full.
    submit("second").expect_code(0);
    assert!(cluster.find_job("third").is_none());
    cluster.run_submit(&["--kill", "second"]).expect_code(0);
    submit("fourth").expect_code(0);
}
