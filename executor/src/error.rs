//! Why an executor cannot start or continue.

use std::time::Duration;

use datafusion::error::DataFusionError;
use sluice_service::address::HostPort;
use sluice_service::listen::ListenError;
use sluice_service::owned_folder::FolderError;
use thiserror::Error;

/// Why an executor cannot start or continue.
#[derive(Debug, Error)]
pub enum ExecutorError {
    /// The work folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A host name has no address.
    #[error("cannot resolve {flag} {address}: {source}")]
    Resolve {
        /// The option that names the host.
        flag: &'static str,
        address: HostPort,
        #[source]
        source: std::io::Error,
    },
    /// A port is in use, or this process may not bind it.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No scheduler answered within --connect-timeout.
    #[error(
        "no scheduler answered at {scheduler} within {waited:?}: {reason}; start one with `scheduler --bind {scheduler}`"
    )]
    Unreachable {
        scheduler: HostPort,
        /// How long the executor tried.
        waited: Duration,
        /// The last error.
        reason: String,
    },
    /// A task of a job that has ended cannot be stopped. The process replaces itself.
    #[error(
        "task {task} was stopped, but one of its threads does not yield: it computed for {:.1} s after that, and was blocked for {:.1} s",
        .computed.as_secs_f64(), .blocked.as_secs_f64()
    )]
    Stuck {
        /// Its job, stage and number.
        task: String,
        /// How long its thread computed since.
        computed: Duration,
        /// How long its thread was blocked in calls since.
        blocked: Duration,
    },
    /// The process holds too much memory without any task. It replaces itself.
    #[error("this process holds more memory than it may, and no task runs")]
    MemoryHeld,
    /// The memory of the process cannot be watched.
    #[error("cannot start the thread that watches the memory of the process: {0}")]
    MemoryWatch(#[source] std::io::Error),
    /// This process should replace itself and cannot.
    #[error(
        "{reason}; this process cannot replace itself and ends: {source}; start the executor again"
    )]
    Restart {
        /// Why it should.
        reason: Box<Self>,
        #[source]
        source: std::io::Error,
    },
    /// The scheduler refuses this executor permanently.
    #[error(
        "the scheduler at {scheduler} does not accept this executor: {reason}; run the same version on both"
    )]
    Refused {
        scheduler: HostPort,
        /// The scheduler's message.
        reason: String,
    },
    /// The memory per core is zero.
    #[error(
        "{memory} bytes of memory are too few for {vcores} cores; raise --memory or lower --vcores"
    )]
    Memory {
        /// The memory of the whole process.
        memory: u64,
        vcores: usize,
    },
    /// The session, its functions or its stores cannot be set up.
    #[error("cannot set up the engine: {0}")]
    Engine(#[from] DataFusionError),
    /// A metric cannot be set up; this is a bug in this crate.
    #[error("cannot set up metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The scheduler's address is not one.
    #[error("cannot use the address of the scheduler: {0}")]
    Endpoint(#[source] tonic::transport::Error),
    /// A service of this executor ended by itself.
    #[error("the service for {service} ended: {reason}")]
    Service {
        /// What it serves.
        service: &'static str,
        reason: String,
    },
    /// The drain timed out or was cut short by a second signal.
    #[error("stopped with {tasks} tasks running; the scheduler runs them elsewhere")]
    DrainCut {
        /// How many tasks did not finish.
        tasks: usize,
    },
}
