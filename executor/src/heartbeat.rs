//! Heartbeats to the scheduler. The replies show whether the scheduler still
//! knows this executor.
//!
//! Ballista's own heartbeat ends the executor after five failures; this one
//! continues until the executor ends. [`decide_action`] decides what a reply
//! means, without any I/O.

use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::executor_metric::Metric;
use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    ExecutorMetric, ExecutorRegistration, ExecutorStatus, HeartBeatParams,
};
use sluice_proto::heartbeat::{HeartbeatReply, write_running_jobs, write_tasks, write_unhealthy};
use sluice_proto::version::write_version;
use sluice_service::outage::Outage;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Channel;

use crate::disk_health::DiskHealth;
use crate::metrics::Metrics;
use crate::reports::PendingReports;
use crate::shuffle::ShuffleData;
use crate::tasks::RunningTasks;

/// A heartbeat that takes longer has failed.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(4);

/// What this executor must do after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeartbeatAction {
    /// Nothing.
    Continue,
    /// This executor was silent for so long that others run its tasks now: stop
    /// them.
    GivenUp,
    /// A new scheduler process, which knows none of this executor's tasks and
    /// data: stop all tasks, remove all data.
    NewScheduler,
}

/// Decides from the previous reply, the time since then, and the new reply.
pub(crate) fn decide_action(
    before: Option<(&HeartbeatReply, Duration)>,
    now: &HeartbeatReply,
) -> HeartbeatAction {
    let Some((before, silence)) = before else {
        return HeartbeatAction::Continue;
    };
    match (&before.instance, &now.instance) {
        (Some(old), Some(new)) if old != new => HeartbeatAction::NewScheduler,
        _ if now
            .executor_timeout
            .is_some_and(|timeout| silence > timeout) =>
        {
            HeartbeatAction::GivenUp
        }
        _ => HeartbeatAction::Continue,
    }
}

/// The state of the heartbeat, for the rest of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeartbeatState {
    /// Whether the last heartbeat was accepted.
    pub(crate) connected: bool,
    pub(crate) last_reply: HeartbeatReply,
    /// Why the scheduler refuses this executor permanently, if it does.
    pub(crate) refusal: Option<String>,
}

/// Sends heartbeats.
pub(crate) struct Heartbeat {
    pub(crate) client: SchedulerGrpcClient<Channel>,
    pub(crate) registration: ExecutorRegistration,
    pub(crate) interval: Duration,
    pub(crate) tasks: RunningTasks,
    pub(crate) reports: PendingReports,
    pub(crate) disk: DiskHealth,
    pub(crate) shuffle: ShuffleData,
    pub(crate) metrics: Metrics,
    /// Cancelled when the executor drains: from then on heartbeats report it.
    pub(crate) drain: CancellationToken,
}

impl Heartbeat {
    /// Sends heartbeats until dropped; one is sent at once when draining begins.
    pub(crate) async fn run_until_dropped(mut self, pulse: watch::Sender<HeartbeatState>) {
        let mut last: Option<(HeartbeatReply, Instant)> = None;
        let mut outage = Outage::default();
        let drain = self.drain.clone();
        loop {
            let sent = Instant::now();
            let draining = drain.is_cancelled();
            match self.send_heartbeat(draining).await {
                Ok(answer) => {
                    self.metrics.record_heartbeat(true);
                    if let Some(note) = outage.on_ended(Instant::now()) {
                        tracing::info!("the scheduler accepts heartbeats again ({note})");
                    }
                    let before = last.as_ref().map(|(a, at)| (a, sent.duration_since(*at)));
                    self.apply_action(decide_action(before, &answer), sent);
                    self.cancel_ended_jobs(&answer.ended_jobs);
                    pulse.send_replace(HeartbeatState {
                        connected: true,
                        last_reply: answer.clone(),
                        refusal: None,
                    });
                    last = Some((answer, Instant::now()));
                }
                Err(status) => {
                    self.metrics.record_heartbeat(false);
                    if let Some(note) = outage.on_seen(Instant::now()) {
                        tracing::warn!(
                            "the scheduler does not accept heartbeats, retrying: {} ({note})",
                            status.message()
                        );
                    }
                    pulse.send_modify(|pulse| {
                        pulse.connected = false;
                        if status.code() == Code::FailedPrecondition {
                            pulse.refusal = Some(status.message().to_owned());
                        }
                    });
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.interval) => {}
                () = drain.cancelled(), if !draining => {}
            }
        }
    }

    async fn send_heartbeat(&mut self, draining: bool) -> Result<HeartbeatReply, tonic::Status> {
        // `Unknown` is the only status with which Ballista assigns no new tasks
        // and still accepts the results of running ones.
        let status = if draining {
            Status::Unknown("draining".to_owned())
        } else {
            Status::Active(String::new())
        };
        let metrics = sluice_service::memory::resident_bytes()
            .map(|bytes| ExecutorMetric {
                metric: Some(Metric::ProcPhysicalMemory(bytes)),
            })
            .into_iter()
            .collect();
        let mut request = tonic::Request::new(HeartBeatParams {
            executor_id: self.registration.id.clone(),
            metrics,
            status: Some(ExecutorStatus {
                status: Some(status),
            }),
            metadata: Some(self.registration.clone()),
        });
        request.set_timeout(HEARTBEAT_TIMEOUT);
        write_version(request.metadata_mut(), sluice_service::VERSION);
        let jobs = self.tasks.running_jobs();
        write_running_jobs(request.metadata_mut(), jobs.iter().map(String::as_str));
        // Tasks first: one that ends in between has its report by then.
        let mut tasks = self.tasks.names();
        tasks.extend(self.reports.names());
        write_tasks(request.metadata_mut(), &tasks);
        write_unhealthy(request.metadata_mut(), self.disk.problem().as_deref());
        let answer = self.client.heart_beat_from_executor(request);
        match tokio::time::timeout(HEARTBEAT_TIMEOUT, answer).await {
            Ok(answer) => answer.map(|response| HeartbeatReply::from_metadata(response.metadata())),
            Err(_) => Err(tonic::Status::deadline_exceeded("no answer in time")),
        }
    }

    /// Cancels tasks of jobs that have ended.
    fn cancel_ended_jobs(&self, jobs: &[String]) {
        for job in jobs {
            let stopped = self.tasks.cancel_job(job);
            if stopped > 0 {
                tracing::info!("job {job} has ended; {stopped} of its tasks are stopped");
            }
        }
    }

    fn apply_action(&self, action: HeartbeatAction, sent: Instant) {
        match action {
            HeartbeatAction::Continue => {}
            HeartbeatAction::GivenUp => {
                let stopped = self.tasks.cancel_started_before(sent);
                tracing::warn!(
                    "the scheduler heard nothing from this executor for too long and gave its work to others; {stopped} tasks stopped"
                );
            }
            HeartbeatAction::NewScheduler => {
                let stopped = self.tasks.cancel_started_before(sent);
                let removed = self.shuffle.remove_older_than(&self.tasks, sent);
                tracing::info!(
                    "the scheduler was restarted, registered again; {stopped} tasks stopped, the data of {removed} jobs removed"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(instance: Option<&str>, timeout: u64) -> HeartbeatReply {
        HeartbeatReply {
            instance: instance.map(ToOwned::to_owned),
            active_jobs: None,
            executor_timeout: Some(Duration::from_secs(timeout)),
            ended_jobs: Vec::new(),
        }
    }

    #[test]
    fn silence_and_another_process_lead_to_different_actions() {
        let (a, b) = (answer(Some("a"), 5), answer(Some("b"), 5));
        let (short, long) = (Duration::from_secs(4), Duration::from_secs(6));
        assert_eq!(decide_action(None, &a), HeartbeatAction::Continue);
        assert_eq!(
            decide_action(Some((&a, short)), &a),
            HeartbeatAction::Continue
        );
        assert_eq!(
            decide_action(Some((&a, long)), &a),
            HeartbeatAction::GivenUp
        );
        assert_eq!(
            decide_action(Some((&a, short)), &b),
            HeartbeatAction::NewScheduler
        );
        assert_eq!(
            decide_action(Some((&a, long)), &b),
            HeartbeatAction::NewScheduler
        );
        // A scheduler that reports nothing about itself.
        let silent = HeartbeatReply::default();
        assert_eq!(
            decide_action(Some((&silent, long)), &silent),
            HeartbeatAction::Continue
        );
    }
}
