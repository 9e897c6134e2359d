//! The scheduler: accepts jobs, runs them and keeps their records.
//!
//! [`job_registry::JobRegistry`] is the centre. `server` serves it over gRPC
//! and HTTP, next to the Ballista scheduler; [`local_scheduler`] runs it in
//! process.

mod driver;
pub mod job;
pub mod job_registry;
mod job_service;
pub mod job_settings;
pub mod local_scheduler;
pub mod options;
pub mod runner;
pub mod server;

pub use driver::Driver;
pub use job_service::JobServer;
