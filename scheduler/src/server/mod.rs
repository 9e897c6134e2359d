//! The scheduler process: its two ports, the Ballista scheduler inside, the
//! watch over executors, metrics and the end.
//!
//! Two steps, with the driver in between:
//!
//! ```text
//! let node = server::start(options, Stop::on_signals()?).await?;
//! let service = …;                       // built on node.ballista(), node.state_dir(), …
//! node.serve(service, view).await        // until told to stop
//! ```
//!
//! [`start`] takes the ports and the state folder, so that whatever is wrong
//! with them shows before any job is looked at; nothing is answered until
//! [`Node::serve`].

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
