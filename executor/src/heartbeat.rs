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
use sluice_service::cluster::{
    ACTIVE_JOBS_HEADER, ENDED_JOBS_HEADER, EXECUTOR_TIMEOUT_HEADER, INSTANCE_HEADER,
    RUNNING_JOBS_HEADER, join_jobs, split_jobs,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;

use crate::metrics::Metrics;
use crate::shuffle::Shuffle;
use crate::tasks::{TaskName, Tasks};

/// A heartbeat that takes longer has failed.
const BEAT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a task may take to end after it was cancelled. A task that does not
/// end would occupy its core forever, and new tasks would wait for that core.
const END_TIMEOUT: Duration = Duration::from_secs(30);
/// How often to log that the scheduler does not answer.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// What the scheduler reports in its reply to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    /// The id of the scheduler process, if reported.
    pub(crate) instance: Option<String>,
    /// The number of jobs that are running or waiting, if reported.
    pub(crate) active_jobs: Option<usize>,
    /// The silence after which the scheduler gives this executor's work to
    /// others.
    pub(crate) timeout: Option<Duration>,
    /// Which of the jobs named in the heartbeat have ended.
    pub(crate) ended_jobs: Vec<String>,
}

impl Answer {
    fn read(headers: &MetadataMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            instance: text(INSTANCE_HEADER).map(ToOwned::to_owned),
            active_jobs: text(ACTIVE_JOBS_HEADER).and_then(|n| n.parse().ok()),
            timeout: text(EXECUTOR_TIMEOUT_HEADER)
                .and_then(|n| n.parse().ok())
                .map(Duration::from_millis),
            ended_jobs: split_jobs(text(ENDED_JOBS_HEADER).unwrap_or_default())
                .map(ToOwned::to_owned)
                .collect(),
        }
    }
}

/// What this executor must do after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    /// Nothing.
    GoOn,
    /// This executor was silent for so long that others run its tasks now: stop
    /// them.
    GivenUp,
    /// A new scheduler process, which knows none of this executor's tasks and
    /// data: stop all tasks, remove all data.
    NewScheduler,
}

/// Decides from the previous reply, the time since then, and the new reply.
pub(crate) fn conclude(before: Option<(&Answer, Duration)>, now: &Answer) -> Conclusion {
    let Some((before, silence)) = before else {
        return Conclusion::GoOn;
    };
    match (&before.instance, &now.instance) {
        (Some(old), Some(new)) if old != new => Conclusion::NewScheduler,
        _ if now.timeout.is_some_and(|timeout| silence > timeout) => Conclusion::GivenUp,
        _ => Conclusion::GoOn,
    }
}

/// The state of the heartbeat, for the rest of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse {
    /// Whether the last heartbeat was accepted.
    pub(crate) connected: bool,
    pub(crate) answer: Answer,
    /// Why the scheduler refuses this executor permanently, if it does.
    pub(crate) refused: Option<String>,
    /// A task that only the end of the process can stop.
    pub(crate) stuck: Option<TaskName>,
}

/// Sends heartbeats.
pub(crate) struct Heartbeat {
    pub(crate) client: SchedulerGrpcClient<Channel>,
    pub(crate) registration: ExecutorRegistration,
    pub(crate) interval: Duration,
    pub(crate) tasks: Tasks,
    pub(crate) shuffle: Shuffle,
    pub(crate) metrics: Metrics,
    /// Cancelled when the executor drains: from then on heartbeats report it.
    pub(crate) drain: CancellationToken,
}

impl Heartbeat {
    /// Sends heartbeats until dropped; one is sent at once when draining begins.
    pub(crate) async fn run(mut self, pulse: watch::Sender<Pulse>) {
        let mut last: Option<(Answer, Instant)> = None;
        let mut complained: Option<Instant> = None;
        let drain = self.drain.clone();
        loop {
            let sent = Instant::now();
            let draining = drain.is_cancelled();
            match self.beat(draining).await {
                Ok(answer) => {
                    self.metrics.heartbeat(true);
                    if complained.take().is_some() {
                        tracing::info!("the scheduler answers again");
                    }
                    let before = last.as_ref().map(|(a, at)| (a, sent.duration_since(*at)));
                    self.act(conclude(before, &answer), sent);
                    self.end(&answer.ended_jobs);
                    pulse.send_replace(Pulse {
                        connected: true,
                        answer: answer.clone(),
                        refused: None,
                        stuck: sent
                            .checked_sub(END_TIMEOUT)
                            .and_then(|limit| self.tasks.stuck(limit)),
                    });
                    last = Some((answer, Instant::now()));
                }
                Err(status) => {
                    self.metrics.heartbeat(false);
                    if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                        tracing::warn!(
                            "the scheduler does not accept heartbeats, retrying: {}",
                            status.message()
                        );
                        complained = Some(Instant::now());
                    }
                    pulse.send_modify(|pulse| {
                        pulse.connected = false;
                        if status.code() == Code::FailedPrecondition {
                            pulse.refused = Some(status.message().to_owned());
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

    async fn beat(&mut self, draining: bool) -> Result<Answer, tonic::Status> {
        // `Unknown` is the only status with which Ballista assigns no new tasks
        // and still accepts the results of running ones.
        let status = if draining {
            Status::Unknown("draining".to_owned())
        } else {
            Status::Active(String::new())
        };
        let metrics = sluice_service::http::resident_bytes()
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
        request.set_timeout(BEAT_TIMEOUT);
        let jobs = self.tasks.jobs();
        if let Ok(value) = join_jobs(jobs.iter().map(String::as_str)).parse() {
            request.metadata_mut().insert(RUNNING_JOBS_HEADER, value);
        }
        let answer = self.client.heart_beat_from_executor(request);
        match tokio::time::timeout(BEAT_TIMEOUT, answer).await {
            Ok(answer) => answer.map(|response| Answer::read(response.metadata())),
            Err(_) => Err(tonic::Status::deadline_exceeded("no answer in time")),
        }
    }

    /// Cancels tasks of jobs that have ended.
    fn end(&self, jobs: &[String]) {
        for job in jobs {
            let stopped = self.tasks.cancel_job(job);
            if stopped > 0 {
                tracing::info!("job {job} has ended; {stopped} of its tasks stopped");
            }
        }
    }

    fn act(&self, conclusion: Conclusion, sent: Instant) {
        match conclusion {
            Conclusion::GoOn => {}
            Conclusion::GivenUp => {
                let stopped = self.tasks.cancel_older(sent);
                tracing::warn!(
                    "the scheduler heard nothing from this executor for too long and gave its work to others; {stopped} tasks stopped"
                );
            }
            Conclusion::NewScheduler => {
                let stopped = self.tasks.cancel_older(sent);
                let removed = self.shuffle.remove_older(&self.tasks, sent);
                tracing::info!(
                    "the scheduler was restarted, registered again; {stopped} tasks stopped, the data of {removed} jobs removed"
                );
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn answer(instance: Option<&str>, timeout: u64) -> Answer {
        Answer {
            instance: instance.map(ToOwned::to_owned),
            active_jobs: None,
            timeout: Some(Duration::from_secs(timeout)),
            ended_jobs: Vec::new(),
        }
    }

    #[test]
    fn answers_are_read_from_headers() {
        let mut headers = MetadataMap::new();
        assert_eq!(Answer::read(&headers), Answer::default());
        headers.insert(INSTANCE_HEADER, "a-1".parse().unwrap());
        headers.insert(ACTIVE_JOBS_HEADER, "3".parse().unwrap());
        headers.insert(EXECUTOR_TIMEOUT_HEADER, "5000".parse().unwrap());
        headers.insert(ENDED_JOBS_HEADER, "j1,j2".parse().unwrap());
        let read = Answer::read(&headers);
        assert_eq!(read.instance.as_deref(), Some("a-1"));
        assert_eq!(read.active_jobs, Some(3));
        assert_eq!(read.timeout, Some(Duration::from_secs(5)));
        assert_eq!(read.ended_jobs, ["j1", "j2"]);
    }

    #[test]
    fn silence_and_another_process_lead_to_different_conclusions() {
        let (a, b) = (answer(Some("a"), 5), answer(Some("b"), 5));
        let (short, long) = (Duration::from_secs(4), Duration::from_secs(6));
        assert_eq!(conclude(None, &a), Conclusion::GoOn);
        assert_eq!(conclude(Some((&a, short)), &a), Conclusion::GoOn);
        assert_eq!(conclude(Some((&a, long)), &a), Conclusion::GivenUp);
        assert_eq!(conclude(Some((&a, short)), &b), Conclusion::NewScheduler);
        assert_eq!(conclude(Some((&a, long)), &b), Conclusion::NewScheduler);
        // A scheduler that reports nothing about itself.
        let silent = Answer::default();
        assert_eq!(conclude(Some((&silent, long)), &silent), Conclusion::GoOn);
    }
}
