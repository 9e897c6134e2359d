//! A job that this process runs or ran: its record, its state, its events.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::Utc;
use parking_lot::Mutex;
use sluice_proto::v1::{
    self, Job, JobError, JobEvent, JobState, LogLevel, LogLine, Progress, job_event::Event,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::job_log::LogFile;

/// How many events are kept for watchers that start late or reconnect.
const MAX_EVENTS: usize = 4_096;

/// A job with what clients can watch and request. It stays live for some time
/// after its end, so that watchers can reconnect.
#[derive(Debug)]
pub struct LiveJob {
    inner: Mutex<LiveJobState>,
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
    log: Option<LogFile>,
    /// Why the job was asked to end, if it was.
    stop_reason: Option<JobError>,
}

impl LiveJob {
    /// A job that was just accepted.
    pub fn new(job: Job, log: Option<LogFile>) -> Arc<Self> {
        let live = Self {
            inner: Mutex::new(LiveJobState {
                job,
                events: VecDeque::new(),
                sequence: 0,
                log,
                stop_reason: None,
            }),
            newest_sequence: watch::Sender::new(0),
            cancel: CancellationToken::new(),
        };
        live.push_event(Event::StateChange(v1::StateChange {
            state: JobState::Accepted.into(),
            reason: None,
        }));
        Arc::new(live)
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
        {
            let mut inner = self.inner.lock();
            let from = inner.job.state();
            if !can_transition(from, state) {
                warn!(job_id = inner.job.job_id, ?from, to = ?state, "not a valid change of state");
                return inner.job.clone();
            }
            let now = Utc::now().timestamp_millis();
            inner.job.set_state(state);
            inner.job.reason.clone_from(&reason);
            if state == JobState::Running {
                inner.job.started_ms = now;
            }
            if state.is_final() {
                inner.job.ended_ms = now;
            }
        }
        self.push_event(Event::StateChange(v1::StateChange {
            state: state.into(),
            reason,
        }));
        self.record()
    }

    /// Notifies watchers that the job has ended; called once, after its record
    /// was written to disk.
    pub fn publish_finished(&self) {
        let job = self.record();
        self.push_event(Event::Finished(v1::Finished { job: Some(job) }));
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
        if let Some(log) = &mut self.inner.lock().log {
            log.append_line(&line);
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
