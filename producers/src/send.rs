//! Sends the events of a plan: the bulk load, then live events. Then waits for
//! the acknowledgements.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use chrono::Utc;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use sluice_sample_events::Event;
use sluice_service::format::format_count;
use sluice_service::signals::StopSignal;

use crate::client::{DeliveryContext, Producer};
use crate::counts::{DeliveryCounts, SentCounts};
use crate::error_code::fails_every_event;
use crate::outcome::SendResult;
use crate::pace::Pace;
use crate::plan::ProducePlan;
use crate::progress::{ProgressDisplay, ProgressState};
use crate::source::EventSource;

/// The longest time between two checks of progress, signals and client errors.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Within a bulk load, progress is checked once for this many events.
const EVENTS_PER_PROGRESS_CHECK: u64 = 64;
/// Errors of the client are reported this often at most.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// Sends the events of a plan.
pub(crate) struct EventSender<'a> {
    pub(crate) plan: &'a ProducePlan,
    pub(crate) producer: &'a Producer,
    pub(crate) context: &'a DeliveryContext,
    pub(crate) stop: &'a StopSignal,
    pub(crate) progress: &'a mut ProgressDisplay,
    /// How long to wait for acknowledgements after a request to stop.
    pub(crate) shutdown_grace: Duration,
    pub(crate) sent: SentCounts,
    /// When an error of the client was last reported.
    pub(crate) last_warned: Option<Instant>,
}

impl EventSender<'_> {
    /// Sends everything and returns when every event is acknowledged or failed,
    /// or when waiting longer is pointless.
    pub(crate) async fn send_all(mut self) -> SendResult {
        let started_at = Instant::now();
        // A break means that the rest is not sent, which the counts show.
        let _ = self.send_phases().await;
        // A signal that arrives later does not count: everything is sent.
        let stopped = self.stop.drain.is_cancelled();
        self.await_acks(stopped);
        let fatal = self.producer.client().fatal_error();
        SendResult {
            sent: self.sent,
            deliveries: self.context.deliveries(),
            elapsed: started_at.elapsed(),
            stopped,
            fatal: fatal.map(|(_, reason)| reason),
        }
    }

    async fn send_phases(&mut self) -> ControlFlow<()> {
        let plan = self.plan;
        let mut source = EventSource::new(plan);
        if let Some(bulk) = &plan.bulk {
            let mut pace = Pace::new(bulk.interval);
            for _ in 0..bulk.count {
                self.wait_until_due(&pace).await?;
                self.send_event(&source.next_event()).await?;
                pace.record_sent(Instant::now());
            }
        }
        if let Some(live) = &plan.live {
            let mut pace = Pace::new(live.interval);
            let mut remaining = live.count;
            while remaining != Some(0) {
                self.wait_until_due(&pace).await?;
                self.send_event(&source.next_event_at(Utc::now())).await?;
                pace.record_sent(Instant::now());
                remaining = remaining.map(|left| left - 1);
            }
        }
        ControlFlow::Continue(())
    }

    /// Waits until the next event is due. A break means that no more must be sent.
    async fn wait_until_due(&mut self, pace: &Pace) -> ControlFlow<()> {
        loop {
            if self.must_end() {
                return ControlFlow::Break(());
            }
            let wait = pace.time_until_due(Instant::now());
            if wait.is_zero() {
                return ControlFlow::Continue(());
            }
            tokio::select! {
                () = tokio::time::sleep(wait.min(POLL_INTERVAL)) => self.report_progress(),
                () = self.stop.drain.cancelled() => {}
            }
        }
    }

    /// Puts one event into the client's queue and waits while the queue is full.
    /// An event that did not enter the queue is not counted.
    async fn send_event(&mut self, event: &Event) -> ControlFlow<()> {
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
                    self.context.wait_for_delivery(POLL_INTERVAL).await;
                    self.report_progress();
                    if self.must_end() {
                        return ControlFlow::Break(());
                    }
                }
                Err((error, _)) => {
                    let code = error.rdkafka_error_code();
                    self.context
                        .record_failure(code.unwrap_or(RDKafkaErrorCode::Unknown));
                    break;
                }
            }
        }
        self.sent.count_event(event);
        if self.sent.events.is_multiple_of(EVENTS_PER_PROGRESS_CHECK)
            && self.progress.is_due(Instant::now())
        {
            self.report_progress();
        }
        ControlFlow::Continue(())
    }

    /// Waits for the outstanding acknowledgements, until the message timeout at
    /// the latest. After a signal it waits for the grace period at most, and a
    /// second signal ends it.
    fn await_acks(&mut self, stopped: bool) {
        let mut deadline = stopped.then(|| Instant::now() + self.shutdown_grace);
        if stopped && self.in_flight() > 0 {
            let waiting = format_count(self.in_flight(), "event");
            self.progress.print_note(&format!(
                "stopping: waiting for acknowledgements of {waiting}; interrupt again to exit at once"
            ));
        }
        while self.in_flight() > 0 && !self.stop.now.is_cancelled() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return;
            }
            // A flush sends batches that are not full yet.
            let _ = self.producer.flush(POLL_INTERVAL);
            self.report_progress();
            if deadline.is_none() && self.stop.drain.is_cancelled() {
                deadline = Some(Instant::now() + self.shutdown_grace);
            }
        }
    }

    /// Whether sending must end: after a signal, or when every further event
    /// would fail.
    fn must_end(&self) -> bool {
        self.stop.drain.is_cancelled()
            || self.context.read_deliveries(|answered| {
                answered
                    .failed
                    .iter()
                    .any(|(code, _)| fails_every_event(*code))
            })
    }

    fn in_flight(&self) -> u64 {
        let answered = self
            .context
            .read_deliveries(DeliveryCounts::answered_events);
        self.sent.events.saturating_sub(answered)
    }

    /// Shows progress and reports errors of the client.
    fn report_progress(&mut self) {
        let now = Instant::now();
        let (acknowledged, failed) = self
            .context
            .read_deliveries(|answered| (answered.acknowledged, answered.failed_events()));
        let state = ProgressState {
            acknowledged,
            failed,
            in_flight: self.in_flight(),
            total: self.plan.total_events(),
        };
        self.progress.show_state(state, now);
        let warned_recently = self
            .last_warned
            .is_some_and(|at| now.saturating_duration_since(at) < WARN_INTERVAL);
        // Without events in flight, a lost connection does no harm.
        if !warned_recently
            && state.in_flight > 0
            && let Some(trouble) = self.context.take_last_error()
        {
            self.last_warned = Some(now);
            self.progress
                .print_note(&format!("kafka: {}; retrying", trouble.reason));
        }
    }
}
