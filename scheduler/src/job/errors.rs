//! Why a job did not succeed, for its submitter.

use sluice_engine::job::AnalyzeError;
use sluice_jobfile::Diagnostics;
use sluice_proto::v1::{self, ErrorKind, JobError};
use sluice_service::format::error_chain;
use sluice_storage::{StoreError, StoreErrorKind};

use crate::runner::RunError;

/// Why a job failed, with everything that its submitter sees.
pub type JobFailure = JobError;

/// An error with the next step for its submitter.
pub fn job_error(
    kind: ErrorKind,
    message: impl Into<String>,
    next_step: impl Into<String>,
) -> JobFailure {
    JobError {
        kind: kind.into(),
        message: message.into(),
        diagnostics: Vec::new(),
        next_step: next_step.into(),
    }
}

/// Diagnostics in their protobuf form.
pub(crate) fn proto_diagnostics(diagnostics: &Diagnostics, text: &str) -> Vec<v1::Diagnostic> {
    diagnostics
        .iter()
        .map(|diagnostic| v1::Diagnostic::from_jobfile(diagnostic, text))
        .collect()
}

/// The job error for a planning error.
pub(crate) fn analysis_error(error: &AnalyzeError, text: &str) -> JobFailure {
    match error {
        AnalyzeError::Invalid(diagnostics) => JobError::invalid_job_file(diagnostics, text),
        AnalyzeError::Store { what, source } => store_error(what, source),
        AnalyzeError::Landing { source, .. } => job_error(
            store_error_kind(source.store_kind()),
            error_chain(error),
            "",
        ),
        AnalyzeError::Engine { .. } => job_error(
            ErrorKind::Internal,
            error_chain(error),
            "this is a fault in the engine; report it with the job file",
        ),
    }
}

/// The job error for a store error.
pub(crate) fn store_error(what: &str, error: &StoreError) -> JobFailure {
    let kind = store_error_kind(Some(error.kind()));
    job_error(kind, format!("{what}: {}", error_chain(error)), "")
}

/// `None` means that the store answered, but its files have the wrong content.
fn store_error_kind(kind: Option<StoreErrorKind>) -> ErrorKind {
    match kind {
        Some(StoreErrorKind::InvalidLocation) => ErrorKind::Invalid,
        Some(kind) if kind.is_transient() => ErrorKind::Transient,
        _ => ErrorKind::Storage,
    }
}

/// The job error for a failed step.
pub(crate) fn run_error(step: &str, error: &RunError) -> JobFailure {
    match error {
        RunError::Cancelled => job_error(ErrorKind::Killed, "the job was cancelled", ""),
        RunError::StagedLost { .. } => job_error(
            ErrorKind::Transient,
            format!("{step}: executors that held intermediate data were lost repeatedly: {error}"),
            "look at the executors' logs, then submit again",
        ),
        RunError::Stalled { seconds } => job_error(
            ErrorKind::Transient,
            format!("{step}: no task made progress for {seconds} s"),
            "look at the executors' logs, then submit again; for tasks that take longer set sluice.task_timeout",
        ),
        RunError::OutOfMemory { message } => job_error(
            ErrorKind::Execution,
            format!("{step}: a task ran out of memory: {message}"),
            "give the executors more memory (--memory) or fewer vcores each; gold is unchanged",
        ),
        RunError::NoExecutors { message } => job_error(
            ErrorKind::Transient,
            format!("{step}: {message}"),
            "start executors, then submit again; gold is unchanged",
        ),
        RunError::Failed { kind, message } => {
            job_error(*kind, format!("{step}: {message}"), next_step(*kind))
        }
    }
}

fn next_step(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::DataQuality => {
            "correct the data, or choose a mode that keeps or drops such lines; gold is unchanged"
        }
        ErrorKind::Storage => {
            "check space and permissions of the folders that the job reads and writes; gold is unchanged"
        }
        ErrorKind::Transient => "submit again; gold is unchanged",
        ErrorKind::Execution => {
            "correct the query or the data (try_cast gives NULL where a cast fails, nullif(x, 0) a divisor that is never zero); gold is unchanged"
        }
        ErrorKind::Internal => {
            "this is a fault in sluice; report it with the job file and --logs; gold is unchanged"
        }
        _ => "gold is unchanged",
    }
}
