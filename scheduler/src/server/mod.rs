//! The scheduler process: its two ports, and its start and shutdown.
//!
//! It starts in two steps, and the registry of jobs is opened in between:
//!
//! ```text
//! let process = server::start_scheduler(options, stop).await?;
//! let jobs = JobRegistry::open(…).await?;  // on process.ballista(), process.state_dir(), …
//! process.serve_until_stopped(jobs).await
//! ```
//!
//! [`start_scheduler`] takes the ports and the state folder, so that problems
//! with them show before any job is read. No request is answered before
//! [`SchedulerProcess::serve_until_stopped`].

mod api;
mod capacity;
mod error;
mod etag;
mod grpc;
mod host_check;
mod job_service;
mod landing;
mod page_events;
mod process;
mod program;
mod recent_reads;
mod table;
mod web;

pub use error::ServerError;
pub use job_service::JobServer;
pub use process::{SchedulerProcess, start_scheduler};
pub use program::run;
