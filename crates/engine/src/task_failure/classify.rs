//! Classifies the error of a task: as the failure that is sent to the
//! scheduler, or that the local runner reports.
//!
//! What Ballista does with an error depends only on its type: after an I/O
//! error the task is retried (four attempts in all), after a failed shuffle
//! fetch the lost stage is run again, and any other error fails the job. Its
//! own choice of types is too coarse: a full disk is an I/O error, a store that
//! did not answer is not. So every error except a failed fetch from a stage of
//! the same job is turned into one of two: an I/O error when a retry may help,
//! an execution error when it cannot. Both carry a [`TaskFailure`] as their
//! text.

use std::error::Error;
use std::io;

use ballista_core::error::BallistaError;
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use sluice_storage::{StoreError, StoreErrorKind};

use super::{FailureKind, TaskFailure};
use crate::job::OUTSIDE_PART;
use crate::sink::SinkError;

/// The failure that an error stands for. `panic_location` gives the code
/// location of the panic that a text quotes, if it is known.
pub fn classify_error(
    error: &DataFusionError,
    panic_location: &dyn Fn(&str) -> Option<String>,
) -> TaskFailure {
    let text = error.to_string();
    if let Some(failure) = TaskFailure::find_in_text(&text) {
        return failure;
    }
    let root = error.find_root();
    let message = error_message(root);
    if text.contains(SinkError::NOT_NULL) {
        return TaskFailure::new(FailureKind::DataQuality, message);
    }
    if text.contains(OUTSIDE_PART) {
        let message = message.trim_start_matches(RAISED_SIGN).to_owned();
        return TaskFailure::new(FailureKind::DataQuality, message);
    }
    if text.contains(SinkError::STORAGE) {
        return storage_failure(root, message);
    }
    if text.contains(PANIC_SIGN) {
        return TaskFailure::from_panic(&message, panic_location(&text).as_deref());
    }
    TaskFailure::new(failure_kind(root), message)
}

/// What begins the message of an error that a query asks for.
const RAISED_SIGN: &str = "[USER_RAISED_EXCEPTION] ";

/// The word with which Ballista and tokio report a panic of another task.
const PANIC_SIGN: &str = "panicked";

/// The failure for a gold file that the store did not accept. Its message
/// includes the system's own error text, which says what is wrong. It is
/// transient where that text says that the cause may pass.
fn storage_failure(root: &DataFusionError, message: String) -> TaskFailure {
    let root = unwrap_ballista_error(root);
    let kind = match store_kind(StoreErrorKind::from_error(root)) {
        Some(FailureKind::Transient) => FailureKind::Transient,
        _ => FailureKind::Storage,
    };
    let mut cause: &(dyn Error + 'static) = root;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let root_cause = cause.to_string();
    if message.contains(&root_cause) {
        return TaskFailure::new(kind, message);
    }
    TaskFailure::new(kind, format!("{message}: {root_cause}"))
}

/// The error that makes Ballista do the right thing with the failure.
pub fn to_task_error(failure: &TaskFailure) -> DataFusionError {
    let text = failure.encode();
    match failure.kind {
        FailureKind::Transient | FailureKind::ExecutorDisk => {
            DataFusionError::IoError(io::Error::other(text))
        }
        _ => DataFusionError::Execution(text),
    }
}

/// The failed fetch that an error reports: executor and stage.
pub fn failed_fetch(error: &DataFusionError) -> Option<(&str, usize)> {
    match find_ballista_error(error.find_root())? {
        BallistaError::FetchFailed(executor, stage, _, _) => Some((executor, *stage)),
        BallistaError::DataFusionError(inner) => failed_fetch(inner),
        _ => None,
    }
}

/// Whether the error says that the task was cancelled.
pub fn is_cancelled(error: &DataFusionError) -> bool {
    matches!(
        find_ballista_error(error.find_root()),
        Some(BallistaError::Cancelled)
    )
}

/// The error inside Ballista's, which does not implement `source()`.
fn unwrap_ballista_error(root: &DataFusionError) -> &DataFusionError {
    match find_ballista_error(root) {
        Some(BallistaError::DataFusionError(inner)) => unwrap_ballista_error(inner.find_root()),
        _ => root,
    }
}

fn find_ballista_error(error: &DataFusionError) -> Option<&BallistaError> {
    match error {
        DataFusionError::External(inner) => inner.downcast_ref(),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => inner
                .downcast_ref::<BallistaError>()
                .or_else(|| inner.downcast_ref().and_then(find_ballista_error)),
            _ => None,
        },
        _ => None,
    }
}

fn failure_kind(root: &DataFusionError) -> FailureKind {
    match root {
        DataFusionError::ResourcesExhausted(_) => FailureKind::Memory,
        DataFusionError::Internal(_) | DataFusionError::ExecutionJoin(_) => FailureKind::Internal,
        DataFusionError::IoError(error) => io_kind(error),
        DataFusionError::ObjectStore(error) => {
            store_kind(StoreErrorKind::from_error(error.as_ref())).unwrap_or(FailureKind::Transient)
        }
        DataFusionError::External(error) => external_kind(error.as_ref()),
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::IoError(_, error) => io_kind(error),
            ArrowError::ExternalError(error) => external_kind(error.as_ref()),
            other => chain_kind(other),
        },
        other => chain_kind(other),
    }
}

fn external_kind(error: &(dyn Error + Send + Sync + 'static)) -> FailureKind {
    match error.downcast_ref::<BallistaError>() {
        Some(error) => ballista_kind(error),
        None => match error.downcast_ref::<DataFusionError>() {
            Some(error) => failure_kind(error.find_root()),
            None => chain_kind(error),
        },
    }
}

/// Ballista's error does not implement `source()`, so its variants are matched
/// here.
fn ballista_kind(error: &BallistaError) -> FailureKind {
    match error {
        BallistaError::IoError(error) => io_kind(error),
        BallistaError::DataFusionError(error) => failure_kind(error.find_root()),
        BallistaError::ArrowError(error) => chain_kind(error.as_ref()),
        BallistaError::TonicError(_)
        | BallistaError::GrpcError(_)
        | BallistaError::GrpcConnectionError(_)
        | BallistaError::GrpcActionError(_)
        | BallistaError::FetchFailed(..) => FailureKind::Transient,
        BallistaError::Internal(_) | BallistaError::TokioError(_) => FailureKind::Internal,
        other => text_kind(&other.to_string()).unwrap_or(FailureKind::Execution),
    }
}

/// An I/O error is worth a retry unless its text names a permanent cause.
fn io_kind(error: &io::Error) -> FailureKind {
    store_kind(StoreErrorKind::from_error(error))
        .or_else(|| text_kind(&error.to_string()))
        .unwrap_or(FailureKind::Transient)
}

/// The kind that the chain of causes shows, or else the text, into which causes
/// may have been flattened.
fn chain_kind(error: &(dyn Error + 'static)) -> FailureKind {
    store_kind(StoreErrorKind::from_error(error))
        .or_else(|| text_kind(&error.to_string()))
        .unwrap_or(if error.is::<StoreError>() {
            FailureKind::Storage
        } else {
            FailureKind::Execution
        })
}

fn store_kind(kind: StoreErrorKind) -> Option<FailureKind> {
    match kind {
        kind if kind.is_transient() => Some(FailureKind::Transient),
        StoreErrorKind::Other => None,
        _ => Some(FailureKind::Storage),
    }
}

/// The kind by the operating system's own error text, which survives every
/// wrapping.
fn text_kind(text: &str) -> Option<FailureKind> {
    const PERMANENT: &[&str] = &[
        "No space left on device",
        "Disk quota exceeded",
        "Permission denied",
        "Read-only file system",
        "No such file or directory",
    ];
    const TRANSIENT: &[&str] = &[
        "Connection refused",
        "Connection reset",
        "Broken pipe",
        "connection closed",
        "timed out",
    ];
    let has = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    if has(PERMANENT) {
        Some(FailureKind::Storage)
    } else if has(TRANSIENT) {
        Some(FailureKind::Transient)
    } else {
        None
    }
}

/// The error's own text, without the engine's prefixes.
fn error_message(root: &DataFusionError) -> String {
    let text = match root {
        DataFusionError::Execution(text)
        | DataFusionError::Internal(text)
        | DataFusionError::Plan(text)
        | DataFusionError::Configuration(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::ResourcesExhausted(text) => text.clone(),
        DataFusionError::IoError(error) => error.to_string(),
        DataFusionError::ObjectStore(error) => error.to_string(),
        DataFusionError::External(error) => match error.downcast_ref::<BallistaError>() {
            Some(BallistaError::DataFusionError(inner)) => return error_message(inner.find_root()),
            Some(BallistaError::General(text) | BallistaError::Internal(text)) => text.clone(),
            Some(BallistaError::IoError(error)) => error.to_string(),
            _ => error.to_string(),
        },
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::ExternalError(error) => error.to_string(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    match text.split_once(DataFusionError::BACK_TRACE_SEP) {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
