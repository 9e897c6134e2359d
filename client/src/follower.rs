//! Follows a job until it has ended: shows its progress, turns Ctrl-C into a
//! cancel, and enforces the time limit in case the scheduler does not.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{CancelJobRequest, ErrorKind, Job, JobError, JobState};
use tokio::time::Instant;

use crate::job_client::JobClient;
use crate::limits::ClientLimits;
use crate::progress::ProgressDisplay;
use crate::watch::{WatchEvent, watch_events};

/// How often the clock of a live display is redrawn.
const TICK_INTERVAL: Duration = Duration::from_millis(200);

/// Names of received signals that request the end of submit-job.
pub(crate) type Interrupts = Pin<Box<dyn Stream<Item = &'static str> + Send>>;

/// How following a job ended.
#[derive(Debug)]
pub(crate) enum FollowOutcome {
    /// The job ended.
    Ended(Box<Job>),
    /// The client stopped following; the job has not ended, or its end is unknown.
    Detached(JobError),
}

/// Follows one job.
pub(crate) struct JobFollower<'a> {
    pub(crate) api: Arc<JobClient>,
    pub(crate) job_id: String,
    /// When the job reaches its time limit.
    pub(crate) deadline: Option<Instant>,
    pub(crate) limits: ClientLimits,
    pub(crate) progress: &'a mut ProgressDisplay,
    pub(crate) interrupts: &'a mut Interrupts,
}

type CancelFuture = Pin<Box<dyn Future<Output = Result<Job, JobError>> + Send>>;

#[derive(PartialEq, Eq)]
enum CancelCause {
    NotCancelled,
    /// A signal.
    Signal,
    /// The time limit.
    TimeLimit,
}

impl JobFollower<'_> {
    /// Returns when the job has ended, or when there is a reason to stop waiting.
    pub(crate) async fn follow_to_end(self) -> FollowOutcome {
        let Self {
            api,
            job_id,
            deadline,
            limits,
            progress,
            interrupts,
        } = self;
        let mut events = pin!(watch_events(
            Arc::clone(&api),
            job_id.clone(),
            limits.retry_policy
        ));
        let mut cancel_cause = CancelCause::NotCancelled;
        let mut cancel: Option<CancelFuture> = None;
        let mut alarm = deadline.map(|deadline| deadline + limits.timeout_grace);
        let mut ticks = tokio::time::interval(TICK_INTERVAL);
        loop {
            tokio::select! {
                biased;
                seen = events.next() => match seen {
                    Some(Ok(WatchEvent::Event(event))) => {
                        progress.show_event(&event);
                        if let Some(Event::Finished(finished)) = event.event {
                            progress.clear_live();
                            let job = finished.job.unwrap_or_default();
                            return FollowOutcome::Ended(Box::new(with_timeout_state(job, &cancel_cause)));
                        }
                    }
                    Some(Ok(WatchEvent::ConnectionLost(error))) => {
                        progress.print_note(&format!("{}; retrying", error.message));
                    }
                    Some(Ok(WatchEvent::Reconnected)) => progress.print_note("the scheduler is back"),
                    Some(Err(error)) => {
                        progress.clear_live();
                        return FollowOutcome::Detached(error);
                    }
                    None => {
                        progress.clear_live();
                        return FollowOutcome::Detached(JobError::new(
                            ErrorKind::Internal,
                            format!("the events of job {job_id} ended before the job"),
                        ));
                    }
                },
                signal = interrupts.next() => {
                    let signal = signal.unwrap_or("end of signals");
                    if cancel_cause != CancelCause::NotCancelled {
                        progress.clear_live();
                        return FollowOutcome::Detached(detached_during_cancel(&job_id, &cancel_cause));
                    }
                    progress.print_note(&format!(
                        "{signal}: cancelling job {job_id}; a second signal exits without waiting"
                    ));
                    cancel_cause = CancelCause::Signal;
                    let reason = format!("cancelled by {signal} at submit-job");
                    cancel = Some(cancel_job(&api, &job_id, reason));
                }
                () = sleep_until(alarm), if alarm.is_some() => {
                    if cancel_cause == CancelCause::TimeLimit {
                        progress.clear_live();
                        return FollowOutcome::Detached(detached_during_cancel(&job_id, &cancel_cause));
                    }
                    alarm = None;
                    if cancel_cause == CancelCause::NotCancelled {
                        progress.print_note(&format!("time limit reached: cancelling job {job_id}"));
                        cancel_cause = CancelCause::TimeLimit;
                        alarm = Some(Instant::now() + limits.cancel_grace);
                        cancel = Some(cancel_job(&api, &job_id, "time limit reached".to_owned()));
                    }
                }
                answer = cancel_done(&mut cancel), if cancel.is_some() => {
                    cancel = None;
                    if let Err(error) = answer {
                        progress.print_note(&format!("the job could not be cancelled: {}", error.message));
                    }
                }
                _ = ticks.tick(), if progress.is_live() => progress.redraw_live(),
            }
        }
    }
}

/// Requests the end of a job.
pub(crate) fn cancel_job(api: &Arc<JobClient>, id: &str, reason: String) -> CancelFuture {
    let api = Arc::clone(api);
    let request = CancelJobRequest {
        id: id.to_owned(),
        reason,
    };
    async move { api.cancel_job(request).await }.boxed()
}

async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm).await,
        None => std::future::pending().await,
    }
}

async fn cancel_done(cancel: &mut Option<CancelFuture>) -> Result<Job, JobError> {
    match cancel {
        Some(cancel) => cancel.await,
        None => std::future::pending().await,
    }
}

/// Changes the state of a job that the client killed at its time limit from
/// killed to timed out: the scheduler does not know the cause of the cancel.
fn with_timeout_state(mut job: Job, cancel_cause: &CancelCause) -> Job {
    if *cancel_cause == CancelCause::TimeLimit && job.state() == JobState::Killed {
        job.set_state(JobState::TimedOut);
        job.reason = Some(JobError::new(
            ErrorKind::TimedOut,
            "the job ran longer than its time limit and was ended",
        ));
    }
    job
}

fn detached_during_cancel(job_id: &str, cancel_cause: &CancelCause) -> JobError {
    let (kind, what) = match cancel_cause {
        CancelCause::TimeLimit => (ErrorKind::TimedOut, "reached its time limit"),
        _ => (ErrorKind::Killed, "was being cancelled"),
    };
    JobError::new(kind, format!("stopped waiting while job {job_id} {what}")).with_next_step(
        format!("it may still be ending; check with --status {job_id}"),
    )
}
