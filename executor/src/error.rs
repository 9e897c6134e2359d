//! Why an executor cannot start or go on.

use std::time::Duration;

use ballista_core::error::BallistaError;
use datafusion::error::DataFusionError;
use sluice_service::address::HostPort;
use sluice_service::folder::FolderError;
use sluice_service::listen::ListenError;
use thiserror::Error;

/// Why an executor cannot start or go on.
#[derive(Debug, Error)]
pub enum ExecutorError {
    /// The work folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A host name has no address.
    #[error("cannot resolve {flag} {address}: {source}")]
    Resolve {
        /// The option that named it.
        flag: &'static str,
        /// As given.
        address: HostPort,
        /// What the resolver says.
        #[source]
        source: std::io::Error,
    },
    /// A port is taken or not ours to take.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No scheduler within the time given.
    #[error(
        "no scheduler answered at {scheduler} within {waited:?}: {reason}; start one with `scheduler --bind {scheduler}`"
    )]
    Unreachable {
        /// Where.
        scheduler: HostPort,
        /// How long we tried.
        waited: Duration,
        /// The last refusal.
        reason: String,
    },
    /// A task of a job that has ended cannot be stopped.
    #[error(
        "task {task} was told to end and goes on; the process ends with it, start the executor again"
    )]
    Stuck {
        /// Job, stage and number.
        task: String,
    },
    /// The scheduler refuses us for good.
    #[error(
        "the scheduler at {scheduler} refuses this executor: {reason}; run the same version on both"
    )]
    Refused {
        /// Where.
        scheduler: HostPort,
        /// Its words.
        reason: String,
    },
    /// Memory per core comes to nothing.
    #[error(
        "{memory} bytes of memory are too few for {vcores} cores; raise --memory or lower --vcores"
    )]
    Memory {
        /// For the whole process.
        memory: u64,
        /// That share it.
        vcores: usize,
    },
    /// The session, its functions or its stores cannot be set up.
    #[error("cannot set up the engine: {0}")]
    Engine(#[from] DataFusionError),
    /// A metric cannot be set up: a mistake in this crate.
    #[error("cannot set up metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Ballista's part failed.
    #[error("the executor's services failed: {0}")]
    Ballista(#[from] BallistaError),
    /// The service for shuffle data ended.
    #[error("the service for shuffle data ended: {0}")]
    Flight(#[source] tonic::transport::Error),
    /// The HTTP service ended.
    #[error("the HTTP service ended: {0}")]
    Http(#[source] std::io::Error),
    /// The drain took longer than it may, or was cut short.
    #[error("left with {tasks} tasks running; the scheduler runs them elsewhere")]
    DrainCut {
        /// That did not finish.
        tasks: usize,
    },
}
