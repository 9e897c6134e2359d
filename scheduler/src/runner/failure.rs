//! What a failed run means: errors cross the cluster as text, so this is where
//! text is read, once.

use sluice_engine::staged::LOST_MARKER;
use sluice_proto::v1::ErrorKind;

/// Why a run gave no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A staged relation lost a part: stage it again, then run again.
    #[error("a staged part was lost: {message}")]
    StagedLost {
        /// The error as the task reported it.
        message: String,
    },
    /// No task started or ended for too long.
    #[error("no task made progress for {seconds} s")]
    Stalled {
        /// How long.
        seconds: u64,
    },
    /// The run failed.
    #[error("{message}")]
    Failed {
        /// What it means to the submitter.
        kind: ErrorKind,
        /// The error without the wrappings of the engine.
        message: String,
    },
}

impl RunError {
    /// Whether running the same plan again may help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Cancelled => false,
            Self::StagedLost { .. } | Self::Stalled { .. } => true,
            Self::Failed { kind, .. } => *kind == ErrorKind::Transient,
        }
    }
}

/// Texts that tell a kind. The first that is found decides; the order puts
/// what is certain before what is general.
const SIGNS: &[(ErrorKind, &[&str])] = &[
    (
        ErrorKind::DataQuality,
        &["SLUICE_DATA_QUALITY", "malformed line", "declared NOT NULL", "not null constraint"],
    ),
    (
        ErrorKind::Storage,
        &[
            "No space left on device",
            "StorageFull",
            "storage full",
            "disk is full",
            "Permission denied",
            "PermissionDenied",
            "permission denied",
            "Read-only file system",
            "ReadOnlyFilesystem",
            "No such file or directory",
            "object store: not found",
            "AccessDenied",
            "InvalidAccessKeyId",
            "NoSuchBucket",
            "Quota exceeded",
        ],
    ),
    (
        ErrorKind::Transient,
        &[
            "ExecutorLost",
            "executor lost",
            "Connection refused",
            "connection refused",
            "Connection reset",
            "connection reset",
            "broken pipe",
            "Broken pipe",
            "error sending request",
            "transport error",
            "FetchPartitionError",
            "FetchFailed",
            "fetch partition",
            "timed out",
            "Error performing",
            "Task failed due to",
            "Job failed due to stage",
        ],
    ),
];

/// What the text of a failed job or task means.
pub fn classify(text: &str) -> RunError {
    let message = unwrap_text(text);
    if text.contains(LOST_MARKER) {
        return RunError::StagedLost { message };
    }
    if text == "Cancelled" {
        return RunError::Cancelled;
    }
    let kind = SIGNS
        .iter()
        .find(|(_, signs)| signs.iter().any(|sign| text.contains(sign)))
        .map_or(ErrorKind::Internal, |(kind, _)| *kind);
    RunError::Failed { kind, message }
}

/// Prefixes that the engine puts around an error and that tell a user nothing.
const WRAPPINGS: &[&str] = &[
    "DataFusion error: ",
    "DataFusionError(",
    "Execution error: ",
    "External error: ",
    "Arrow error: ",
    "Object Store error: ",
    "Shared error: ",
    "General error: ",
    "Internal Ballista error: ",
    "Ballista error: ",
    "SLUICE_DATA_QUALITY: ",
];

fn unwrap_text(text: &str) -> String {
    let mut text = text.trim();
    if let Some((_, rest)) = text.split_once("SLUICE_DATA_QUALITY: ") {
        return rest.trim_end_matches(['"', ')']).to_owned();
    }
    // `Job failed due to stage 1 failed: Task failed due to runtime execution error: …`
    for prefix in ["Task failed due to runtime execution error: ", "failed: "] {
        if let Some((head, rest)) = text.split_once(prefix)
            && (head.is_empty() || head.starts_with("Job failed due to stage"))
        {
            text = rest.trim();
        }
    }
    loop {
        let Some(rest) = WRAPPINGS.iter().find_map(|prefix| text.strip_prefix(prefix)) else {
            return text.to_owned();
        };
        text = rest.trim();
    }
}
