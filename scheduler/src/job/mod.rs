//! Jobs as the scheduler keeps them: live ones with their events, past ones on
//! disk.

mod errors;
mod id;
mod job_store;
mod live_job;

pub use errors::{JobFailure, job_error};
pub(crate) use errors::{analysis_error, proto_diagnostics, run_error};
pub use id::{is_valid_submission_id, new_job_id};
pub use job_store::{JobStore, JobStoreError};
pub use live_job::{LiveJob, LogFile};

use sluice_proto::v1::JobState;

/// Whether a job may change from one state to another.
///
/// ```text
/// ACCEPTED → PLANNED → RUNNING → COMMITTING → SUCCEEDED
///     └─────────┴─────────┴───────────┴─────→ FAILED, KILLED, TIMED_OUT, INTERRUPTED
/// ```
pub fn can_transition(from: JobState, to: JobState) -> bool {
    use JobState::{Accepted, Committing, Planned, Running, Succeeded};
    matches!(
        (from, to),
        (Accepted, Planned) | (Planned, Running) | (Running, Committing) | (Committing, Succeeded)
    ) || (!is_final_state(from) && is_final_state(to) && to != Succeeded)
}

/// Whether a job in this state has ended.
pub fn is_final_state(state: JobState) -> bool {
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
mod tests;
