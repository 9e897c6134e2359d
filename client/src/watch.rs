//! A job's events as one stream across connection losses: a broken stream is
//! reopened after the last received sequence, with retries for a limited time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures::{Stream, StreamExt, stream};
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{ErrorKind, JobError, JobEvent, WatchJobRequest};
use tokio::time::Instant;

use crate::job_client::{JobClient, ResponseStream};

/// How long and how often the connection to a lost scheduler is retried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// From the moment of the loss.
    pub(crate) give_up_after: Duration,
    /// The pauses before the retries; they do not end.
    pub(crate) pauses: ExponentialBuilder,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            give_up_after: Duration::from_secs(30),
            pauses: ExponentialBuilder::new()
                .with_min_delay(Duration::from_millis(50))
                .with_max_delay(Duration::from_secs(1))
                .without_max_times(),
        }
    }
}

/// An item of the stream.
#[derive(Debug)]
pub(crate) enum WatchEvent {
    Event(Box<JobEvent>),
    /// The connection is lost and is being retried; once per loss.
    ConnectionLost(JobError),
    /// The connection is restored.
    Reconnected,
}

struct JobWatch {
    api: Arc<JobClient>,
    id: String,
    last_sequence: u64,
    retry_policy: RetryPolicy,
    state: WatchState,
}

enum WatchState {
    /// Opens a stream without a pause.
    Connecting,
    Open(ResponseStream<JobEvent>),
    Lost {
        since: Instant,
        pauses: ExponentialBackoff,
    },
    Ended,
}

/// The events of job `id` up to and including its end. An error ends the stream.
pub(crate) fn watch_events(
    api: Arc<JobClient>,
    id: String,
    retry_policy: RetryPolicy,
) -> impl Stream<Item = Result<WatchEvent, JobError>> + Send {
    let watch = JobWatch {
        api,
        id,
        last_sequence: 0,
        retry_policy,
        state: WatchState::Connecting,
    };
    stream::unfold(watch, |mut watch| async move {
        let next = watch.next_event().await?;
        Some((next, watch))
    })
}

impl JobWatch {
    async fn next_event(&mut self) -> Option<Result<WatchEvent, JobError>> {
        loop {
            match std::mem::replace(&mut self.state, WatchState::Ended) {
                WatchState::Ended => return None,
                WatchState::Connecting => match self.open_stream().await {
                    Ok(stream) => self.state = WatchState::Open(stream),
                    Err(error) if error.kind() == ErrorKind::Unavailable => {
                        return Some(Ok(self.mark_lost(error)));
                    }
                    Err(error) => return Some(Err(error)),
                },
                WatchState::Open(mut stream) => match stream.next().await {
                    Some(Ok(event)) => {
                        self.last_sequence = self.last_sequence.max(event.sequence);
                        if !matches!(event.event, Some(Event::Finished(_))) {
                            self.state = WatchState::Open(stream);
                        }
                        return Some(Ok(WatchEvent::Event(Box::new(event))));
                    }
                    Some(Err(error)) if error.kind() != ErrorKind::Unavailable => {
                        return Some(Err(error));
                    }
                    Some(Err(error)) => return Some(Ok(self.mark_lost(error))),
                    None => {
                        let error = JobError::new(
                            ErrorKind::Unavailable,
                            "the scheduler closed the stream",
                        );
                        return Some(Ok(self.mark_lost(error)));
                    }
                },
                WatchState::Lost { since, mut pauses } => {
                    tokio::time::sleep(pauses.next().unwrap_or_default()).await;
                    match self.open_stream().await {
                        Ok(stream) => {
                            self.state = WatchState::Open(stream);
                            return Some(Ok(WatchEvent::Reconnected));
                        }
                        Err(error) if error.kind() == ErrorKind::NotFound => {
                            return Some(Err(self.unknown_job_error()));
                        }
                        Err(error) if error.kind() != ErrorKind::Unavailable => {
                            return Some(Err(error));
                        }
                        Err(error) if since.elapsed() >= self.retry_policy.give_up_after => {
                            return Some(Err(self.gave_up_error(error)));
                        }
                        Err(_) => self.state = WatchState::Lost { since, pauses },
                    }
                }
            }
        }
    }

    fn mark_lost(&mut self, error: JobError) -> WatchEvent {
        self.state = WatchState::Lost {
            since: Instant::now(),
            pauses: self.retry_policy.pauses.build(),
        };
        WatchEvent::ConnectionLost(error)
    }

    /// The future does not borrow `self`, because the stream in it is not `Sync`.
    fn open_stream(
        &self,
    ) -> impl Future<Output = Result<ResponseStream<JobEvent>, JobError>> + Send + use<> {
        let api = Arc::clone(&self.api);
        let request = WatchJobRequest {
            id: self.id.clone(),
            after_sequence: self.last_sequence,
        };
        async move { api.watch_job(request).await }
    }

    fn unknown_job_error(&self) -> JobError {
        JobError::new(
            ErrorKind::Interrupted,
            format!(
                "the scheduler stopped while job {} was running and no longer knows it",
                self.id
            ),
        )
        .with_next_step("submit the job again")
    }

    fn gave_up_error(&self, error: JobError) -> JobError {
        JobError::new(
            ErrorKind::Unavailable,
            format!(
                "the scheduler was lost {} seconds ago: {}",
                self.retry_policy.give_up_after.as_secs(),
                error.message
            ),
        )
        .with_next_step(format!(
            "job {id} may still be running; check with --status {id} once the scheduler is back",
            id = self.id
        ))
    }
}
