//! Submissions: every exit code with which a job can end, and the output.

use std::sync::Arc;
use std::time::Duration;

use sluice_proto::v1::{Diagnostic, ErrorKind, JobError, JobState, LogLevel, LogLine, Span};

use super::fake::{Fake, Running, Step, failed, finished, job, log, progress, state, succeeded};
use super::world::{JOB, Ran, World};

fn submit(fake: &Arc<Fake>, line: &str) -> Ran {
    let running = Running::start(fake);
    World::new().run(&format!("--master {} {line}", running.master()))
}

#[test]
fn a_job_that_succeeds_is_0_with_a_table() {
    let fake = Fake::playing(vec![
        state(JobState::Running),
        progress(1, 2),
        finished(succeeded()),
    ]);
    let ran = submit(&fake, "JOB --landing /l --name Nightly --conf a=b");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("1,234"), "{ran:?}");
    assert!(
        ran.out
            .ends_with("job job-1 (copy) succeeded in 0.25 s: 1 table, 1,234 rows, 4.0 KiB\n"),
        "{ran:?}"
    );
    assert!(
        ran.err.starts_with("job job-1 (copy) accepted\nrunning\n"),
        "{ran:?}"
    );

    let fake_state = fake.state.lock().unwrap();
    let request = &fake_state.submitted[0];
    assert_eq!(request.name, "Nightly");
    assert_eq!(request.text, JOB);
    assert!(request.file_name.ends_with("copy.sql"));
    assert_eq!(request.params["landing"], "/l");
    assert_eq!(request.conf["a"], "b");
    assert_eq!(request.user, "ann");
    assert!(!request.submission_id.is_empty());
}

#[test]
fn every_way_to_end_has_its_exit_code() {
    for (end, code, part) in [
        (
            failed(JobState::Failed, ErrorKind::Transient),
            1,
            "failed after 0.25 s: it broke",
        ),
        (
            failed(JobState::Failed, ErrorKind::Internal),
            1,
            "failed after",
        ),
        (
            failed(JobState::Failed, ErrorKind::Invalid),
            2,
            "failed after",
        ),
        (
            failed(JobState::Failed, ErrorKind::DataQuality),
            3,
            "failed after",
        ),
        (
            failed(JobState::Killed, ErrorKind::Killed),
            5,
            "was killed after",
        ),
        (
            failed(JobState::TimedOut, ErrorKind::TimedOut),
            6,
            "reached its time limit after",
        ),
        (
            failed(JobState::Interrupted, ErrorKind::Interrupted),
            7,
            "was interrupted after",
        ),
        (
            failed(JobState::Failed, ErrorKind::Storage),
            9,
            "failed after",
        ),
    ] {
        let ran = submit(
            &Fake::playing(vec![finished(end.clone())]),
            "JOB --landing /l",
        );
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains(part), "{ran:?}");
        assert!(ran.err.ends_with("\n  fix it\n"), "{ran:?}");
        assert_eq!(ran.out, "", "{ran:?}");
        let line = "--output json JOB --landing /l";
        let ran = submit(&Fake::playing(vec![finished(end)]), line);
        assert_eq!(ran.code, code);
        assert_eq!(ran.json()["exit_code"], code);
        assert_eq!(ran.json()["job"]["job_id"], "job-1");
    }
}

#[test]
fn invalid_arguments_are_2_and_nothing_is_asked() {
    for (line, part) in [
        ("", "no job file given"),
        ("--nonsense JOB", "unexpected argument '--nonsense'"),
        ("--master nowhere JOB", "allowed are sluice://HOST:PORT"),
        ("--timeout soon JOB", "such as 90s"),
        (
            "--deploy-mode cluster --master local JOB --landing /l",
            "needs a cluster",
        ),
        (
            "--properties-file /no/such/file JOB",
            "properties file `/no/such/file`",
        ),
        ("/no/such.sql", "there is no such file"),
        ("JOB", "landing"),
        ("JOB --landing /l --other 1", "other"),
        (
            "JOB --landing",
            "a value is required for '--landing <STRING>'",
        ),
        ("JOB stray", "unexpected argument 'stray'"),
        ("--list --status x", "cannot be used with"),
    ] {
        let ran = World::new().run(line);
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert!(ran.err.contains(part), "{line}: {ran:?}");
        assert_eq!(ran.out, "", "{line}");
        let ran = World::new().run(&format!("--output json {line}"));
        assert_eq!(ran.json()["error"]["kind"], "invalid", "{line}: {ran:?}");
        assert_eq!(ran.json()["exit_code"], 2);
    }
}

#[test]
fn a_broken_job_file_is_2_without_a_scheduler() {
    let world = World::new();
    let file = world.file(
        "bad.sql",
        "CREATE OR REFRESH MATERIALIZED VIEW x AS SELEC 1;\n",
    );
    let line = format!("--master sluice://127.0.0.1:1 {}", file.display());
    let ran = world.run(&line);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("bad.sql:1:"), "{ran:?}");
    assert!(ran.err.contains('^'), "{ran:?}");
}

#[test]
fn a_job_that_the_scheduler_refuses_is_2_with_its_diagnostics() {
    let refusal = || {
        JobError::new(ErrorKind::Invalid, "copy.sql has an error, nothing ran").with_diagnostics([
            Diagnostic {
                code: "E0501".into(),
                message: "unknown column `b`".into(),
                file: "copy.sql".into(),
                span: Some(Span {
                    start_line: 3,
                    start_column: 51,
                    end_line: 3,
                    end_column: 52,
                }),
                help: Some("did you mean `a`".into()),
                ..Diagnostic::default()
            },
        ])
    };
    for mode in ["", "--deploy-mode cluster", "--plan"] {
        let fake = Fake::with(|state| state.refusal = Some(refusal()));
        let ran = submit(&fake, &format!("{mode} JOB --landing /l"));
        assert_eq!(ran.code, 2, "{mode}: {ran:?}");
        assert!(
            ran.err.contains("error[E0501]: unknown column `b`"),
            "{ran:?}"
        );
        assert!(ran.err.contains("copy.sql:3:51"), "{ran:?}");
        assert!(
            ran.err.contains("CREATE OR REFRESH MATERIALIZED VIEW copy"),
            "{ran:?}"
        );
        assert_eq!(ran.out, "");
    }
    let fake = Fake::with(|state| state.refusal = Some(refusal()));
    let document = submit(&fake, "--output json JOB --landing /l").json();
    assert_eq!(
        document["error"]["diagnostics"][0]["span"]["start_column"],
        51
    );
}

#[test]
fn cluster_mode_prints_the_id_and_leaves() {
    let fake = Fake::playing(vec![Step::Stall]);
    let ran = submit(&fake, "--deploy-mode cluster JOB --landing /l");
    assert_eq!((ran.code, ran.out.as_str()), (0, "job-1\n"), "{ran:?}");
    assert!(fake.state.lock().unwrap().watched.is_empty());
    let document = submit(
        &fake,
        "--deploy-mode=cluster --output=json JOB --landing /l",
    )
    .json();
    assert_eq!(document["job"]["state"], "ACCEPTED");
}

#[test]
fn the_same_submission_is_one_job_and_its_end_is_reported_at_once() {
    let fake = Fake::with(|state| {
        state.existing = true;
        state.job = Some(failed(JobState::Failed, ErrorKind::Storage));
    });
    let ran = submit(&fake, "--submission-id sub-1 JOB --landing /l");
    assert_eq!(ran.code, 9, "{ran:?}");
    assert!(
        ran.err
            .contains("submission sub-1 already exists as job job-1")
    );
    let state = fake.state.lock().unwrap();
    assert_eq!(state.submitted[0].submission_id, "sub-1");
    assert!(state.watched.is_empty());
}

#[test]
fn a_local_run_needs_no_scheduler() {
    let fake = Fake::playing(vec![progress(0, 0), finished(succeeded())]);
    let ran = World::new()
        .local(&fake)
        .run("--master local[2] JOB --landing /l");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.err.contains("waiting for executors"), "{ran:?}");
    let plan = World::new().local(&fake).run("--plan JOB --landing /l");
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.out.contains("2.0 KiB"), "{plan:?}");
    assert_eq!(World::new().local(&fake).run("--list").code, 2);
}

#[test]
fn a_time_limit_is_sent_and_the_client_enforces_it_too() {
    let fake = Fake::playing(vec![
        state(JobState::Running),
        Step::UntilCancelled,
        finished(job(JobState::Killed)),
    ]);
    let ran = submit(&fake, "--timeout 200ms JOB --landing /l");
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.err.contains("time limit reached"), "{ran:?}");
    let state = fake.state.lock().unwrap();
    assert_eq!(state.submitted[0].timeout_ms, 200);
    assert_eq!(state.cancels[0].reason, "time limit reached");
}

#[test]
fn a_job_that_does_not_end_at_its_time_limit_is_left_with_6() {
    let fake = Fake::playing(vec![state(JobState::Running), Step::Stall]);
    let running = Running::start(&fake);
    let mut world = World::new();
    world.limits.cancel_grace = Duration::from_millis(300);
    let line = format!(
        "--master {} --timeout 100ms JOB --landing /l",
        running.master()
    );
    let ran = world.run(&line);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(
        ran.err
            .contains("it may still be ending; check with --status job-1"),
        "{ran:?}"
    );
}

#[test]
fn missing_executors_are_reported_with_how_to_start_one() {
    let fake = Fake::playing(vec![
        Step::Pause(Duration::from_millis(1_050)),
        progress(0, 0),
        finished(succeeded()),
    ]);
    let ran = submit(&fake, "JOB --landing /l");
    assert!(
        ran.err
            .contains("waiting for executors: start one with `executor --scheduler 127.0.0.1:"),
        "{ran:?}"
    );
}

#[test]
fn serious_log_lines_are_shown_and_all_of_them_when_verbose() {
    let line = |level: LogLevel, message: &str| {
        log(LogLine {
            at_ms: 1,
            level: level.into(),
            target: "driver".into(),
            message: message.into(),
        })
    };
    let fake = || {
        Fake::playing(vec![
            line(LogLevel::Warn, "an executor is gone"),
            line(LogLevel::Info, "step 1"),
            finished(succeeded()),
        ])
    };
    let ran = submit(&fake(), "JOB --landing /l");
    assert!(
        ran.err.contains("WARN  driver: an executor is gone"),
        "{ran:?}"
    );
    assert!(!ran.err.contains("step 1"), "{ran:?}");
    let line = "--verbose --conf s3.secret_key=hunter2 --conf k=v JOB --landing /l";
    let ran = submit(&fake(), line);
    assert!(ran.err.contains("INFO  driver: step 1"), "{ran:?}");
    assert!(ran.err.contains("setting       k=v"), "{ran:?}");
    assert!(
        ran.err.contains("setting       s3.secret_key=[redacted]"),
        "{ran:?}"
    );
    let version = concat!("scheduler     ", env!("CARGO_PKG_VERSION"));
    assert!(ran.err.contains(version), "{ran:?}");
    assert!(!ran.err.contains("hunter2"), "{ran:?}");
}

#[test]
fn without_progress_standard_error_stays_empty() {
    let fake = Fake::playing(vec![
        state(JobState::Running),
        progress(1, 1),
        finished(succeeded()),
    ]);
    let ran = submit(&fake, "--no-progress JOB --landing /l");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn settings_may_come_from_a_file_and_the_environment() {
    let fake = Fake::playing(vec![finished(succeeded())]);
    let running = Running::start(&fake);
    let mut world = World::new();
    world.environment.master = Some(running.master());
    let file = world.file(
        "p.conf",
        "# settings\nsluice.name from file\ngold.size  1\n",
    );
    let line = format!("--properties-file {} JOB --landing /l", file.display());
    assert_eq!(world.run(&line).code, 0);
    let state = fake.state.lock().unwrap();
    assert_eq!(state.submitted[0].name, "from file");
    assert_eq!(state.submitted[0].conf["gold.size"], "1");
}

#[test]
fn help_and_version_are_0() {
    let help = World::new().run("--help");
    assert_eq!(help.code, 0);
    assert!(help.out.contains("Exit codes:"), "{help:?}");
    assert!(help.out.contains("--deploy-mode"), "{help:?}");
    let version = World::new().run("--version");
    let expected = format!("submit-job {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((version.code, version.out), (0, expected));
}

#[test]
fn the_caller_s_trace_is_handed_on_without_an_export_of_our_own() {
    const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (caller, expected) in [("", &[][..]), (CALLER, &[CALLER][..])] {
        let fake = Fake::playing(vec![finished(succeeded())]);
        let running = Running::start(&fake);
        let line = format!("--master {} JOB --landing /l", running.master());
        let mut world = World::new();
        world.environment.caller = sluice_traces::TraceContext::parse(caller);
        assert_eq!(world.run(&line).code, 0);
        let state = fake.state.lock().unwrap();
        assert_eq!(state.submitted.len(), 1);
        assert_eq!(state.traceparents, expected);
    }
}

#[test]
fn a_wrong_endpoint_for_traces_is_refused() {
    let ran = World::new().run("--otlp-endpoint collector JOB --landing /l");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("http://collector:4318"), "{ran:?}");
}
