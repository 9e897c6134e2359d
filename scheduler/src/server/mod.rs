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
mod cluster;
mod error;
mod executors;
mod grpc;
mod metrics;
mod node;
mod run;
mod view;
mod watch;

pub use ballista::BallistaServer;
pub use error::ServerError;
pub use executors::{ExecutorInfo, ExecutorState};
pub use metrics::Metrics;
pub use node::{Node, start};
pub use run::run;
pub use view::JobsView;
