use std::sync::Arc;

use sluice_proto::v1::{
    DatasetPhase, DatasetResult, ErrorKind, Job, JobError, JobRelation, JobState, LogLevel, LogLine,
};

use super::*;
use crate::ballista::{ExecutorInfo, ExecutorState};
use crate::driver::LogPart;

const NOW: i64 = 1_800_000_000_000;

fn job(name: &str, state: JobState, ended_ms: i64) -> Job {
    let mut job = Job {
        job_id: format!("id-{name}-{ended_ms}"),
        name: name.to_owned(),
        submitted_ms: NOW - 60_000,
        started_ms: NOW - 50_000,
        ended_ms,
        ..Job::default()
    };
    job.set_state(state);
    job
}

fn dataset(name: &str, version: u64) -> DatasetResult {
    DatasetResult {
        name: name.to_owned(),
        phase: DatasetPhase::Committed.into(),
        rows: 1_234,
        files: 1,
        version: Some(version),
        location: format!("/gold/{name}"),
        ..DatasetResult::default()
    }
}

fn executor() -> ExecutorInfo {
    ExecutorInfo {
        id: "e1".to_owned(),
        host: "10.0.0.1".to_owned(),
        grpc_port: 50052,
        flight_port: 50051,
        state: ExecutorState::Active,
        problem: None,
        vcores: 4,
        vcores_free: 3,
        tasks_given: 17,
        registered_seconds: 90.0,
        last_heartbeat_seconds: 0.4,
        resident_memory_bytes: None,
    }
}

fn overview(jobs: Vec<Job>, executors: Vec<ExecutorInfo>) -> String {
    let overview = Overview {
        executors,
        capacity: Vec::new(),
        jobs: jobs.into_iter().map(Arc::new).collect(),
        counts: Vec::new(),
        is_closed: false,
    };
    overview_page(&overview, "./", NOW).main.into_string()
}

#[test]
fn what_needs_attention_is_said_first() {
    let text = overview(Vec::new(), Vec::new());
    assert!(text.contains("No executor is registered"));
    let text = overview(Vec::new(), vec![executor()]);
    assert!(text.contains("<p>Nothing.</p>"), "{text}");
    let silent = ExecutorInfo {
        last_heartbeat_seconds: 9.2,
        ..executor()
    };
    assert!(overview(Vec::new(), vec![silent]).contains("has been silent for 9 s"));
    let full = ExecutorInfo {
        problem: Some("the disk is full".to_owned()),
        ..executor()
    };
    assert!(overview(Vec::new(), vec![full]).contains("gets no tasks: the disk is full"));
}

#[test]
fn a_failure_is_mentioned_until_a_later_run_succeeds() {
    let failed = job("nightly", JobState::Failed, NOW - 9_000);
    let text = overview(vec![failed.clone()], vec![executor()]);
    assert!(text.contains("ended as FAILED"), "{text}");
    let fixed = job("nightly", JobState::Succeeded, NOW - 1_000);
    let text = overview(vec![fixed, failed], vec![executor()]);
    assert!(!text.contains("ended as FAILED"), "{text}");
    let old = job("nightly", JobState::Failed, NOW - 25 * 3_600_000);
    assert!(!overview(vec![old], vec![executor()]).contains("ended as FAILED"));
}

#[test]
fn the_newest_commit_to_a_table_counts() {
    let mut newest = job("a", JobState::Succeeded, NOW - 1_000);
    newest.datasets = vec![dataset("orders", 7)];
    let mut older = job("a", JobState::Succeeded, NOW - 9_000);
    older.datasets = vec![dataset("orders", 6), dataset("users", 2)];
    // A run that had nothing to add names the version that it found.
    let mut without_news = job("a", JobState::Succeeded, NOW);
    without_news.datasets = vec![DatasetResult {
        rows: 0,
        files: 0,
        ..dataset("orders", 7)
    }];
    let tables = committed_tables(&[without_news, newest, older].map(Arc::new));
    assert_eq!(tables[0].dataset.rows, 1_234);
    let versions: Vec<_> = tables.iter().map(|table| table.dataset.version).collect();
    assert_eq!(versions, [Some(7), Some(2)]);
}

#[test]
fn texts_of_others_are_escaped() {
    let mut hostile = job("<script>alert(1)</script>", JobState::Failed, NOW - 1_000);
    hostile.user = "\"><img src=x>".to_owned();
    hostile.params = [("q".to_owned(), "<b>".to_owned())].into();
    hostile.reason = Some(JobError::new(ErrorKind::Execution, "</pre><script>"));
    hostile.datasets = vec![dataset("<i>", 1)];
    hostile.relations = vec![JobRelation {
        name: "</svg><script>".to_owned(),
        ..JobRelation::default()
    }];
    let log = LogPart {
        lines: vec![LogLine {
            at_ms: NOW,
            level: LogLevel::Info.into(),
            target: "driver".to_owned(),
            message: "<script>".to_owned(),
        }],
        end: 7,
    };
    let view = JobView {
        job: hostile,
        runs: Vec::new(),
        log,
        text: Some("SELECT '<script>'".into()),
        form_token: "t".to_owned(),
    };
    let text = job_page(&view, "../", NOW).main.into_string();
    for part in ["<script", "<img", "<i>", "<b>", "</svg><s"] {
        assert!(
            !text.replace("<b>Next", "").contains(part),
            "{part} in {text}"
        );
    }
}

#[test]
fn secrets_of_parameters_are_not_shown() {
    let mut with_secret = job("a", JobState::Running, 0);
    with_secret.params = [("api_password".to_owned(), "hunter2".to_owned())].into();
    let view = JobView {
        job: with_secret,
        runs: Vec::new(),
        log: LogPart::default(),
        text: None,
        form_token: "token-1".to_owned(),
    };
    let text = job_page(&view, "../", NOW).main.into_string();
    assert!(!text.contains("hunter2"));
    assert!(text.contains("action=\"../jobs/id-a-0/kill\"") && text.contains("token-1"));
}

#[test]
fn a_job_that_has_ended_cannot_be_killed() {
    let view = JobView {
        job: job("a", JobState::Succeeded, NOW),
        runs: Vec::new(),
        log: LogPart::default(),
        text: None,
        form_token: "t".to_owned(),
    };
    assert!(
        !job_page(&view, "../", NOW)
            .main
            .into_string()
            .contains("/kill")
    );
}

#[test]
fn a_page_that_does_not_change_is_not_loaded_again() {
    let frame = Frame {
        root: "../",
        version: "1.2.3",
        time: "now".to_owned(),
        is_final: true,
    };
    let document = frame.document(&message_page("No such page", "Nothing is here."));
    assert!(!document.contains("http-equiv=\"refresh\"") && document.contains("data-final"));
}

#[test]
fn pages_load_nothing_from_elsewhere_and_hold_no_script_or_style() {
    let frame = Frame {
        root: "../",
        version: "1.2.3",
        time: "now".to_owned(),
        is_final: false,
    };
    let document = frame.document(&message_page("No such page", "Nothing is here."));
    assert!(document.contains("href=\"../assets/style.css\""));
    for part in ["http://", "https://", "//", "style=", "<style", "onclick"] {
        assert!(!document.contains(part), "{part} in {document}");
    }
    assert_eq!(document.matches("<script").count(), 1);
    assert!(document.contains("http-equiv=\"refresh\"") && !document.contains("data-final"));
    for name in ["style.css", "live.js", "icon.svg"] {
        let asset = find_asset(name).unwrap();
        let text = asset.text.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{name}"
        );
    }
    assert!(find_asset("../Cargo.toml").is_none());
}
