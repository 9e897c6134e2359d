//! Why a task failed, and how that gets from the executor to the driver.
//!
//! An executor classifies the error of a task ([`classify_error`]). Ballista
//! transports a task's error only as text, so the failure travels as a token in
//! it ([`TaskFailure::encode`]), and the scheduler finds the token in whatever
//! Ballista reports about the job ([`TaskFailure::find_in_text`]).
//!
//! Code that knows more about its error than its type says encodes it at once:
//! a lost part names its stage, a malformed line is a fault of the data. An error
//! that contains a token keeps that failure when it is classified.

mod classify;
mod encode;

use std::fmt;

pub use classify::{classify_error, failed_fetch, is_cancelled, to_task_error};

/// The name of [`FailureKind::StagedLost`] in a token.
const STAGED_LOST: &str = "SLUICE_STAGED_LOST";

/// What kind of failure ended a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A broken connection, a busy or unreachable store: a retry may help. Ballista
    /// has already made a few attempts.
    Transient,
    /// Parts that an earlier step staged on an executor can no longer be fetched;
    /// the driver stages them again.
    StagedLost {
        /// The stage whose part is lost, by the token of the attempt that wrote it.
        stage: String,
    },
    /// Landing or gold cannot be read or written: no permission, no space, no
    /// such file.
    Storage,
    /// The executor cannot write to its own disk; another one may run the task.
    ExecutorDisk,
    /// The task needs more memory than it may use, even with spilling.
    Memory,
    /// The data broke a promise of the job: a malformed line under `failfast`, a
    /// null in a column that must not be null.
    DataQuality,
    /// Every other error that the plan itself reports, such as a failed cast.
    Execution,
    /// A panic or a broken invariant: a bug in Sluice or its engine.
    Internal,
}

impl FailureKind {
    /// The kind's name in the token and in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::StagedLost { .. } => STAGED_LOST,
            Self::Storage => "storage",
            Self::ExecutorDisk => "executor_disk",
            Self::Memory => "memory",
            Self::DataQuality => "SLUICE_DATA_QUALITY",
            Self::Execution => "execution",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a task failed, as the executor saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    pub kind: FailureKind,
    /// What happened, without the engine's wrapping.
    pub message: String,
}

impl TaskFailure {
    /// A failure of a kind with a message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The failure of a task whose operator panicked, with the code location of
    /// the panic where it is known.
    pub fn from_panic(message: &str, location: Option<&str>) -> Self {
        let location = location.map(|at| format!(" at {at}")).unwrap_or_default();
        Self::new(
            FailureKind::Internal,
            format!("an operator panicked{location}: {message}"),
        )
    }
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}
