//! An executor's services from its registration until it signs off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::ExecutorStoppedParams;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_executor::executor::Executor;
use ballista_executor::shutdown::ShutdownNotifier;
use sluice_service::signals::StopSignal;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::error::ExecutorError;
use crate::heartbeat::HeartbeatState;
use crate::process::ExecutorProcess;
use crate::tasks::TaskName;

/// How long the parts may take to end after a request.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// The time between the end of the last task and signing off, in which its
/// result is reported.
const REPORT_GRACE: Duration = Duration::from_millis(250);

/// The services of a registered executor.
pub(crate) struct RegisteredExecutor {
    pub(crate) client: SchedulerGrpcClient<Channel>,
    pub(crate) executor: Arc<Executor>,
    pub(crate) host: String,
    pub(crate) grpc_port: u16,
    pub(crate) flight_port: u16,
    /// The service that receives tasks.
    pub(crate) grpc: JoinHandle<Result<(), BallistaError>>,
    /// The service for shuffled and staged data.
    pub(crate) flight: JoinHandle<Result<(), tonic::transport::Error>>,
    pub(crate) notifier: ShutdownNotifier,
    pub(crate) scheduler_stops: mpsc::Receiver<bool>,
}

impl RegisteredExecutor {
    /// Runs until asked to stop, then drains and stops all parts.
    pub(crate) async fn run_until_stopped(
        mut self,
        process: &ExecutorProcess,
        stop: &StopSignal,
        mut pulse: watch::Receiver<HeartbeatState>,
    ) -> Result<(), ExecutorError> {
        let result = loop {
            tokio::select! {
                () = stop.drain.cancelled() => break Ok(()),
                ended = &mut self.grpc => break Err(match ended {
                    Ok(Ok(())) => BallistaError::General("the service for tasks ended".to_owned()).into(),
                    Ok(Err(error)) => error.into(),
                    Err(error) => BallistaError::from(error).into(),
                }),
                ended = &mut self.flight => match ended {
                    Ok(Ok(())) => break Ok(()),
                    Ok(Err(error)) => break Err(ExecutorError::Flight(error)),
                    Err(error) => break Err(BallistaError::from(error).into()),
                },
                Some(_) = self.scheduler_stops.recv() => {
                    // The scheduler does that when heartbeats are missing for
                    // too long. The next heartbeat registers this executor
                    // again.
                    tracing::warn!("the scheduler had given up this executor");
                }
                Ok(reason) = wait_for_fatal_reason(&mut pulse) => break Err(match reason {
                    FatalReason::Refused(reason) => ExecutorError::Refused {
                        scheduler: process.options.scheduler.clone(),
                        reason,
                    },
                    FatalReason::Stuck(task) => ExecutorError::Stuck { task: task.to_string() },
                }),
            }
        };
        stop.drain.cancel();
        let result = match result {
            Ok(()) => self.wait_for_drain(process, stop, &pulse).await,
            error => error,
        };
        self.notify_scheduler(if result.is_ok() { "drained" } else { "stopped" })
            .await;
        stop.now.cancel();
        // All parts have been notified; one that hangs must not keep the
        // process alive.
        let _ = self.notifier.notify_shutdown.send(());
        let _ = tokio::time::timeout(END_TIMEOUT, async {
            let _ = self.grpc.await;
            let _ = self.flight.await;
        })
        .await;
        tracing::info!("executor ends");
        result
    }

    /// Waits until no task runs here and no running job needs data of this
    /// executor.
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
            let tasks = process
                .tasks
                .running_count()
                .max(self.executor.active_task_count());
            if tasks > 0 {
                idle_since = None;
            } else if idle_since.get_or_insert_with(Instant::now).elapsed() >= REPORT_GRACE {
                let (connected, jobs) = {
                    let pulse = pulse.borrow();
                    (pulse.connected, pulse.last_reply.active_jobs)
                };
                if !connected || jobs == Some(0) || process.shuffle.is_empty() {
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
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
                () = stop.now.cancelled() => {}
            }
        }
    }

    /// Notifies the scheduler that this executor ends, so that it need not wait
    /// for the executor timeout.
    async fn notify_scheduler(&mut self, reason: &str) {
        let request = ExecutorStoppedParams {
            executor_id: self.executor.metadata.id.clone(),
            reason: reason.to_owned(),
        };
        let notified = self.client.executor_stopped(request);
        if !matches!(tokio::time::timeout(END_TIMEOUT, notified).await, Ok(Ok(_))) {
            tracing::info!("the scheduler could not be notified that this executor ends");
        }
    }
}

/// Why the process cannot continue.
enum FatalReason {
    Refused(String),
    Stuck(TaskName),
}

/// Returns when the process cannot continue.
async fn wait_for_fatal_reason(
    pulse: &mut watch::Receiver<HeartbeatState>,
) -> Result<FatalReason, watch::error::RecvError> {
    let now = pulse
        .wait_for(|pulse| pulse.refusal.is_some() || pulse.stuck_task.is_some())
        .await?;
    Ok(match &now.stuck_task {
        Some(task) => FatalReason::Stuck(task.clone()),
        None => FatalReason::Refused(now.refusal.clone().unwrap_or_default()),
    })
}
