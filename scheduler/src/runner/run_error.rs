//! What the failure of a plan means.
//!
//! Executors encode failures so that they survive being passed on as text
//! ([`TaskFailure`]); the cluster's own errors are plain text. This module is
//! the one place that turns both into a [`RunError`].

use sluice_engine::staged::LOST_MARKER;
use sluice_proto::v1::ErrorKind;
use sluice_service::task_failure::{FailureKind, TaskFailure};

/// Why a plan gave no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("cancelled")]
    Cancelled,
    /// A staged relation lost a part: compute it again, then retry.
    #[error("a staged part was lost: {message}")]
    StagedLost {
        /// The error as the task reported it.
        message: String,
    },
    /// No task started or ended for too long.
    #[error("no task made progress for {seconds} s")]
    Stalled { seconds: u64 },
    /// A task needs more memory than its share: a plan for low memory may
    /// succeed.
    #[error("{message}")]
    OutOfMemory {
        /// The error as the task reported it.
        message: String,
    },
    /// The last executor was lost, and no other one registered in time.
    #[error("{message}")]
    NoExecutors {
        /// The cluster's error.
        message: String,
    },
    #[error("{message}")]
    Failed {
        /// What it means to the submitter.
        kind: ErrorKind,
        /// The error without the engine's prefixes.
        message: String,
    },
}

impl RunError {
    /// Whether another attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            // Another attempt would wait forever, as jobs that have not begun do.
            Self::Cancelled | Self::NoExecutors { .. } => false,
            Self::StagedLost { .. } | Self::Stalled { .. } | Self::OutOfMemory { .. } => true,
            Self::Failed { kind, .. } => *kind == ErrorKind::Transient,
        }
    }
}

impl From<TaskFailure> for RunError {
    fn from(failure: TaskFailure) -> Self {
        let TaskFailure { kind, message } = failure;
        let kind = match kind {
            FailureKind::StagedLost => return Self::StagedLost { message },
            FailureKind::Memory => return Self::OutOfMemory { message },
            FailureKind::Transient => ErrorKind::Transient,
            FailureKind::Storage => ErrorKind::Storage,
            FailureKind::DataQuality => ErrorKind::DataQuality,
            // A plan that fails on its data (a cast, a division) always fails.
            FailureKind::Execution => ErrorKind::Execution,
            FailureKind::Internal => ErrorKind::Internal,
        };
        Self::Failed { kind, message }
    }
}

/// Words in the cluster's own messages that show that another attempt may
/// succeed.
const TRANSIENT_SIGNS: &[&str] = &[
    "Executor lost",
    "executor lost",
    "ExecutorLost",
    "Connection refused",
    "Connection reset",
    "transport error",
    "FetchFailed",
    "timed out",
];

/// What the text of a failed job means.
pub fn classify_error(text: &str) -> RunError {
    if let Some(failure) = TaskFailure::find_in_text(text) {
        return failure.into();
    }
    if text.contains(LOST_MARKER) {
        return RunError::StagedLost {
            message: text.to_owned(),
        };
    }
    if text == "Cancelled" {
        return RunError::Cancelled;
    }
    if text.contains("all executors were lost") {
        return RunError::NoExecutors {
            message: text.trim().to_owned(),
        };
    }
    let transient = TRANSIENT_SIGNS.iter().any(|sign| text.contains(sign));
    let kind = if transient {
        ErrorKind::Transient
    } else {
        ErrorKind::Internal
    };
    RunError::Failed {
        kind,
        message: text.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_failure_is_found_in_what_the_cluster_wraps_around_it() {
        let failure = TaskFailure::new(FailureKind::DataQuality, "source a: a.json, line 3: \"x\"");
        let text = format!(
            "Job failed due to stage 1 failed: Task failed: {:?}\n",
            failure.encode()
        );
        let error = classify_error(&text);
        assert_eq!(
            error,
            RunError::Failed {
                kind: ErrorKind::DataQuality,
                message: "source a: a.json, line 3: \"x\"".to_owned()
            }
        );
        assert!(!error.is_retryable());
    }

    #[test]
    fn a_lost_part_asks_for_staging_again() {
        let error = classify_error(&TaskFailure::new(FailureKind::StagedLost, "part t/1").encode());
        assert!(matches!(&error, RunError::StagedLost { message } if message == "part t/1"));
        assert!(error.is_retryable());
    }

    #[test]
    fn other_texts_are_faults_unless_they_speak_of_connections() {
        assert!(classify_error("transport error").is_retryable());
        assert!(!classify_error("cannot do this").is_retryable());
        assert_eq!(classify_error("Cancelled"), RunError::Cancelled);
    }
}
