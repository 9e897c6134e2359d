//! What the programs share: options from flags, environment and file, properties
//! files, settings of Kafka clients, formatted numbers, logs and console output
//! without secrets, signals, folder locks, health and metrics over HTTP, and the
//! text form in which a task's failure travels.
//!
//! Nothing here depends on jobs, DataFusion, Ballista or a Kafka library.

pub mod address;
pub mod cluster;
pub mod console;
pub mod crash;
mod expected;
pub mod failure;
pub mod folder;
pub mod format;
pub mod http;
pub mod kafka;
pub mod listen;
pub mod logs;
pub mod memory;
pub mod options;
pub mod program;
pub mod properties;
pub mod reference;
pub mod secrets;
pub mod signals;
pub mod values;

/// The version of Sluice that this binary was built from.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
