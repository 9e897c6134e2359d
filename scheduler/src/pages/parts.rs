//! What several pages show in the same way.

use std::time::Duration;

use maud::{Markup, html};
use sluice_proto::v1::{DatasetPhase, Job, JobState};
use sluice_service::format::{format_duration, format_time};

/// How good or bad something is; the name of a class in the style sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Busy,
    Warn,
    Bad,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

pub(super) fn badge(tone: Tone, text: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (text) } }
}

pub(super) fn state_tone(state: JobState) -> Tone {
    match state {
        JobState::Succeeded => Tone::Good,
        JobState::Failed | JobState::TimedOut => Tone::Bad,
        JobState::Killed | JobState::Interrupted => Tone::Warn,
        JobState::Accepted | JobState::Unspecified => Tone::Plain,
        JobState::Planned | JobState::Running | JobState::Committing => Tone::Busy,
    }
}

pub(super) fn state_badge(state: JobState) -> Markup {
    badge(state_tone(state), state.name())
}

pub(super) fn phase_tone(phase: DatasetPhase) -> Tone {
    match phase {
        DatasetPhase::Committed => Tone::Good,
        DatasetPhase::Failed => Tone::Bad,
        DatasetPhase::Staging | DatasetPhase::Writing | DatasetPhase::Written => Tone::Busy,
        DatasetPhase::Pending | DatasetPhase::Unspecified => Tone::Plain,
    }
}

pub(super) fn job_link(root: &str, job: &Job) -> Markup {
    html! { a href={ (root) "jobs/" (job.job_id) } { (name_of(job)) } }
}

/// The name of a job, or its id.
pub(super) fn name_of(job: &Job) -> &str {
    if job.name.is_empty() {
        &job.job_id
    } else {
        &job.name
    }
}

/// The time between two moments in milliseconds; none before the first.
pub(super) fn milliseconds_between(from: i64, until: i64) -> Option<Duration> {
    if from == 0 {
        return None;
    }
    u64::try_from(until - from).ok().map(Duration::from_millis)
}

/// How long a job has run, or ran.
pub(super) fn run_time(job: &Job, now_ms: i64) -> Option<Duration> {
    let until = if job.ended_ms > 0 {
        job.ended_ms
    } else {
        now_ms
    };
    milliseconds_between(job.started_ms, until)
}

pub(super) fn duration_text(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "–".to_owned(), format_duration)
}

/// A moment, with how long ago it was.
pub(super) fn moment(ms: i64, now_ms: i64) -> Markup {
    match milliseconds_between(ms, now_ms) {
        Some(age) => html! { time title=(format_time(ms)) { (age_text(age)) " ago" } },
        None => html! { "–" },
    }
}

/// An age as `5 s`, `12 min`, `3 h` or `2 d`.
pub(super) fn age_text(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A bar of how much is done, with the figures as its text.
pub(super) fn progress_bar(done: u32, total: u32, label: &str) -> Markup {
    html! {
        progress value=(done) max=(total.max(1)) aria-label=(label) { (done) " of " (total) }
        span.quiet { (done) " of " (total) }
    }
}
