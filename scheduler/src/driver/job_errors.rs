//! Why a job did not succeed, for its submitter.

use sluice_engine::job::AnalyzeError;
use sluice_gold::GoldError;
use sluice_jobfile::{Diagnostic, Diagnostics};
use sluice_proto::v1::{self, ErrorKind, JobError, LogLevel};
use sluice_service::format::error_chain;
use sluice_storage::{StoreError, StoreErrorKind};

use super::live_job::LiveJob;
use crate::runner::RunError;

/// Diagnostics in their protobuf form.
pub(crate) fn proto_diagnostics(diagnostics: &Diagnostics, text: &str) -> Vec<v1::Diagnostic> {
    diagnostics
        .iter()
        .map(|diagnostic| v1::Diagnostic::from_jobfile(diagnostic, text))
        .collect()
}

/// Adds warnings that have no position in the job file to the job's record and log.
pub(super) fn add_warnings(live: &LiveJob, warnings: &[Diagnostic]) {
    for warning in warnings {
        live.write_log(
            LogLevel::Info,
            "driver",
            format!("warning: {}", warning.message),
        );
    }
    let warnings = warnings
        .iter()
        .map(|warning| v1::Diagnostic::from_jobfile(warning, ""));
    live.update_record(|job| job.warnings.extend(warnings));
}

/// The job error for a planning error.
pub(crate) fn analysis_error(error: &AnalyzeError, text: &str) -> JobError {
    match error {
        AnalyzeError::Invalid(diagnostics) => JobError::invalid_job_file(diagnostics, text),
        AnalyzeError::Store { what, source } => store_error(what, source),
        AnalyzeError::Landing { source, .. } => {
            JobError::new(store_error_kind(source.store_kind()), error_chain(error))
        }
        AnalyzeError::Files { .. } => JobError::new(ErrorKind::DataQuality, error_chain(error)),
        AnalyzeError::Gold { source, .. } => {
            JobError::new(gold_error_kind(source), error_chain(error))
        }
        AnalyzeError::NoTable { .. } => JobError::new(ErrorKind::Invalid, error_chain(error)),
        AnalyzeError::Engine { .. } => JobError::new(ErrorKind::Internal, error_chain(error))
            .with_next_step("this is a fault in the engine; report it with the job file"),
    }
}

/// The job error for a store error.
pub(crate) fn store_error(what: &str, error: &StoreError) -> JobError {
    let kind = store_error_kind(Some(error.kind()));
    JobError::new(kind, format!("{what}: {}", error_chain(error)))
}

/// `None` means that the store answered, but its files have the wrong content.
pub(super) fn store_error_kind(kind: Option<StoreErrorKind>) -> ErrorKind {
    match kind {
        Some(StoreErrorKind::InvalidLocation) => ErrorKind::Invalid,
        Some(kind) if kind.is_transient() => ErrorKind::Transient,
        _ => ErrorKind::Storage,
    }
}

/// What the failure of a gold table means for the submitter.
pub(super) fn gold_error_kind(error: &GoldError) -> ErrorKind {
    match (error, error.store_kind()) {
        (_, Some(kind)) => store_error_kind(Some(kind)),
        (
            GoldError::Schema { .. }
            | GoldError::Property { .. }
            | GoldError::Protocol { .. }
            | GoldError::ReaderProtocol { .. }
            | GoldError::AppendOnly { .. }
            | GoldError::Streaming { .. }
            | GoldError::NotStreaming { .. }
            | GoldError::AppendColumns { .. }
            | GoldError::NotAppended { .. },
            None,
        ) => ErrorKind::Invalid,
        (GoldError::FlowOvertaken { .. } | GoldError::PastChanged { .. }, None) => {
            ErrorKind::Transient
        }
        (GoldError::DataFile { .. } | GoldError::PreparedCommit { .. }, None) => {
            ErrorKind::Internal
        }
        (
            GoldError::Store { .. } | GoldError::Log { .. } | GoldError::OutcomeUnknown { .. },
            None,
        ) => ErrorKind::Storage,
    }
}

/// The job error for a failed step.
pub(crate) fn run_error(step: &str, error: &RunError) -> JobError {
    match error {
        RunError::Cancelled => JobError::new(ErrorKind::Killed, "the job was cancelled"),
        RunError::StagedLost { .. } | RunError::WrongInput { .. } => JobError::new(ErrorKind::Transient, format!("{step}: executors that held intermediate data were lost repeatedly: {error}")).with_next_step("look at the executors' logs, then submit again"),
        RunError::Stalled { seconds } => JobError::new(ErrorKind::Transient, format!("{step}: no task made progress for {seconds} s")).with_next_step("look at the executors' logs, then submit again; for tasks that take longer set sluice.task_timeout"),
        RunError::OutOfMemory { message } => JobError::new(ErrorKind::Execution, format!("{step}: a task ran out of memory: {message}")).with_next_step("give the executors more memory (--memory) or fewer vcores each; gold is unchanged"),
        RunError::ExecutorDisk { message } => JobError::new(ErrorKind::Storage, format!("{step}: {message}")).with_next_step("free space on the disks of the executors or make their --work-dir writable; they take tasks again by themselves; gold is unchanged"),
        RunError::PoisonTask { .. } => JobError::new(ErrorKind::Execution, format!("{step}: {error}")).with_next_step("look at the logs of these executors and their machines: a task that needs more memory than a machine has ends the process; gold is unchanged"),
        RunError::NoExecutors { message } => JobError::new(ErrorKind::Transient, format!("{step}: {message}")).with_next_step("start executors, then submit again; gold is unchanged"),
        RunError::NotOnCluster { message } => JobError::new(ErrorKind::Execution, format!("{step}: {message}")).with_next_step("run the job with --master local, or write the query without this operator; gold is unchanged"),
        RunError::PlanTooLarge { message } => JobError::new(ErrorKind::Execution, format!("{step}: {message}")).with_next_step("read fewer files at a time: a folder of a shorter period, or fewer and larger files; gold is unchanged"),
        RunError::Failed { kind, message } => {
            JobError::new(*kind, format!("{step}: {message}")).with_next_step(next_step(*kind))
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
