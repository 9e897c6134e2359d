//! Sends the events of a plan: the bulk load, then live events. Then waits for
//! the acknowledgements.

use std::time::{Duration, Instant};

use chrono::Utc;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use sluice_sample_events::Event;
use sluice_service::signals::Stop;

use crate::client::{Context, Producer, is_hopeless};
use crate::pace::Pace;
use crate::plan::Plan;
use crate::progress::{Progress, State};
use crate::source::Source;
use crate::tally::{Answered, Sent};

/// The longest time between two checks of progress, signals and client errors.
const TICK: Duration = Duration::from_millis(100);
/// Within a bulk load, progress is checked once for this many events.
const LOOK_EVERY: u64 = 64;
/// Errors of the client are reported this often at most.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Sends the events of a plan.
pub(crate) struct Sender<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) producer: &'a Producer,
    pub(crate) context: &'a Context,
    pub(crate) stop: &'a Stop,
    pub(crate) progress: &'a mut Progress,
    /// How long to wait for acknowledgements after a request to stop.
    pub(crate) grace: Duration,
    pub(crate) sent: Sent,
    /// When an error of the client was last reported.
    pub(crate) complained: Option<Instant>,
}

/// What was sent, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) sent: Sent,
    pub(crate) answered: Answered,
    /// From the first event to the last acknowledgement or failure.
    pub(crate) took: Duration,
    /// Whether a signal asked to stop before everything was sent.
    pub(crate) stopped: bool,
    /// The client's fatal error, after which it sends nothing more.
    pub(crate) fatal: Option<String>,
}

/// Whether to send more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    More,
    End,
}

impl Sender<'_> {
    /// Sends everything and returns when every event is acknowledged or failed,
    /// or when waiting longer is pointless.
    pub(crate) async fn run(mut self) -> Sending {
        let begun = Instant::now();
        let mut source = Source::new(self.plan);
        let mut next = Next::More;
        if let Some(bulk) = &self.plan.bulk {
            let mut pace = Pace::new(bulk.step);
            for _ in 0..bulk.count {
                if self.wait(&pace).await == Next::End {
                    next = Next::End;
                    break;
                }
                if self.send(&source.next()).await == Next::End {
                    next = Next::End;
                    break;
                }
                pace.sent(Instant::now());
            }
        }
        if let (Next::More, Some(live)) = (next, &self.plan.live) {
            let mut pace = Pace::new(live.step);
            let mut left = live.count;
            while left != Some(0) {
                if self.wait(&pace).await == Next::End
                    || self.send(&source.next_at(Utc::now())).await == Next::End
                {
                    break;
                }
                pace.sent(Instant::now());
                left = left.map(|left| left - 1);
            }
        }
        // A signal that arrives later does not count: everything is sent.
        let stopped = self.stop.drain.is_cancelled();
        self.settle(stopped);
        Sending {
            sent: self.sent,
            answered: self.context.answered(),
            took: begun.elapsed(),
            stopped,
            fatal: self
                .producer
                .client()
                .fatal_error()
                .map(|(_, reason)| reason),
        }
    }

    /// Waits until the next event is due.
    async fn wait(&mut self, pace: &Pace) -> Next {
        loop {
            if self.is_over() {
                return Next::End;
            }
            let wait = pace.wait(Instant::now());
            if wait.is_zero() {
                return Next::More;
            }
            tokio::select! {
                () = tokio::time::sleep(wait.min(TICK)) => self.look(),
                () = self.stop.drain.cancelled() => {}
            }
        }
    }

    /// Puts one event into the client's queue and waits while the queue is full.
    /// An event that did not enter the queue is not counted.
    async fn send(&mut self, event: &Event) -> Next {
        loop {
            let record = BaseRecord::to(&self.plan.topic)
                .key(event.key.as_bytes())
                .payload(event.value.as_slice());
            // The record's timestamp is the time of sending. With the event's
            // time, a broker that retains records for a week would delete most
            // of a bulk load on arrival.
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.context.answer(TICK).await;
                    self.look();
                    if self.is_over() {
                        return Next::End;
                    }
                }
                Err((error, _)) => {
                    let code = error.rdkafka_error_code();
                    self.context.fail(code.unwrap_or(RDKafkaErrorCode::Unknown));
                    break;
                }
            }
        }
        self.sent.add(event);
        if self.sent.events.is_multiple_of(LOOK_EVERY) && self.progress.is_due(Instant::now()) {
            self.look();
        }
        Next::More
    }

    /// Waits for the outstanding acknowledgements, until the message timeout at
    /// the latest. After a signal it waits for the grace period at most, and a
    /// second signal ends it.
    fn settle(&mut self, stopped: bool) {
        let mut deadline = stopped.then(|| Instant::now() + self.grace);
        if stopped && self.waiting() > 0 {
            let waiting = sluice_service::format::count(self.waiting(), "event");
            self.progress.note(&format!(
                "stopping: waiting for acknowledgements of {waiting}; interrupt again to exit at once"
            ));
        }
        while self.waiting() > 0 && !self.stop.now.is_cancelled() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return;
            }
            // A flush sends batches that are not full yet.
            let _ = self.producer.flush(TICK);
            self.look();
            if deadline.is_none() && self.stop.drain.is_cancelled() {
                deadline = Some(Instant::now() + self.grace);
            }
        }
    }

    /// Whether sending must end: after a signal, or when every further event
    /// would fail.
    fn is_over(&self) -> bool {
        self.stop.drain.is_cancelled()
            || self
                .context
                .read(|answered| answered.failed.iter().any(|(code, _)| is_hopeless(*code)))
    }

    fn waiting(&self) -> u64 {
        let answered = self.context.read(Answered::total);
        self.sent.events.saturating_sub(answered)
    }

    /// Shows progress and reports errors of the client.
    fn look(&mut self) {
        let now = Instant::now();
        let (acknowledged, failed) = self
            .context
            .read(|answered| (answered.acknowledged, answered.failures()));
        let state = State {
            acknowledged,
            failed,
            waiting: self.waiting(),
            total: self.plan.total(),
        };
        self.progress.show(state, now);
        let quiet = self
            .complained
            .is_some_and(|at| now.saturating_duration_since(at) < COMPLAIN_EVERY);
        // Without events in flight, a lost connection does no harm.
        if !quiet
            && state.waiting > 0
            && let Some(trouble) = self.context.take_trouble()
        {
            self.complained = Some(now);
            self.progress
                .note(&format!("kafka: {}; retrying", trouble.reason));
        }
    }
}
