//! Keeps open pages up to date with server-sent events: `page` is the content of the
//! page, each time that it differs from before, `log` are further lines of the log
//! that it shows, and after `end` nothing changes any longer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::Event;
use chrono::Utc;
use futures::Stream;
use tokio::time::{Interval, interval};

use super::web::{Target, WebState};
use crate::driver::LogStart;
use crate::pages::log_lines;

/// How often a page that someone looks at is made again.
const REFRESH: Duration = Duration::from_secs(1);

/// The events of a page. Of the log that it shows, the browser has the lines up to
/// the offset `log_from`.
pub(super) fn page_events(
    state: WebState,
    target: Target,
    log_from: Option<u64>,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let log_start = match (target.shown_log(), log_from) {
        (_, Some(offset)) => LogStart::Offset(offset),
        (Some((_, lines)), None) => LogStart::LastLines(lines),
        (None, None) => LogStart::LastLines(0),
    };
    let page = OpenPage {
        state,
        target,
        interval: interval(REFRESH),
        content: String::new(),
        log_start,
        events: VecDeque::new(),
        is_settled: false,
    };
    futures::stream::unfold(page, |mut page| async move {
        let event = page.next_event().await?;
        Some((Ok(event), page))
    })
}

/// A page that someone looks at.
struct OpenPage {
    state: WebState,
    target: Target,
    interval: Interval,
    /// What was sent last.
    content: String,
    /// Where the lines of the log begin that were not sent.
    log_start: LogStart,
    /// What is to be sent.
    events: VecDeque<Event>,
    is_settled: bool,
}

impl OpenPage {
    /// Waits for a change; nothing when no further one is sent.
    async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.is_settled {
                return None;
            }
            tokio::select! {
                _ = self.interval.tick() => {}
                () = self.state.stop.cancelled() => return None,
            }
            self.look_for_changes().await;
        }
    }

    async fn look_for_changes(&mut self) {
        // First, so that what is read afterwards is complete if this is true.
        self.is_settled = self.target.is_settled(&self.state).await;
        let now_ms = Utc::now().timestamp_millis();
        let made = self.target.make_page(&self.state, None, now_ms).await;
        let (Ok(page) | Err((_, page))) = made;
        let content = self.redact(&page.main.into_string());
        if content != self.content {
            self.events
                .push_back(Event::default().event("page").data(&content));
            self.content = content;
        }
        self.add_log_lines().await;
        if self.is_settled {
            self.events
                .push_back(Event::default().event("end").data("ended"));
        }
    }

    /// Adds the lines that were not sent; of many, one part at a time, unless no later
    /// time comes.
    async fn add_log_lines(&mut self) {
        let Some((id, _)) = self.target.shown_log() else {
            return;
        };
        while let Ok(part) = self.state.api.jobs.read_log_part(id, self.log_start).await {
            let is_new = LogStart::Offset(part.end) != self.log_start;
            self.log_start = LogStart::Offset(part.end);
            if !part.lines.is_empty() {
                let lines = self.redact(&log_lines(&part.lines).into_string());
                let event = Event::default().event("log").id(part.end.to_string());
                self.events.push_back(event.data(lines));
            }
            if !(is_new && self.is_settled) {
                return;
            }
        }
    }

    fn redact(&self, text: &str) -> String {
        self.state.api.secrets.redact(text).into_owned()
    }
}
