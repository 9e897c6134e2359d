//! An executor's services from its registration until it signs off.

use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{ExecutorRegistration, ExecutorStoppedParams};
use sluice_service::signals::StopSignal;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tonic::transport::Channel;

use crate::disk_health::DiskHealth;
use crate::error::ExecutorError;
use crate::heartbeat::HeartbeatState;
use crate::process::ExecutorProcess;
use crate::reports::PendingReports;
use crate::tasks::wait_for_stuck_task;

/// How long the parts may take to end after a request.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// A task that was being dispatched when the drain began still arrives.
const IDLE_GRACE: Duration = Duration::from_millis(250);
/// How often a drain looks whether it is over.
const DRAIN_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How a service ended.
pub(crate) type ServiceEnd = Result<(), tonic::transport::Error>;

/// The services of a registered executor.
pub(crate) struct RegisteredExecutor {
    pub(crate) client: SchedulerGrpcClient<Channel>,
    pub(crate) registration: ExecutorRegistration,
    pub(crate) reports: PendingReports,
    pub(crate) disk: DiskHealth,
    pub(crate) host: String,
    pub(crate) grpc_port: u16,
    pub(crate) flight_port: u16,
    /// The service that receives tasks.
    pub(crate) grpc: JoinHandle<ServiceEnd>,
    /// The service for shuffled and staged data.
    pub(crate) flight: JoinHandle<ServiceEnd>,
}

impl RegisteredExecutor {
    /// Runs until asked to stop, then drains and stops all parts.
    pub(crate) async fn run_until_stopped(
        mut self,
        process: &ExecutorProcess,
        stop: &StopSignal,
        mut pulse: watch::Receiver<HeartbeatState>,
    ) -> Result<(), ExecutorError> {
        let result = tokio::select! {
            () = stop.drain.cancelled() => Ok(()),
            ended = &mut self.grpc => Err(service_error("tasks", ended)),
            ended = &mut self.flight => Err(service_error("shuffle data", ended)),
            (task, times) = wait_for_stuck_task(&process.tasks) => Err(ExecutorError::Stuck {
                task: task.to_string(),
                computed: times.computed,
                blocked: times.blocked,
            }),
            () = process.memory_watch.wait_for_restart() => Err(ExecutorError::MemoryHeld),
            reason = wait_for_refusal(&mut pulse) => Err(ExecutorError::Refused {
                scheduler: process.options.scheduler.clone(),
                reason,
            }),
        };
        stop.drain.cancel();
        let result = match result {
            Ok(()) => self.wait_for_drain(process, stop, &pulse).await,
            error => error,
        };
        let reason = match &result {
            Ok(()) => "drained".to_owned(),
            Err(error) => error.to_string(),
        };
        self.notify_scheduler(reason).await;
        stop.now.cancel();
        // Both have been notified; one that hangs must not keep the process
        // alive.
        let _ = tokio::time::timeout(END_TIMEOUT, async {
            if !self.grpc.is_finished() {
                let _ = self.grpc.await;
            }
            if !self.flight.is_finished() {
                let _ = self.flight.await;
            }
        })
        .await;
        tracing::info!("executor ends");
        result
    }

    /// Waits until no task runs here, all reports have arrived, and no running job
    /// needs data of this executor.
    async fn wait_for_drain(
        &self,
        process: &ExecutorProcess,
        stop: &StopSignal,
        pulse: &watch::Receiver<HeartbeatState>,
    ) -> Result<(), ExecutorError> {
        let started_at = Instant::now();
        let limit = process.options.drain_timeout;
        let mut idle_since: Option<Instant> = None;
        loop {
            let tasks = process.tasks.running_count();
            if tasks > 0 {
                idle_since = None;
            } else if idle_since.get_or_insert_with(Instant::now).elapsed() >= IDLE_GRACE {
                let pulse = pulse.borrow();
                let is_needed =
                    pulse.last_reply.active_jobs != Some(0) && !process.shuffle.is_empty();
                if !pulse.connected || (self.reports.is_empty() && !is_needed) {
                    return Ok(());
                }
            }
            if started_at.elapsed() >= limit || stop.now.is_cancelled() {
                return match tasks {
                    0 => Ok(()),
                    tasks => Err(ExecutorError::DrainCut { tasks }),
                };
            }
            tokio::select! {
                () = tokio::time::sleep(DRAIN_POLL_INTERVAL) => {}
                () = stop.now.cancelled() => {}
            }
        }
    }

    /// Notifies the scheduler that this executor ends, so that it need not wait
    /// for the executor timeout.
    async fn notify_scheduler(&mut self, reason: String) {
        let request = ExecutorStoppedParams {
            executor_id: self.registration.id.clone(),
            reason,
        };
        let notified = self.client.executor_stopped(request);
        if !matches!(tokio::time::timeout(END_TIMEOUT, notified).await, Ok(Ok(_))) {
            tracing::info!("the scheduler could not be notified that this executor ends");
        }
    }
}

fn service_error(service: &'static str, ended: Result<ServiceEnd, JoinError>) -> ExecutorError {
    let reason = match ended {
        Ok(Ok(())) => "it was stopped".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    ExecutorError::Service { service, reason }
}

/// Returns when the scheduler refuses this executor permanently.
async fn wait_for_refusal(pulse: &mut watch::Receiver<HeartbeatState>) -> String {
    let refused = pulse.wait_for(|pulse| pulse.refusal.is_some()).await;
    match refused.ok().and_then(|pulse| pulse.refusal.clone()) {
        Some(reason) => reason,
        // The heartbeat ends with the process only.
        None => std::future::pending().await,
    }
}
