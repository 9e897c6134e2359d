//! `--list --watch`: the list of jobs, repeated until a signal ends submit-job.

use std::io;
use std::time::Duration;

use futures::StreamExt;
use sluice_proto::v1::{ErrorKind, JobError, ListJobsResponse};
use sluice_service::console::{Console, TerminalSize, terminal_size};
use sluice_service::format::format_time;

use crate::follower::Interrupts;
use crate::job_client::JobClient;
use crate::job_queries::{LIST_LIMIT, now_ms, request_list};
use crate::report::list_text;
use crate::screen_text::fit_screen;

/// The lines of a screen that hold no job: the line above the list, the frame and the
/// names of the columns, the note that there are older jobs, and the cursor.
const OTHER_LINES: usize = 7;

/// A list that is repeated.
pub(crate) struct ListWatch<'a> {
    pub(crate) api: &'a JobClient,
    pub(crate) console: &'a Console,
    /// Shown above the list.
    pub(crate) master: String,
    pub(crate) interval: Duration,
    /// The longest pause between attempts to reach a lost scheduler.
    pub(crate) retry_pause: Duration,
}

impl ListWatch<'_> {
    /// Returns when a signal arrives, or when no one reads the output any more.
    pub(crate) async fn repeat_list(self, interrupts: &mut Interrupts) -> Result<u8, JobError> {
        let mut pause = Duration::ZERO;
        let mut is_first = true;
        let mut is_lost = false;
        loop {
            let answer = tokio::select! {
                biased;
                _ = interrupts.next() => return Ok(0),
                answer = self.next_page(pause) => answer,
            };
            match answer {
                Ok(page) => {
                    if is_lost {
                        self.console.print_err("the scheduler is back");
                    }
                    if self.show_page(&page, is_first).is_err() {
                        return Ok(0);
                    }
                    (is_first, is_lost) = (false, false);
                    pause = self.interval;
                }
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    if !is_lost {
                        self.console
                            .print_err(&format!("{}; retrying", error.message));
                    }
                    is_lost = true;
                    pause = self.interval.min(self.retry_pause);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn next_page(&self, pause: Duration) -> Result<ListJobsResponse, JobError> {
        tokio::time::sleep(pause).await;
        let limit = list_limit(self.screen_size());
        self.api.list_jobs(request_list(limit)).await
    }

    fn screen_size(&self) -> Option<TerminalSize> {
        let is_terminal = self.console.out_is_terminal();
        is_terminal.then(terminal_size).flatten()
    }

    fn show_page(&self, page: &ListJobsResponse, is_first: bool) -> io::Result<()> {
        let now_ms = now_ms();
        let more = !page.next_page_token.is_empty();
        let list = list_text(&page.jobs, more, now_ms, self.console.out_color());
        let head = head_line(now_ms, &self.master, self.interval);
        if self.console.out_is_terminal() {
            let text = format!("{head}\n{list}");
            // A line that went on below would push the first ones off the screen.
            self.console.redraw_out(&match self.screen_size() {
                Some(size) => fit_screen(&text, size),
                None => text,
            })
        } else {
            let space = if is_first { "" } else { "\n" };
            self.console.write_out(&format!("{space}{head}\n{list}"))
        }
    }
}

/// How many jobs a list has, so that the newest do not leave a screen of this size.
fn list_limit(screen: Option<TerminalSize>) -> u32 {
    let Some(screen) = screen else {
        return LIST_LIMIT;
    };
    let fitting = screen.lines.saturating_sub(OTHER_LINES).max(1);
    u32::try_from(fitting).map_or(LIST_LIMIT, |fitting| fitting.min(LIST_LIMIT))
}

fn head_line(now_ms: i64, master: &str, interval: Duration) -> String {
    let interval = humantime::format_duration(interval);
    format!("{} UTC, {master}, every {interval}", format_time(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_fits_its_screen() {
        let limit = |lines| list_limit(Some(TerminalSize { lines, columns: 80 }));
        assert_eq!(list_limit(None), 50);
        assert_eq!(limit(24), 17);
        assert_eq!(limit(200), 50);
        assert_eq!(limit(3), 1);
    }

    #[test]
    fn the_head_says_when_where_and_how_often() {
        assert_eq!(
            head_line(
                1_795_417_649_000,
                "sluice://h:1",
                Duration::from_millis(2_500)
            ),
            "2026-11-23 07:07:29 UTC, sluice://h:1, every 2s 500ms"
        );
    }
}
