//! The headers of heartbeats: what an executor reports about itself, and what the
//! scheduler reports in its response.

/// Identifies one run of the scheduler process. Another value means that the
/// process was restarted and no longer knows which tasks it gave to executors.
pub const INSTANCE_HEADER: &str = "x-sluice-scheduler";

/// How many jobs are running or waiting. With none, executors can remove all
/// data that they keep for jobs.
pub const ACTIVE_JOBS_HEADER: &str = "x-sluice-active-jobs";

/// After how many milliseconds without a heartbeat the scheduler gives an
/// executor's work to others.
pub const EXECUTOR_TIMEOUT_HEADER: &str = "x-sluice-executor-timeout-ms";

/// In a heartbeat: the jobs whose tasks run on this executor, by the names that
/// the scheduler gave them, separated by commas. At most as many as the executor
/// has cores.
pub const RUNNING_JOBS_HEADER: &str = "x-sluice-running-jobs";

/// In the response: those of these jobs that have ended, in the same form. A
/// cancel does not reach a task that is still being dispatched; this header does.
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
