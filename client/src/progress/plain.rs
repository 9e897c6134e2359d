//! Progress as plain lines, for logs: one for each relevant change, and one every
//! few seconds without any change.

use std::time::Duration;

use sluice_proto::v1::{JobState, Progress};

use super::text;
use sluice_service::format::format_count;

/// The interval of lines without any change.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// A cluster without executors is reported only after this time.
pub(super) const EXECUTORS_GRACE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct PlainDisplay {
    executor_hint: Option<String>,
    reported_waiting: bool,
    datasets_done: u32,
    last_line: Duration,
}

impl PlainDisplay {
    pub(super) fn new(executor_hint: Option<String>) -> Self {
        Self {
            executor_hint,
            ..Self::default()
        }
    }

    pub(super) fn state_lines(&mut self, state: JobState, elapsed: Duration) -> Vec<String> {
        if state.is_final() || state == JobState::Accepted {
            // The final report shows the end, and the first line shows `Accepted`.
            return Vec::new();
        }
        self.last_line = elapsed;
        vec![text::state_word(state)]
    }

    pub(super) fn progress_lines(
        &mut self,
        state: JobState,
        progress: &Progress,
        elapsed: Duration,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(hint) = &self.executor_hint {
            if is_waiting_for_executors(progress, elapsed) {
                if !self.reported_waiting {
                    self.reported_waiting = true;
                    lines.push(waiting_line(hint));
                }
            } else if self.reported_waiting && progress.executors > 0 {
                self.reported_waiting = false;
                lines.push(executors_line(progress));
            }
        }
        let due = elapsed.saturating_sub(self.last_line) >= HEARTBEAT_INTERVAL;
        if progress.datasets_done != self.datasets_done || due {
            self.datasets_done = progress.datasets_done;
            lines.push(text::summary_line(state, progress, elapsed));
        }
        if !lines.is_empty() {
            self.last_line = elapsed;
        }
        lines
    }
}

pub(super) fn is_waiting_for_executors(progress: &Progress, elapsed: Duration) -> bool {
    progress.executors == 0 && progress.tasks_running == 0 && elapsed >= EXECUTORS_GRACE
}

pub(super) fn waiting_line(hint: &str) -> String {
    format!("waiting for executors: start one with `{hint}`")
}

fn executors_line(progress: &Progress) -> String {
    format!(
        "{} with {} registered",
        format_count(progress.executors.into(), "executor"),
        format_count(progress.vcores.into(), "core")
    )
}
