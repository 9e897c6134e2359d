//! A job's events as one stream across connection losses: a broken stream is
//! reopened after the last received sequence, with retries for a limited time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{ErrorKind, JobError, JobEvent, WatchJobRequest};
use tokio::time::Instant;

use crate::api::{Answers, JobApi};

/// How long and how often the connection to a lost scheduler is retried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From the moment of the loss.
    pub(crate) total: Duration,
    /// The pause before the first retry; it doubles with every retry.
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(30),
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(1),
        }
    }
}

/// An item of the stream.
#[derive(Debug)]
pub(crate) enum Seen {
    Event(Box<JobEvent>),
    /// The connection is lost and is being retried; once per loss.
    Lost(JobError),
    /// The connection is restored.
    Back,
}

struct Watch {
    api: Arc<dyn JobApi>,
    id: String,
    after: u64,
    patience: Patience,
    state: State,
}

enum State {
    /// Opens a stream without a pause.
    Fresh,
    Open(Answers<JobEvent>),
    Lost {
        since: Instant,
        pause: Duration,
    },
    Ended,
}

/// The events of job `id` up to and including its end. An error ends the stream.
pub(crate) fn events(
    api: Arc<dyn JobApi>,
    id: String,
    patience: Patience,
) -> impl Stream<Item = Result<Seen, JobError>> + Send {
    let watch = Watch {
        api,
        id,
        after: 0,
        patience,
        state: State::Fresh,
    };
    stream::unfold(watch, |mut watch| async move {
        let next = watch.next().await?;
        Some((next, watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Seen, JobError>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return None,
                State::Fresh => match self.open().await {
                    Ok(stream) => self.state = State::Open(stream),
                    Err(error) if error.kind() == ErrorKind::Unavailable => {
                        return Some(Ok(self.lose(error)));
                    }
                    Err(error) => return Some(Err(error)),
                },
                State::Open(mut stream) => match stream.next().await {
                    Some(Ok(event)) => {
                        self.after = self.after.max(event.sequence);
                        if !matches!(event.event, Some(Event::Finished(_))) {
                            self.state = State::Open(stream);
                        }
                        return Some(Ok(Seen::Event(Box::new(event))));
                    }
                    Some(Err(error)) if error.kind() != ErrorKind::Unavailable => {
                        return Some(Err(error));
                    }
                    Some(Err(error)) => return Some(Ok(self.lose(error))),
                    None => {
                        let error = JobError::new(
                            ErrorKind::Unavailable,
                            "the scheduler closed the stream",
                        );
                        return Some(Ok(self.lose(error)));
                    }
                },
                State::Lost { since, pause } => {
                    tokio::time::sleep(pause).await;
                    match self.open().await {
                        Ok(stream) => {
                            self.state = State::Open(stream);
                            return Some(Ok(Seen::Back));
                        }
                        Err(error) if error.kind() == ErrorKind::NotFound => {
                            return Some(Err(self.forgotten()));
                        }
                        Err(error) if error.kind() != ErrorKind::Unavailable => {
                            return Some(Err(error));
                        }
                        Err(error) if since.elapsed() >= self.patience.total => {
                            return Some(Err(self.given_up(error)));
                        }
                        Err(_) => {
                            let pause = (pause * 2).min(self.patience.longest_pause);
                            self.state = State::Lost { since, pause };
                        }
                    }
                }
            }
        }
    }

    fn lose(&mut self, error: JobError) -> Seen {
        self.state = State::Lost {
            since: Instant::now(),
            pause: self.patience.first_pause,
        };
        Seen::Lost(error)
    }

    /// The future does not borrow `self`, because the stream in it is not `Sync`.
    fn open(&self) -> impl Future<Output = Result<Answers<JobEvent>, JobError>> + Send + use<> {
        let api = Arc::clone(&self.api);
        let request = WatchJobRequest {
            id: self.id.clone(),
            after_sequence: self.after,
        };
        async move { api.watch(request).await }
    }

    fn forgotten(&self) -> JobError {
        JobError::new(
            ErrorKind::Interrupted,
            format!(
                "the scheduler stopped while job {} was running and no longer knows it",
                self.id
            ),
        )
        .with_next_step("submit the job again")
    }

    fn given_up(&self, error: JobError) -> JobError {
        JobError::new(
            ErrorKind::Unavailable,
            format!(
                "the scheduler was lost {} seconds ago: {}",
                self.patience.total.as_secs(),
                error.message
            ),
        )
        .with_next_step(format!(
            "job {id} may still be running; check with --status {id} once the scheduler is back",
            id = self.id
        ))
    }
}
