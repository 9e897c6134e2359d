//! What a scheduler says about itself in its answers to heartbeats, what
//! executors conclude from it, and what they say of themselves.

/// Names one run of a scheduler process: another value means that the process
/// was restarted and remembers nothing of what it had given to executors.
pub const INSTANCE_HEADER: &str = "x-sluice-scheduler";

/// How many jobs are running or waiting: with none, nothing that executors
/// keep is needed any more.
pub const ACTIVE_JOBS_HEADER: &str = "x-sluice-active-jobs";

/// After how many milliseconds of silence the scheduler gives an executor's
/// work to others.
pub const EXECUTOR_TIMEOUT_HEADER: &str = "x-sluice-executor-timeout-ms";

/// In a heartbeat: the jobs that tasks of this executor belong to, by the names
/// that the scheduler gave them, with commas between. At most as many as the
/// executor has cores.
pub const RUNNING_JOBS_HEADER: &str = "x-sluice-running-jobs";

/// In the answer: those of them that have ended, in the same form. A cancel
/// does not reach a task that is just being handed out; this does.
pub const ENDED_JOBS_HEADER: &str = "x-sluice-ended-jobs";

/// The value of [`RUNNING_JOBS_HEADER`] and [`ENDED_JOBS_HEADER`].
pub fn join_jobs<'a>(jobs: impl IntoIterator<Item = &'a str>) -> String {
    jobs.into_iter().collect::<Vec<_>>().join(",")
}

/// The jobs in a value of [`RUNNING_JOBS_HEADER`] or [`ENDED_JOBS_HEADER`].
pub fn split_jobs(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').filter(|job| !job.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_come_back_as_they_went() {
        for jobs in [&[][..], &["a"], &["a", "b-2", "c"]] {
            let value = join_jobs(jobs.iter().copied());
            assert_eq!(split_jobs(&value).collect::<Vec<_>>(), jobs);
        }
    }
}
