//! The names of states, phases, severities and log levels, and the exit code of an
//! ended job.

use std::str::FromStr;

use thiserror::Error;

use crate::v1::{DatasetPhase, ErrorKind, ExecutorState, Job, JobState, LogLevel, Severity};

/// A name that no state has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown {what} `{name}`; known names are {known}")]
pub struct UnknownName {
    /// What the name should be, such as `job state`.
    pub what: &'static str,
    pub name: String,
    /// All names, separated by commas.
    pub known: String,
}

impl JobState {
    /// Every state but `Unspecified`, in the order of a job's life.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Planned,
        Self::Running,
        Self::Committing,
        Self::Succeeded,
        Self::Failed,
        Self::Killed,
        Self::Interrupted,
        Self::TimedOut,
    ];

    /// The state in capitals, as printed and as stored in JSON and in job records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::Accepted => "ACCEPTED",
            Self::Planned => "PLANNED",
            Self::Running => "RUNNING",
            Self::Committing => "COMMITTING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
            Self::Interrupted => "INTERRUPTED",
            Self::TimedOut => "TIMED_OUT",
        }
    }

    /// Whether a job in this state has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Killed | Self::Interrupted | Self::TimedOut
        )
    }
}

impl FromStr for JobState {
    type Err = UnknownName;

    /// Reads [`JobState::name`] in any case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownName {
                what: "job state",
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            })
    }
}

impl DatasetPhase {
    /// Every phase but `Unspecified`, in order.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Staging,
        Self::Writing,
        Self::Written,
        Self::Committed,
        Self::Failed,
    ];

    /// The phase in capitals, as printed and as stored in JSON and in job records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::Pending => "PENDING",
            Self::Staging => "STAGING",
            Self::Writing => "WRITING",
            Self::Written => "WRITTEN",
            Self::Committed => "COMMITTED",
            Self::Failed => "FAILED",
        }
    }
}

impl FromStr for DatasetPhase {
    type Err = UnknownName;

    /// Reads [`DatasetPhase::name`] in any case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|phase| phase.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownName {
                what: "dataset phase",
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            })
    }
}

impl Severity {
    /// The severity as the first word of a rendered diagnostic.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified | Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl LogLevel {
    /// The level in capitals, as log lines show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Unspecified | Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}

impl ExecutorState {
    /// The state in lower case, as lists show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Quarantined => "quarantined",
        }
    }
}

impl Job {
    /// The exit code of an ended job: 0 only when it succeeded. The state takes
    /// precedence over the reason, so that a job that was ended by its time limit is
    /// never reported as one that failed while it was shutting down.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.state() {
            JobState::Succeeded => 0,
            JobState::Killed => ErrorKind::Killed.exit_code(),
            JobState::TimedOut => ErrorKind::TimedOut.exit_code(),
            JobState::Interrupted => ErrorKind::Interrupted.exit_code(),
            _ => self
                .reason
                .as_ref()
                .map_or(ErrorKind::Internal, |reason| reason.kind())
                .exit_code(),
        }
    }

    /// Milliseconds from submission to the end of the job, or to `now_ms` (since the
    /// Unix epoch) while it runs.
    #[must_use]
    pub fn duration_ms(&self, now_ms: i64) -> u64 {
        let end = if self.ended_ms > 0 {
            self.ended_ms
        } else {
            now_ms
        };
        u64::try_from(end.saturating_sub(self.submitted_ms)).unwrap_or(0)
    }
}
