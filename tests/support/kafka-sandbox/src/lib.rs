//! For tests only: one-node Apache Kafka brokers, each in its own folder and on a
//! free port, with methods to cause failures: stop, kill, pause, resume, delete
//! records.
//!
//! ```no_run
//! # fn test() -> Result<(), sluice_kafka_sandbox::SandboxError> {
//! use sluice_kafka_sandbox::{Broker, Installation};
//!
//! let Some(kafka) = Installation::find()? else { return Ok(()) };
//! let broker = Broker::start(&kafka, &[("log.retention.ms", "1000")])?;
//! broker.create_topic("user_events", 3)?;
//! broker.produce("user_events", [(Some("key"), "value")])?;
//! broker.kill()?;
//! broker.start_again()?;
//! assert_eq!(broker.consume("user_events")?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! A broker takes four seconds to start and 450 MB of memory, and each call of a
//! tool takes one to two seconds. Tests of one binary should therefore share a
//! broker in a `static` and use separate topics. The broker ends and its folder is
//! deleted when the [`Broker`] is dropped or the test process ends for any reason.

mod broker;
mod installation;
mod record;
mod secure_listener;
mod tool;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use broker::Broker;
pub use installation::Installation;
pub use record::Record;
pub use secure_listener::SecureListener;

/// A failed operation on a sandbox broker.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// Kafka is not installed although `SLUICE_CI` requires it.
    #[error("{0}")]
    Missing(String),
    /// A file of the sandbox cannot be written.
    #[error("cannot use {path}")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A tool that could not be started or waited for.
    #[error("cannot run `kafka {verb}`")]
    Run {
        verb: String,
        #[source]
        source: io::Error,
    },
    /// A tool that failed.
    #[error("`kafka {verb}` failed:\n{output}")]
    Failed { verb: String, output: String },
    /// A tool that did not end.
    #[error("`kafka {verb}` did not end within {seconds} s:\n{output}")]
    TimedOut {
        verb: String,
        /// The time limit.
        seconds: u64,
        /// The output up to then.
        output: String,
    },
    /// A tool that printed something unexpected.
    #[error("`kafka {verb}` printed something unexpected: {line}")]
    Unexpected { verb: String, line: String },
}
