//! For tests only: one-node Apache Kafka brokers, each in a folder of its own
//! and on a free port, with the verbs that break things: stop, kill, pause,
//! resume, delete records.
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
//! A broker takes four seconds to start and 450 MB, each call of a tool one to
//! two seconds: tests of one binary do well to share a broker in a `static`
//! and to use topics of their own. The broker ends, and its folder goes, when
//! the [`Broker`] is dropped or the test process ends in whatever way.

mod broker;
mod installation;
mod record;
mod secure;
mod tool;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use broker::Broker;
pub use installation::Installation;
pub use record::Record;
pub use secure::Secure;

/// Something about a sandbox broker did not work.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// No Kafka here, where it must be.
    #[error("{0}")]
    Missing(String),
    /// A file of the sandbox.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A tool that could not be started or waited for.
    #[error("cannot run `kafka {verb}`")]
    Run {
        /// The tool's verb.
        verb: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A tool that failed.
    #[error("`kafka {verb}` failed:\n{output}")]
    Failed {
        /// The tool's verb.
        verb: String,
        /// What it printed.
        output: String,
    },
    /// A tool that did not end.
    #[error("`kafka {verb}` did not end within {seconds} s:\n{output}")]
    TooLong {
        /// The tool's verb.
        verb: String,
        /// How long it was given.
        seconds: u64,
        /// What it had printed.
        output: String,
    },
    /// A tool that printed something else than expected.
    #[error("`kafka {verb}` printed something unexpected: {line}")]
    Unexpected {
        /// The tool's verb.
        verb: String,
        /// The line in question.
        line: String,
    },
}
