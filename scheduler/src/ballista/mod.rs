//! Ballista's scheduler inside this process, and what Sluice adds to it: a
//! record of executors and their tasks, and a faster detection of failures.

mod executor_tracker;
mod executors;
mod failure_detector;
mod plan_metrics;
mod server;

pub(crate) use executor_tracker::{ExecutorTracker, TaskName, TrackedClusterState};
pub(crate) use executors::{ExecutorCache, list_executors};
pub use executors::{ExecutorInfo, ExecutorState};
pub(crate) use failure_detector::watch_executors;
pub(crate) use server::start_ballista;
pub use server::{BallistaServer, BallistaStartError};
