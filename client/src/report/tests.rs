use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use sluice_proto::v1::{DatasetResult, ErrorKind, InputStats, Severity};

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Exit code, standard output, standard error.
fn captured_output(
    output: ResultFormat,
    say: impl FnOnce(&ResultReporter) -> u8,
) -> (u8, String, String) {
    let (out, err) = (Sink::default(), Sink::default());
    let reporter = ResultReporter {
        console: Console::new(out.clone(), err.clone(), false),
        output,
        verbose: false,
        job_file_text: None,
    };
    let code = say(&reporter);
    let text = |sink: Sink| String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    (code, text(out), text(err))
}

fn job(state: JobState) -> Job {
    let mut job = Job {
        job_id: "j1".into(),
        submission_id: "s1".into(),
        name: "nightly".into(),
        file_name: "n.sql".into(),
        submitted_ms: 1_795_417_649_000,
        ended_ms: 1_795_417_649_210,
        user: "ann".into(),
        params: BTreeMap::from([
            ("gold".into(), "/g".into()),
            ("db_password".into(), "hunter2".into()),
        ]),
        datasets: vec![DatasetResult {
            name: "daily".into(),
            phase: DatasetPhase::Committed.into(),
            rows: 12,
            files: 1,
            bytes: 2048,
            version: Some(4),
            seconds: 0.1,
            table_rows: None,
            location: "/g/daily".into(),
        }],
        inputs: vec![InputStats {
            name: "events".into(),
            files: 3,
            bytes: 1024,
            lines: 1239,
            ..InputStats::default()
        }],
        ..Job::default()
    };
    job.set_state(state);
    job
}

fn failed(kind: ErrorKind) -> Job {
    let mut failed = job(JobState::Failed);
    failed.reason = Some(JobError::new(kind, "disk full").with_next_step("make room"));
    failed
}

#[test]
fn success_is_a_table_and_a_line_on_standard_output() {
    let (code, out, err) = captured_output(ResultFormat::Text, |reporter| {
        reporter.report_end(&job(JobState::Succeeded), &[])
    });
    assert_eq!(code, 0);
    assert_eq!(err, "");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[1].contains("dataset"), "{out}");
    assert!(!out.contains("committed"), "{out}");
    assert_eq!(
        *lines.last().unwrap(),
        "job j1 (nightly) succeeded in 0.21 s: 1 table, 12 rows, 2.0 KiB from 1,239 lines"
    );
}

#[test]
fn failure_goes_to_standard_error_with_what_to_do() {
    let (code, out, err) = captured_output(ResultFormat::Text, |reporter| {
        let mut failed = failed(ErrorKind::Storage);
        failed.datasets[0].phase = DatasetPhase::Written.into();
        reporter.report_end(&failed, &[])
    });
    assert_eq!(code, 9);
    assert_eq!(out, "", "no table was committed, so there is none to show");
    assert_eq!(
        err,
        "error: job j1 (nightly) failed after 0.21 s: disk full\n  make room\n"
    );
}

#[test]
fn a_failure_among_commits_says_which_tables_are_new() {
    let (_, out, _) = captured_output(ResultFormat::Text, |reporter| {
        reporter.report_end(&failed(ErrorKind::Storage), &[])
    });
    assert!(out.contains("committed"), "{out}");
}

#[test]
fn json_is_one_document_whatever_happened() {
    for (say, code, key) in [
        (
            Box::new(|reporter: &ResultReporter| {
                reporter.report_end(&job(JobState::Succeeded), &[])
            }) as Box<dyn Fn(&ResultReporter) -> u8>,
            0,
            "job",
        ),
        (
            Box::new(|reporter: &ResultReporter| {
                reporter.report_end(&failed(ErrorKind::DataQuality), &[])
            }),
            3,
            "job",
        ),
        (
            Box::new(|reporter: &ResultReporter| {
                reporter.report_error(&JobError::new(ErrorKind::Unavailable, "no scheduler there"))
            }),
            4,
            "error",
        ),
        (
            Box::new(|reporter: &ResultReporter| {
                reporter.report_list(&[job(JobState::Killed)], false, 0)
            }),
            0,
            "jobs",
        ),
        (
            Box::new(|reporter: &ResultReporter| reporter.print_log_json(&[])),
            0,
            "lines",
        ),
        (
            Box::new(|reporter: &ResultReporter| reporter.report_plan(&JobPlan::default())),
            0,
            "plan",
        ),
        (
            Box::new(|reporter: &ResultReporter| {
                reporter.report_status(&failed(ErrorKind::Internal), 0)
            }),
            0,
            "job",
        ),
        (
            Box::new(|reporter: &ResultReporter| {
                reporter.report_accepted(&job(JobState::Accepted))
            }),
            0,
            "job",
        ),
        (
            Box::new(|reporter: &ResultReporter| {
                reporter.report_killed(&job(JobState::Killed), false)
            }),
            0,
            "job",
        ),
    ] {
        let (said_code, out, _) = captured_output(ResultFormat::Json, say);
        assert_eq!(said_code, code);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["exit_code"], code);
        assert!(document.get(key).is_some(), "{out}");
        assert!(!out.contains("hunter2"), "{out}");
    }
}

#[test]
fn warnings_are_printed_once() {
    let warning = |message: &str| Diagnostic {
        code: "W1".into(),
        severity: Severity::Warning.into(),
        message: message.into(),
        ..Diagnostic::default()
    };
    let mut job = job(JobState::Succeeded);
    job.warnings = vec![warning("printed before"), warning("new")];
    let (_, _, err) = captured_output(ResultFormat::Text, |reporter| {
        reporter.report_end(&job, &[warning("printed before")])
    });
    assert_eq!(err, "warning[W1]: new\n\n");
}

#[test]
fn status_shows_state_reason_and_parameters_without_secrets() {
    let (code, out, _) = captured_output(ResultFormat::Text, |reporter| {
        reporter.report_status(&failed(ErrorKind::Storage), 1_795_417_700_000)
    });
    assert_eq!(code, 0);
    let head: Vec<&str> = out.lines().take(12).collect();
    assert_eq!(
        head,
        [
            "job        j1",
            "submission s1",
            "name       nightly",
            "file       n.sql",
            "state      FAILED",
            "submitted  2026-11-23 07:07:29 UTC by ann",
            "ended      2026-11-23 07:07:29 UTC",
            "time       0.21 s",
            "reason     storage: disk full",
            "next       make room",
            "parameter  db_password = [redacted]",
            "parameter  gold = /g",
        ]
    );
    assert!(out.contains("1,239"), "{out}");
}

#[test]
fn an_empty_list_says_so() {
    let (code, out, _) = captured_output(ResultFormat::Text, |reporter| {
        reporter.report_list(&[], false, 0)
    });
    assert_eq!((code, out.as_str()), (0, "no jobs yet\n"));
    let (_, out, _) = captured_output(ResultFormat::Text, |reporter| {
        reporter.report_list(&[job(JobState::Killed)], true, 0)
    });
    assert!(out.ends_with("older jobs are not shown\n"), "{out}");
}
