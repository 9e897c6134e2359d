use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;
use tonic::{Code, Status};

use crate::v1::{
    DatasetPhase, DatasetResult, Diagnostic, ErrorKind, Job, JobError, JobState, Severity, Span,
};
use crate::{MAX_HEADER_LIST_BYTES, json};

#[test]
fn exit_codes_are_the_published_ones() {
    let published = [
        (ErrorKind::Unspecified, 1),
        (ErrorKind::Transient, 1),
        (ErrorKind::Internal, 1),
        (ErrorKind::Invalid, 2),
        (ErrorKind::DataQuality, 3),
        (ErrorKind::Unavailable, 4),
        (ErrorKind::Killed, 5),
        (ErrorKind::TimedOut, 6),
        (ErrorKind::Interrupted, 7),
        (ErrorKind::NotFound, 8),
        (ErrorKind::Storage, 9),
    ];
    for (kind, code) in published {
        assert_eq!(kind.exit_code(), code, "{kind:?}");
    }
}

#[test]
fn the_document_lists_every_exit_code() {
    let document = include_str!("../../docs/exit-codes.md");
    for code in 0..=9 {
        assert!(
            document.contains(&format!("| {code} |")),
            "exit code {code}"
        );
    }
    for kind in ErrorKind::ALL {
        assert!(document.contains(&format!("`{}`", kind.name())), "{kind:?}");
    }
}

#[test]
fn names_of_states_read_back() {
    for state in JobState::ALL {
        assert_eq!(state.name().parse(), Ok(state));
        assert_eq!(state.name().to_lowercase().parse(), Ok(state));
        assert_eq!(state.as_str_name(), format!("JOB_STATE_{}", state.name()));
    }
    for phase in DatasetPhase::ALL {
        assert_eq!(phase.name().parse(), Ok(phase));
    }
    let error = "done".parse::<JobState>().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("unknown job state `done`; known names are ACCEPTED")
    );
}

#[test]
fn the_state_decides_the_exit_code_before_the_reason() {
    let job = |state: JobState, reason: Option<ErrorKind>| {
        let mut job = Job {
            reason: reason.map(|kind| JobError::new(kind, "x")),
            ..Job::default()
        };
        job.set_state(state);
        job.exit_code()
    };
    assert_eq!(job(JobState::Succeeded, None), 0);
    assert_eq!(job(JobState::Failed, Some(ErrorKind::Storage)), 9);
    assert_eq!(job(JobState::Failed, Some(ErrorKind::DataQuality)), 3);
    assert_eq!(job(JobState::Failed, None), 1);
    assert_eq!(job(JobState::Killed, Some(ErrorKind::Internal)), 5);
    assert_eq!(job(JobState::TimedOut, Some(ErrorKind::Killed)), 6);
    assert_eq!(job(JobState::Interrupted, None), 7);
    assert_ne!(job(JobState::Running, None), 0);
}

#[test]
fn a_foreign_status_speaks_of_the_connection_only() {
    let read = |status: Status| JobError::from_status(&status).kind();
    assert_eq!(
        read(Status::deadline_exceeded("late")),
        ErrorKind::Unavailable
    );
    assert_eq!(read(Status::cancelled("gone")), ErrorKind::Unavailable);
    assert_eq!(read(Status::unavailable("down")), ErrorKind::Unavailable);
    assert_eq!(read(Status::not_found("what")), ErrorKind::NotFound);
    assert_eq!(read(Status::unknown("?")), ErrorKind::Internal);
    let broken = Status::from_error(Box::new(std::io::Error::other("reset")));
    assert_eq!(read(broken), ErrorKind::Unavailable);
    let unreadable = Status::with_details(Code::NotFound, "x", vec![0xff_u8; 3].into());
    assert_eq!(read(unreadable), ErrorKind::NotFound);
}

#[test]
fn a_job_as_json_has_names_and_nulls() {
    let mut job = Job {
        job_id: "j1".into(),
        submitted_ms: 5,
        params: BTreeMap::from([("password".into(), "hunter2".into())]),
        datasets: vec![DatasetResult {
            name: "daily".into(),
            rows: 3,
            ..DatasetResult::default()
        }],
        reason: Some(JobError::new(ErrorKind::Storage, "disk full")),
        ..Job::default()
    };
    job.set_state(JobState::Failed);
    let value = json::job(&job);
    assert_eq!(value["state"], "FAILED");
    assert_eq!(value["submitted_ms"], 5);
    assert!(value["ended_ms"].is_null());
    assert!(value["datasets"][0]["version"].is_null());
    assert_eq!(value["error"]["kind"], "storage");
    assert_eq!(value["error"]["exit_code"], 9);
    assert!(!value.to_string().contains("hunter2"));
    assert_eq!(json::job_summary(&job)["error"]["message"], "disk full");
}

#[test]
fn an_oversized_error_still_fits_into_a_header() {
    let diagnostic = Diagnostic {
        rendered: "x".repeat(2_000),
        ..Diagnostic::default()
    };
    let error = JobError::new(ErrorKind::Invalid, "é".repeat(100_000))
        .with_next_step("y".repeat(100_000))
        .with_diagnostics(vec![diagnostic; 500]);
    let status = Status::from(error);
    // Base64 adds a third, percent-encoding triples at worst.
    let header = status.details().len() * 4 / 3 + status.message().len() * 3;
    assert!(header < MAX_HEADER_LIST_BYTES as usize, "{header}");
    let back = JobError::from_status(&status);
    assert_eq!(back.kind(), ErrorKind::Invalid);
    assert!(!back.diagnostics.is_empty() && back.diagnostics.len() < 500);
    assert!(back.message.ends_with("more diagnostics left out)"));
}

fn any_diagnostic() -> impl Strategy<Value = Diagnostic> {
    (
        ".{0,40}",
        ".{0,40}",
        proptest::option::of((1_u32..900, 1_u32..90)),
        proptest::option::of(".{0,20}"),
        proptest::collection::vec(".{0,20}", 0..3),
    )
        .prop_map(|(code, message, place, help, notes)| Diagnostic {
            code,
            severity: Severity::Warning.into(),
            message,
            file: "job.sql".into(),
            span: place.map(|(line, column)| Span {
                start_line: line,
                start_column: column,
                end_line: line,
                end_column: column + 1,
            }),
            label: help.clone(),
            help,
            notes,
            rendered: String::new(),
        })
}

proptest! {
    #[test]
    fn an_error_survives_the_way_through_a_status(
        kind in proptest::sample::select(ErrorKind::ALL.to_vec()),
        message in ".{0,200}",
        next_step in ".{0,200}",
        diagnostics in proptest::collection::vec(any_diagnostic(), 0..8),
    ) {
        let error = JobError::new(kind, message)
            .with_next_step(next_step)
            .with_diagnostics(diagnostics);
        let status = Status::from(error.clone());
        prop_assert_eq!(status.code(), kind.grpc_code());
        // Through real headers, as the wire does it.
        let headers = status.into_http::<()>().into_parts().0.headers;
        let arrived = Status::from_header_map(&headers).unwrap();
        prop_assert_eq!(JobError::from_status(&arrived), error.clone());
        prop_assert_eq!(JobError::decode(&*error.encode_to_vec()).unwrap(), error);
    }
}
