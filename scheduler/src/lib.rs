//! The scheduler: accepts jobs, runs them and keeps their records.
//!
//! Its folders are layers; each uses only those after it:
//!
//! - `server`: the ports of the process, its start and shutdown.
//! - `pages`: HTML for what the server shows.
//! - `jobs`: all jobs: accepting, listing, records on disk.
//! - `driver`: one job, from its text to committed tables.
//! - `runner`: one plan, on the cluster or in this process.
//! - `ballista`: Ballista's scheduler inside this process.
//!
//! The way of a job: [`jobs::JobRegistry::submit_job`] accepts it, and a task
//! supervises it (time limit, final state, record). It calls `Driver::run_job`,
//! which runs the steps with `JobExecution::run_steps`, which runs the plan of
//! each step with [`runner::Runner::run_plan`].
//!
//! [`local_scheduler`] puts the same layers together without ports or Ballista.

pub mod ballista;
pub mod driver;
pub mod job_settings;
pub mod jobs;
pub mod local_scheduler;
pub mod metrics;
pub mod options;
mod pages;
pub mod runner;
pub mod server;
mod value_texts;
