//! Job ids and submission ids.

use chrono::{DateTime, Utc};

/// A job id: the time of submission and a random part, such as
/// `20261123t101530-5f3a9c21`. It sorts by time, is a valid file name, and is
/// part of the names of the job's data files.
pub(super) fn new_job_id(now: DateTime<Utc>, random: u32) -> String {
    format!("{}-{random:08x}", now.format("%Y%m%dt%H%M%S"))
}

/// Whether `id` may be a submission id: 1 to 128 letters, digits, `-`, `_`, `.`,
/// `:`, `+`, beginning with a letter or digit. Orchestrators put their run ids
/// there; it is never used as a path.
pub(super) fn is_valid_submission_id(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:+".contains(c);
    (1..=128).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(allowed)
}
