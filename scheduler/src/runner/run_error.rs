//! What the failure of a plan means.
//!
//! Executors encode failures so that they survive being passed on as text
//! ([`TaskFailure`]); the cluster's own errors are plain text. This module is
//! the one place that turns both into a [`RunError`].

use sluice_engine::task_failure::{FailureKind, TaskFailure};
use sluice_proto::v1::ErrorKind;

use crate::ballista::PoisonTask;

/// Why a plan gave no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("cancelled")]
    Cancelled,
    /// A staged relation lost a part: compute it again, then retry.
    #[error("a staged part was lost: {message}")]
    StagedLost {
        /// The stage, by the token of the attempt that wrote the part.
        stage: String,
        /// The error as the task reported it.
        message: String,
    },
    /// An executor was lost, and what is left of the plan's run would read other rows
    /// than those of the plan.
    #[error("rows were lost with an executor, and {message}")]
    WrongInput {
        /// Which stage would read what.
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
    /// Executors cannot write to their own disks.
    #[error("{message}")]
    ExecutorDisk {
        /// Which executor, folder and error.
        message: String,
    },
    /// A task ended every executor that ran it.
    #[error(
        "the task for partition {partition} of stage {stage} was lost with its executor {} times, on {}",
        executors.len(), executors.join(", ")
    )]
    PoisonTask {
        stage: usize,
        partition: usize,
        /// The addresses of the executors.
        executors: Vec<String>,
    },
    /// Executors would run another plan than this one.
    #[error("{message}")]
    NotOnCluster {
        /// Which operator cannot be sent.
        message: String,
    },
    /// No executor would accept the plan.
    #[error("{message}")]
    PlanTooLarge {
        /// How large it is.
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
            Self::Cancelled
            | Self::NoExecutors { .. }
            | Self::NotOnCluster { .. }
            | Self::PlanTooLarge { .. } => false,
            // Other executors have already tried.
            Self::ExecutorDisk { .. } | Self::PoisonTask { .. } => false,
            Self::StagedLost { .. }
            | Self::WrongInput { .. }
            | Self::Stalled { .. }
            | Self::OutOfMemory { .. } => true,
            Self::Failed { kind, .. } => *kind == ErrorKind::Transient,
        }
    }
}

impl RunError {
    /// Whether a lost executor may be the cause: its rows are missing, or a connection to
    /// it broke.
    pub fn may_come_from_lost_executor(&self) -> bool {
        match self {
            Self::StagedLost { .. } | Self::WrongInput { .. } => true,
            Self::Failed { kind, .. } => *kind == ErrorKind::Transient,
            Self::Cancelled
            | Self::Stalled { .. }
            | Self::OutOfMemory { .. }
            | Self::NoExecutors { .. }
            | Self::ExecutorDisk { .. }
            | Self::PoisonTask { .. }
            | Self::NotOnCluster { .. }
            | Self::PlanTooLarge { .. } => false,
        }
    }
}

impl From<PoisonTask> for RunError {
    fn from(task: PoisonTask) -> Self {
        Self::PoisonTask {
            stage: task.part.stage,
            partition: task.part.partition,
            executors: task.executors,
        }
    }
}

impl From<TaskFailure> for RunError {
    fn from(failure: TaskFailure) -> Self {
        let TaskFailure { kind, message } = failure;
        let kind = match kind {
            FailureKind::StagedLost { stage } => return Self::StagedLost { stage, message },
            FailureKind::Memory => return Self::OutOfMemory { message },
            FailureKind::ExecutorDisk => return Self::ExecutorDisk { message },
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
    use std::io;

    use ballista_core::error::BallistaError;
    use ballista_core::serde::protobuf::failed_task::FailedReason;
    use ballista_core::serde::protobuf::{ExecutorLost, FailedTask};
    use datafusion::error::DataFusionError;
    use sluice_engine::task_failure::to_task_error;

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
        let stage = "job-1-1".to_owned();
        let failure = TaskFailure::new(FailureKind::StagedLost { stage }, "part t/1");
        let error = classify_error(&failure.encode());
        assert!(
            matches!(&error, RunError::StagedLost { stage, message } if stage == "job-1-1" && message == "part t/1")
        );
        assert!(error.is_retryable());
    }

    #[test]
    fn other_texts_are_faults_unless_they_speak_of_connections() {
        assert!(classify_error("transport error").is_retryable());
        assert!(!classify_error("cannot do this").is_retryable());
        assert_eq!(classify_error("Cancelled"), RunError::Cancelled);
    }

    /// What the cluster makes of a task's error, with Ballista's own types: the
    /// text of the task's status, then that of the failed job.
    fn as_job_error(error: DataFusionError) -> String {
        let task = FailedTask::from(BallistaError::from(error));
        format!("Job failed due to stage 1 failed: {}\n", task.error)
    }

    #[test]
    fn every_kind_of_task_failure_becomes_its_run_error() {
        let message = || "it \"failed\"".to_owned();
        let stage = || "job-2-1".to_owned();
        let failed = |kind| RunError::Failed {
            kind,
            message: message(),
        };
        for (kind, expected) in [
            (FailureKind::Transient, failed(ErrorKind::Transient)),
            (FailureKind::Storage, failed(ErrorKind::Storage)),
            (FailureKind::DataQuality, failed(ErrorKind::DataQuality)),
            (FailureKind::Execution, failed(ErrorKind::Execution)),
            (FailureKind::Internal, failed(ErrorKind::Internal)),
            (
                FailureKind::ExecutorDisk,
                RunError::ExecutorDisk { message: message() },
            ),
            (
                FailureKind::Memory,
                RunError::OutOfMemory { message: message() },
            ),
            (
                FailureKind::StagedLost { stage: stage() },
                RunError::StagedLost {
                    stage: stage(),
                    message: message(),
                },
            ),
        ] {
            let text = as_job_error(to_task_error(&TaskFailure::new(kind, message())));
            assert_eq!(classify_error(&text), expected, "{text}");
            // Ballista quotes the last error of a task that failed too often.
            let text = format!("Task 0 in Stage 1 failed 4 times, most recent: {text:?}");
            assert_eq!(classify_error(&text), expected, "{text}");
        }
    }

    /// Errors that no executor encoded, because Ballista itself reported them.
    #[test]
    fn ballistas_own_errors_are_transient_where_executors_or_connections_are_lost() {
        let fetch =
            BallistaError::FetchFailed("e1".to_owned(), 3, 7, "executor e1 stopped".to_owned());
        for text in [
            format!("{fetch:?}"),
            format!("{:?}", FailedReason::ExecutorLost(ExecutorLost {})),
            BallistaError::GrpcConnectionError("transport error".to_owned()).to_string(),
            BallistaError::IoError(io::Error::from_raw_os_error(111)).to_string(),
        ] {
            let error = classify_error(&text);
            assert!(error.is_retryable(), "{text}: {error:?}");
            assert!(
                matches!(&error, RunError::Failed { kind: ErrorKind::Transient, message } if *message == text),
                "{error:?}"
            );
        }
        let plan = BallistaError::Internal("no such stage".to_owned()).to_string();
        assert!(!classify_error(&plan).is_retryable());
    }

    /// The text with which Ballista 55 ends a job after its grace period.
    #[test]
    fn a_cluster_without_executors_is_not_retried() {
        let text = "all executors were lost and no executor re-registered within 5s; no executors remain to run the tasks for this job\n";
        let error = classify_error(text);
        assert_eq!(
            error,
            RunError::NoExecutors {
                message: text.trim().to_owned()
            }
        );
        assert!(!error.is_retryable());
    }
}
