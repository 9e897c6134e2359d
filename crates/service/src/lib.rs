//! What the programs share: options from flags, environment and file, properties
//! files, settings of Kafka clients, formatted numbers, logs and console output
//! without secrets, traces, signals, folder locks, and health and metrics over
//! HTTP.
//!
//! Nothing here depends on jobs, DataFusion, Ballista or a Kafka library.

mod acceptor;
pub mod address;
pub mod console;
pub mod crash;
pub mod descriptors;
pub mod format;
#[cfg(feature = "grpc")]
pub mod grpc_listener;
pub mod host_name;
pub mod http;
pub mod kafka;
pub mod listen;
mod log_filter;
pub mod logs;
pub mod memory;
pub mod memory_limits;
pub mod metric_reference;
pub mod option_reference;
pub mod options;
pub mod outage;
pub mod owned_folder;
pub mod program;
pub mod properties;
pub mod shell_help;
pub mod signals;
pub mod task_memory;
pub mod thread_times;
pub mod threads;
pub mod trace_options;
pub mod value_parsers;

/// Part of the interface: programs pass their secrets to the logs.
pub use sluice_secrets as secrets;

/// The version of Sluice that this binary was built from.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
