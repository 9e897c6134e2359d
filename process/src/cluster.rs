//! What a scheduler says about itself in its answers to heartbeats, and what
//! executors conclude from it.

/// Names one run of a scheduler process: another value means that the process
/// was restarted and remembers nothing of what it had given to executors.
pub const INSTANCE_HEADER: &str = "x-sluice-scheduler";

/// How many jobs are running or waiting: with none, nothing that executors
/// keep is needed any more.
pub const ACTIVE_JOBS_HEADER: &str = "x-sluice-active-jobs";

/// After how many milliseconds of silence the scheduler gives an executor's
/// work to others.
pub const EXECUTOR_TIMEOUT_HEADER: &str = "x-sluice-executor-timeout-ms";
