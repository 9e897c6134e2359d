//! The scheduler process: its two ports, the Ballista scheduler inside it, the
//! detection of failed executors, metrics, and shutdown.
//!
//! It starts in two steps, and the driver is built in between:
//!
//! ```text
//! let process = server::start_scheduler(options, Stop::on_signals()?).await?;
//! let service = …;                       // built on process.ballista(), process.state_dir(), …
//! process.serve_until_stopped(service, view).await
//! ```
//!
//! [`start_scheduler`] takes the ports and the state folder, so that problems
//! with them show before any job is read. No request is answered before
//! [`SchedulerProcess::serve_until_stopped`].

mod api;
mod ballista;
mod error;
mod executor_tracker;
mod executors;
mod failure_detector;
mod grpc;
mod metrics;
mod process;
mod program;
mod view;

pub use ballista::BallistaServer;
pub use error::ServerError;
pub use executors::{ExecutorInfo, ExecutorState};
pub use metrics::Metrics;
pub use process::{SchedulerProcess, start_scheduler};
pub use program::run;
pub use view::JobsView;
