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

use crate::api::JobApi;
use crate::events::{Patience, Seen, events};
use crate::progress::Progress;

/// How often the clock of a live display is redrawn.
const TICK: Duration = Duration::from_millis(200);

/// Names of received signals that request the end of submit-job.
pub(crate) type Interrupts = Pin<Box<dyn Stream<Item = &'static str> + Send>>;

/// Time limits; constant except in tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) patience: Patience,
    /// How long the scheduler may take to cancel a job that reached its time limit,
    /// before the client does.
    pub(crate) timeout_grace: Duration,
    /// How long the client waits for the end of the job after its own cancel at the
    /// time limit.
    pub(crate) timeout_end: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Patience::default(),
            timeout_grace: Duration::from_secs(2),
            timeout_end: Duration::from_secs(10),
        }
    }
}

/// How following a job ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The job ended.
    Ended(Box<Job>),
    /// The client stopped following; the job has not ended, or its end is unknown.
    Left(JobError),
}

/// Follows one job.
pub(crate) struct Follow<'a> {
    pub(crate) api: Arc<dyn JobApi>,
    pub(crate) job_id: String,
    /// When the job reaches its time limit.
    pub(crate) deadline: Option<Instant>,
    pub(crate) limits: Limits,
    pub(crate) progress: &'a mut Progress,
    pub(crate) interrupts: &'a mut Interrupts,
}

type Cancel = Pin<Box<dyn Future<Output = Result<Job, JobError>> + Send>>;

#[derive(PartialEq, Eq)]
enum Ending {
    No,
    /// A signal.
    Killing,
    /// The time limit.
    TimingOut,
}

impl Follow<'_> {
    /// Returns when the job has ended, or when there is a reason to stop waiting.
    pub(crate) async fn run(self) -> Outcome {
        let Self {
            api,
            job_id,
            deadline,
            limits,
            progress,
            interrupts,
        } = self;
        let mut events = pin!(events(Arc::clone(&api), job_id.clone(), limits.patience));
        let mut ending = Ending::No;
        let mut cancel: Option<Cancel> = None;
        let mut alarm = deadline.map(|deadline| deadline + limits.timeout_grace);
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                seen = events.next() => match seen {
                    Some(Ok(Seen::Event(event))) => {
                        progress.event(&event);
                        if let Some(Event::Finished(finished)) = event.event {
                            progress.clear();
                            let job = finished.job.unwrap_or_default();
                            return Outcome::Ended(Box::new(named(job, &ending)));
                        }
                    }
                    Some(Ok(Seen::Lost(error))) => {
                        progress.note(&format!("{}; retrying", error.message));
                    }
                    Some(Ok(Seen::Back)) => progress.note("the scheduler is back"),
                    Some(Err(error)) => {
                        progress.clear();
                        return Outcome::Left(error);
                    }
                    None => {
                        progress.clear();
                        return Outcome::Left(JobError::new(
                            ErrorKind::Internal,
                            format!("the events of job {job_id} ended before the job"),
                        ));
                    }
                },
                signal = interrupts.next() => {
                    let signal = signal.unwrap_or("end of signals");
                    if ending != Ending::No {
                        progress.clear();
                        return Outcome::Left(left_while_ending(&job_id, &ending));
                    }
                    progress.note(&format!(
                        "{signal}: cancelling job {job_id}; a second signal exits without waiting"
                    ));
                    ending = Ending::Killing;
                    let reason = format!("cancelled by {signal} at submit-job");
                    cancel = Some(cancelling(&api, &job_id, reason));
                }
                () = sleep_until(alarm), if alarm.is_some() => {
                    if ending == Ending::TimingOut {
                        progress.clear();
                        return Outcome::Left(left_while_ending(&job_id, &ending));
                    }
                    alarm = None;
                    if ending == Ending::No {
                        progress.note(&format!("time limit reached: cancelling job {job_id}"));
                        ending = Ending::TimingOut;
                        alarm = Some(Instant::now() + limits.timeout_end);
                        cancel = Some(cancelling(&api, &job_id, "time limit reached".to_owned()));
                    }
                }
                answer = done(&mut cancel), if cancel.is_some() => {
                    cancel = None;
                    if let Err(error) = answer {
                        progress.note(&format!("the job could not be cancelled: {}", error.message));
                    }
                }
                _ = ticks.tick(), if progress.is_live() => progress.tick(),
            }
        }
    }
}

/// Requests the end of a job.
pub(crate) fn cancelling(api: &Arc<dyn JobApi>, id: &str, reason: String) -> Cancel {
    let api = Arc::clone(api);
    let request = CancelJobRequest {
        id: id.to_owned(),
        reason,
    };
    async move { api.cancel(request).await }.boxed()
}

async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm).await,
        None => std::future::pending().await,
    }
}

async fn done(cancel: &mut Option<Cancel>) -> Result<Job, JobError> {
    match cancel {
        Some(cancel) => cancel.await,
        None => std::future::pending().await,
    }
}

/// Changes the state of a job that the client killed at its time limit from
/// killed to timed out: the scheduler does not know the cause of the cancel.
fn named(mut job: Job, ending: &Ending) -> Job {
    if *ending == Ending::TimingOut && job.state() == JobState::Killed {
        job.set_state(JobState::TimedOut);
        job.reason = Some(JobError::new(
            ErrorKind::TimedOut,
            "the job ran longer than its time limit and was ended",
        ));
    }
    job
}

fn left_while_ending(job_id: &str, ending: &Ending) -> JobError {
    let (kind, what) = match ending {
        Ending::TimingOut => (ErrorKind::TimedOut, "reached its time limit"),
        _ => (ErrorKind::Killed, "was being cancelled"),
    };
    JobError::new(kind, format!("stopped waiting while job {job_id} {what}"))
        .with_next_step(format!("it may still be ending; check with --status {job_id}"))
}
