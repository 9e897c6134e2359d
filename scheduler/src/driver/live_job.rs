//! A job that this process runs or ran: its record, its state, its events.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use chrono::Utc;
use parking_lot::Mutex;
use sluice_proto::v1::{
    self, Job, JobError, JobEvent, JobState, LogLevel, LogLine, Progress, job_event::Event,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::job_details::JobDetails;
use super::job_log::JobLogs;
use super::job_trace::JobTrace;

/// How many events are kept for watchers that start late or reconnect.
const MAX_EVENTS: usize = 4_096;
/// How much of a job file's text is kept.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// A job with what clients can watch and request. It stays live for some time
/// after its end, so that watchers can reconnect.
#[derive(Debug)]
pub struct LiveJob {
    job_id: Arc<str>,
    inner: Mutex<LiveJobState>,
    logs: Option<JobLogs>,
    details: Mutex<Arc<JobDetails>>,
    /// The text of the job file, if it is known.
    text: OnceLock<Arc<str>>,
    trace: JobTrace,
    /// The sequence of the newest event.
    newest_sequence: watch::Sender<u64>,
    /// Fires when the job should end: a cancel, a timeout or a shutdown.
    cancel: CancellationToken,
}

#[derive(Debug)]
struct LiveJobState {
    job: Job,
    events: VecDeque<JobEvent>,
    sequence: u64,
    /// Why the job was asked to end, if it was.
    stop_reason: Option<JobError>,
}

impl LiveJob {
    /// A job that was just accepted.
    pub(crate) fn new(mut job: Job, logs: Option<JobLogs>, trace: JobTrace) -> Arc<Self> {
        job.trace_id = trace.trace_id();
        let live = Self::from_record(job, logs, 0, trace);
        live.push_event(Event::StateChange(v1::StateChange {
            state: JobState::Accepted.into(),
            reason: None,
        }));
        Arc::new(live)
    }

    /// A job that an earlier process ran, in the state of its record. Its events
    /// are counted from the current time in milliseconds, which is above all
    /// that the earlier process sent: a watcher that comes back misses none.
    pub(crate) fn resume(job: Job, logs: Option<JobLogs>) -> Arc<Self> {
        let sequence = u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default();
        // The process that has ended could not end its span, so nothing is below it.
        let live = Self::from_record(job, logs, sequence, JobTrace::none());
        live.push_event(Event::StateChange(v1::StateChange {
            state: live.state().into(),
            reason: None,
        }));
        Arc::new(live)
    }

    fn from_record(job: Job, logs: Option<JobLogs>, sequence: u64, trace: JobTrace) -> Self {
        Self {
            job_id: job.job_id.as_str().into(),
            inner: Mutex::new(LiveJobState {
                job,
                events: VecDeque::new(),
                sequence,
                stop_reason: None,
            }),
            logs,
            details: Mutex::default(),
            text: OnceLock::new(),
            trace,
            newest_sequence: watch::Sender::new(sequence),
            cancel: CancellationToken::new(),
        }
    }

    /// The job's span.
    pub(crate) const fn trace(&self) -> &JobTrace {
        &self.trace
    }

    pub fn job_id(&self) -> String {
        self.job_id.to_string()
    }

    /// The record as it is now.
    pub fn record(&self) -> Job {
        self.inner.lock().job.clone()
    }

    pub fn state(&self) -> JobState {
        self.inner.lock().job.state()
    }

    pub fn has_ended(&self) -> bool {
        self.inner.lock().job.state().is_final()
    }

    /// Whether its last event was sent: nothing about it changes any longer.
    pub fn is_finished(&self) -> bool {
        let inner = self.inner.lock();
        let last = inner.events.back();
        last.is_some_and(|last| matches!(last.event, Some(Event::Finished(_))))
    }

    /// Fires when the job should end.
    pub fn cancel_token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Asks the job to end; the first reason is kept.
    pub fn request_stop(&self, reason: JobError) {
        {
            let mut inner = self.inner.lock();
            if inner.job.state().is_final() {
                return;
            }
            inner.stop_reason.get_or_insert(reason);
        }
        self.cancel.cancel();
    }

    /// Why the job was asked to end, if it was.
    pub fn stop_reason(&self) -> Option<JobError> {
        self.inner.lock().stop_reason.clone()
    }

    /// Changes the record without sending an event.
    pub fn update_record(&self, change: impl FnOnce(&mut Job)) {
        change(&mut self.inner.lock().job);
    }

    /// Moves the job to another state and gives the record. A transition that
    /// the state machine does not allow is logged, and the record stays as it
    /// is.
    pub fn advance_state(&self, state: JobState, reason: Option<JobError>) -> Job {
        let next = self.record_in_state(state, reason);
        self.enter_record(next)
    }

    /// The record as it will be in another state; see [`LiveJob::advance_state`].
    pub(crate) fn record_in_state(&self, state: JobState, reason: Option<JobError>) -> Job {
        let mut job = self.record();
        let from = job.state();
        if !can_transition(from, state) {
            warn!(job_id = job.job_id, ?from, to = ?state, "not a valid change of state");
            return job;
        }
        let now = Utc::now().timestamp_millis();
        job.set_state(state);
        job.reason = reason;
        if state == JobState::Running {
            job.started_ms = now;
        }
        if state.is_final() {
            job.ended_ms = now;
        }
        job
    }

    /// Makes `job` the record, and notifies watchers when its state is another.
    fn enter_record(&self, job: Job) -> Job {
        let (state, reason) = (job.state(), job.reason.clone());
        let before = {
            let mut inner = self.inner.lock();
            std::mem::replace(&mut inner.job, job.clone())
        };
        if before.state() != state {
            self.push_event(Event::StateChange(v1::StateChange {
                state: state.into(),
                reason,
            }));
        }
        job
    }

    /// Notifies watchers that the job has ended with this record; called once,
    /// after the record was written to disk.
    pub(crate) fn publish_end(&self, job: Job) {
        let job = self.enter_record(job);
        self.write_log(
            LogLevel::Info,
            "driver",
            format!("ended as {}", job.state().name()),
        );
        self.push_event(Event::Finished(v1::Finished { job: Some(job) }));
    }

    pub(super) fn set_details(&self, details: JobDetails) {
        *self.details.lock() = Arc::new(details);
    }

    /// What its steps have done so far.
    pub fn details(&self) -> Arc<JobDetails> {
        Arc::clone(&self.details.lock())
    }

    /// Keeps the text of the job file, for people who look at the job.
    pub(crate) fn set_text(&self, text: &str) {
        let end = text.floor_char_boundary(MAX_TEXT_BYTES);
        let _ = self.text.set(text[..end].into());
    }

    /// The text of the job file, cut off where it is long.
    pub fn text(&self) -> Option<Arc<str>> {
        self.text.get().cloned()
    }

    /// Publishes the progress of the job.
    pub fn publish_progress(&self, progress: Progress) {
        self.inner.lock().job.progress = Some(progress.clone());
        self.push_event(Event::Progress(progress));
    }

    /// Adds a line to the job's log.
    pub fn write_log(&self, level: LogLevel, target: &str, message: impl Into<String>) {
        let line = LogLine {
            at_ms: Utc::now().timestamp_millis(),
            level: level.into(),
            target: target.to_owned(),
            message: message.into(),
        };
        if let Some(logs) = &self.logs {
            logs.append_line(&self.job_id, line.clone());
        }
        self.push_event(Event::Log(line));
    }

    /// Events after `sequence`, oldest first.
    pub fn events_after(&self, sequence: u64) -> Vec<JobEvent> {
        let inner = self.inner.lock();
        inner
            .events
            .iter()
            .filter(|event| event.sequence > sequence)
            .cloned()
            .collect()
    }

    /// A receiver that changes with every new event.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest_sequence.subscribe()
    }

    fn push_event(&self, event: Event) {
        let sequence = {
            let mut inner = self.inner.lock();
            inner.sequence += 1;
            let sequence = inner.sequence;
            // Of several consecutive progress reports only the last one matters.
            let replaces_last = matches!(event, Event::Progress(_))
                && inner
                    .events
                    .back()
                    .is_some_and(|last| matches!(last.event, Some(Event::Progress(_))));
            if replaces_last || inner.events.len() >= MAX_EVENTS {
                if replaces_last {
                    inner.events.pop_back()
                } else {
                    inner.events.pop_front()
                };
            }
            let event = JobEvent {
                sequence,
                at_ms: Utc::now().timestamp_millis(),
                event: Some(event),
            };
            inner.events.push_back(event);
            sequence
        };
        self.newest_sequence.send_replace(sequence);
    }
}

/// Whether a job may change from one state to another.
///
/// ```text
/// ACCEPTED → PLANNED → RUNNING → COMMITTING → SUCCEEDED
///     └─────────┴─────────┴───────────┴─────→ FAILED, KILLED, TIMED_OUT, INTERRUPTED
/// ```
fn can_transition(from: JobState, to: JobState) -> bool {
    use JobState::{Accepted, Committing, Planned, Running, Succeeded};
    matches!(
        (from, to),
        (Accepted, Planned) | (Planned, Running) | (Running, Committing) | (Committing, Succeeded)
    ) || (!from.is_final() && to.is_final() && to != Succeeded)
}

#[cfg(test)]
mod tests;
