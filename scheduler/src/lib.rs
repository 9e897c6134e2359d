//! The scheduler: takes jobs, drives them, remembers them.
//!
//! [`jobs::Jobs`] is the centre. `server` puts it behind gRPC and HTTP beside
//! the Ballista scheduler; [`local`] runs it in process.

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
