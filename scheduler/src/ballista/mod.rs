//! Ballista's scheduler inside this process, and what Sluice adds to it: a
//! record of executors and their tasks, checks of what they report, and a faster
//! detection of failures.

mod cluster_state;
mod executor_tracker;
mod executors;
mod failure_detector;
mod lost_executors;
mod plan_metrics;
mod reachability;
mod server;
mod stage_inputs;
mod task_launcher;
mod task_losses;
mod task_reports;

pub(crate) use cluster_state::TrackedClusterState;
pub(crate) use executor_tracker::ExecutorTracker;
pub(crate) use executors::{ExecutorCache, list_executors};
pub use executors::{ExecutorInfo, ExecutorState};
pub(crate) use failure_detector::watch_executors;
pub use lost_executors::LostExecutor;
pub(crate) use reachability::Reachability;
pub use server::{BallistaJobs, BallistaServer, BallistaStartError};
pub(crate) use server::{fail_lost_tasks, start_ballista, trigger_scheduling};
pub(crate) use stage_inputs::{count_restarts, find_wrong_input};
pub(crate) use task_losses::PoisonTask;
pub(crate) use task_reports::{TaskReports, find_deadlock};
