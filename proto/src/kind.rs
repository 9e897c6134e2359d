//! The gRPC code, HTTP status and exit code of each error kind. The exit codes are
//! a published contract: see `docs/exit-codes.md`.

use tonic::Code;

use crate::v1::{ErrorKind, JobError};

impl ErrorKind {
    /// Every kind but `Unspecified`.
    pub const ALL: [Self; 11] = [
        Self::Invalid,
        Self::DataQuality,
        Self::Storage,
        Self::Transient,
        Self::Internal,
        Self::Unavailable,
        Self::Killed,
        Self::TimedOut,
        Self::Interrupted,
        Self::NotFound,
        Self::Execution,
    ];

    /// The exit code of `submit-job`, 1 to 9. Never 0.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Unspecified | Self::Transient | Self::Internal | Self::Execution => 1,
            Self::Invalid => 2,
            Self::DataQuality => 3,
            Self::Unavailable => 4,
            Self::Killed => 5,
            Self::TimedOut => 6,
            Self::Interrupted => 7,
            Self::NotFound => 8,
            Self::Storage => 9,
        }
    }

    /// The code of a gRPC status that refuses a call for this reason. Several kinds
    /// share a code, so the status carries the kind itself in its details.
    #[must_use]
    pub const fn grpc_code(self) -> Code {
        match self {
            Self::Unspecified | Self::Internal => Code::Internal,
            Self::Invalid => Code::InvalidArgument,
            Self::DataQuality | Self::Storage | Self::Execution => Code::FailedPrecondition,
            Self::Transient | Self::Interrupted => Code::Aborted,
            Self::Unavailable => Code::Unavailable,
            Self::Killed => Code::Cancelled,
            Self::TimedOut => Code::DeadlineExceeded,
            Self::NotFound => Code::NotFound,
        }
    }

    /// The kind for a status without a `JobError`. Such a status does not come from
    /// a Sluice scheduler, so it is about the connection and not about a job. A
    /// deadline or a cancel is therefore never taken for the end of the job.
    #[must_use]
    pub const fn from_grpc_code(code: Code) -> Self {
        match code {
            Code::InvalidArgument | Code::OutOfRange => Self::Invalid,
            Code::NotFound => Self::NotFound,
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unimplemented
            | Code::PermissionDenied
            | Code::Unauthenticated => Self::Unavailable,
            Code::Aborted | Code::ResourceExhausted => Self::Transient,
            _ => Self::Internal,
        }
    }

    /// The HTTP status of a response that refuses a request for this reason.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Unspecified | Self::Internal | Self::Storage => 500,
            Self::Invalid => 400,
            Self::DataQuality | Self::Execution => 422,
            Self::Transient | Self::Unavailable | Self::Interrupted => 503,
            Self::Killed => 409,
            Self::TimedOut => 504,
            Self::NotFound => 404,
        }
    }

    /// The kind in lower case with underscores, as JSON and logs show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Invalid => "invalid",
            Self::DataQuality => "data_quality",
            Self::Storage => "storage",
            Self::Transient => "transient",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Killed => "killed",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
            Self::NotFound => "not_found",
            Self::Execution => "execution",
        }
    }
}

impl JobError {
    /// An error with a kind and a message only.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            diagnostics: Vec::new(),
            next_step: String::new(),
        }
    }

    /// Sets what to do about it.
    #[must_use]
    pub fn with_next_step(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = next_step.into();
        self
    }

    /// Adds diagnostics of the job file.
    #[must_use]
    pub fn with_diagnostics(
        mut self,
        diagnostics: impl IntoIterator<Item = crate::v1::Diagnostic>,
    ) -> Self {
        self.diagnostics.extend(diagnostics);
        self
    }
}
