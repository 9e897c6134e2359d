//! What the long-running processes share: options from flags, environment and
//! file, logs that cannot hold secrets, signals, folder locks, health and
//! metrics over HTTP, and the text form in which a task's failure travels.
//!
//! Nothing here knows about jobs, DataFusion or Ballista.

pub mod address;
pub mod cluster;
pub mod crash;
pub mod failure;
pub mod folder;
pub mod http;
pub mod logs;
pub mod options;
pub mod reference;
pub mod secrets;
pub mod signals;
pub mod values;

/// The version of Sluice that this binary was built from.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
