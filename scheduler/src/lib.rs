//! The scheduler: accepts jobs, runs them and keeps their records.
//!
//! [`job_registry::JobRegistry`] is the centre. `server` serves it over gRPC
//! and HTTP, next to the Ballista scheduler; [`local_scheduler`] runs it in
//! process.

pub mod conf;
pub mod config;
mod driver;
pub mod job;
pub mod jobs;
pub mod local;
pub mod runner;
pub mod server;
mod service;

pub use driver::DriverSettings;
pub use service::JobServer;
