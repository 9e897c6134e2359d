//! Jobs as the scheduler keeps them: live ones with their events, past ones on
//! disk.

mod id;
mod live;
mod outcome;
mod store;

pub use id::{new_job_id, valid_submission_id};
pub use live::{LiveJob, LogFile};
pub use outcome::{JobFailure, failure};
pub(crate) use outcome::{invalid, messages, of_analysis, of_run};
pub use store::{JobStore, StoreFailure};

use sluice_proto::v1::JobState;

/// Whether a job may change from one state to another.
///
/// ```text
/// ACCEPTED → PLANNED → RUNNING → COMMITTING → SUCCEEDED
///     └─────────┴─────────┴───────────┴─────→ FAILED, KILLED, TIMED_OUT, INTERRUPTED
/// ```
pub fn may_follow(from: JobState, to: JobState) -> bool {
    use JobState::{Accepted, Committing, Planned, Running, Succeeded};
    matches!(
        (from, to),
        (Accepted, Planned) | (Planned, Running) | (Running, Committing) | (Committing, Succeeded)
    ) || (!is_end(from) && is_end(to) && to != Succeeded)
}

/// Whether a job in this state has ended.
pub fn is_end(state: JobState) -> bool {
    matches!(
        state,
        JobState::Succeeded
            | JobState::Failed
            | JobState::Killed
            | JobState::Interrupted
            | JobState::TimedOut
    )
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests;
