//! `--top`: a live view of a cluster and its jobs, until a key or a signal ends it.
//!
//! [`state`] is what is shown and what keys do to it, [`draw`] makes a screen of it;
//! both know neither terminal nor scheduler. This module brings them together.

mod draw;
mod draw_job;
mod snapshot;
mod state;
mod terminal;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::Event;
use futures::stream::ReadyChunks;
use futures::{FutureExt, Stream, StreamExt};
use sluice_proto::v1::{ErrorKind, Job, JobError, JobLogsRequest, LogLine};
use sluice_service::console::Console;

#[cfg(test)]
pub(crate) use self::draw::draw_top;
use self::snapshot::ClusterSnapshot;
pub(crate) use self::snapshot::fetch_snapshot;
pub(crate) use self::state::DrawnText;
use self::state::{TopCommand, TopState};
use self::terminal::open_terminal;
use crate::follower::{Interrupts, cancel_job};
use crate::job_client::{JobClient, ResponseStream};

/// The longest pause between attempts to reach a lost scheduler.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// How many lines of a log are taken between two screens.
const LINES_AT_ONCE: usize = 500;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, JobError>> + Send>>;
type LogStream = ReadyChunks<ResponseStream<LogLine>>;

/// A live view.
pub(crate) struct Top {
    pub(crate) api: Arc<JobClient>,
    pub(crate) console: Console,
    pub(crate) master: String,
    pub(crate) interval: Duration,
}

/// What the view waits for.
struct Pending {
    refresh: Answer<ClusterSnapshot>,
    /// The lines of the log that is open.
    log: Option<LogStream>,
    log_request: Option<Answer<ResponseStream<LogLine>>>,
    kill: Option<Answer<Job>>,
}

impl Top {
    /// Shows the cluster on the terminal of this process.
    ///
    /// # Errors
    /// When no scheduler answers at the beginning, or the terminal cannot be drawn on.
    pub(crate) async fn show_on_terminal(
        self,
        interrupts: &mut Interrupts,
    ) -> Result<u8, JobError> {
        // Before the terminal is taken, so that an error stays visible.
        let first = fetch_snapshot(&self.api, &self.console, None).await?;
        let (mut terminal, keys) = open_terminal().map_err(|error| terminal_error(&error))?;
        self.run_view(first, keys, interrupts, |state| terminal.draw_state(state))
            .await
    }

    /// Draws with `draw` whenever something has changed. Returns 0 when a key or a
    /// signal ends the view, or there will be no more keys.
    pub(crate) async fn run_view<K>(
        self,
        first: ClusterSnapshot,
        mut keys: K,
        interrupts: &mut Interrupts,
        mut draw: impl FnMut(&TopState) -> io::Result<DrawnText>,
    ) -> Result<u8, JobError>
    where
        K: Stream<Item = io::Result<Event>> + Unpin,
    {
        let mut state = TopState::new(&self.master, self.console.out_color(), first);
        let mut pending = Pending {
            refresh: self.start_refresh(self.interval, None),
            log: None,
            log_request: None,
            kill: None,
        };
        loop {
            state.drawn = draw(&state).map_err(|error| terminal_error(&error))?;
            tokio::select! {
                biased;
                _ = interrupts.next() => return Ok(0),
                event = keys.next() => {
                    let Some(Ok(event)) = event else {
                        return Ok(0);
                    };
                    // Any other event, such as another size, only draws again.
                    let command = match event {
                        Event::Key(key) => state.handle_key(key),
                        _ => None,
                    };
                    match command {
                        Some(TopCommand::Quit) => return Ok(0),
                        Some(command) => self.start_command(command, &mut pending),
                        None => {}
                    }
                }
                snapshot = &mut pending.refresh => {
                    let pause = self.take_snapshot(&mut state, snapshot)?;
                    pending.refresh = self.start_refresh(pause, state.open_job_id());
                }
                lines = next_lines(&mut pending.log) => self.take_lines(&mut state, lines, &mut pending),
                answer = await_answer(&mut pending.log_request) => match answer {
                    Ok(lines) => pending.log = Some(lines.ready_chunks(LINES_AT_ONCE)),
                    Err(error) => state.end_log(Some(&self.clean_text(&error.message))),
                },
                answer = await_answer(&mut pending.kill) => match answer {
                    Ok(job) => state.on_kill_answered(&job),
                    Err(error) => state.note = Some(self.clean_text(&error.message)),
                },
            }
        }
    }

    fn start_refresh(&self, pause: Duration, open_job: Option<String>) -> Answer<ClusterSnapshot> {
        let (api, console) = (Arc::clone(&self.api), self.console.clone());
        async move {
            tokio::time::sleep(pause).await;
            fetch_snapshot(&api, &console, open_job).await
        }
        .boxed()
    }

    /// The pause before the next snapshot.
    fn take_snapshot(
        &self,
        state: &mut TopState,
        snapshot: Result<ClusterSnapshot, JobError>,
    ) -> Result<Duration, JobError> {
        match snapshot {
            Ok(snapshot) => {
                state.set_snapshot(snapshot);
                Ok(self.interval)
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                state.lost = Some(self.clean_text(&error.message));
                Ok(self.interval.min(RETRY_PAUSE))
            }
            Err(error) => Err(error),
        }
    }

    fn start_command(&self, command: TopCommand, pending: &mut Pending) {
        match command {
            TopCommand::OpenLog(id) => {
                let api = Arc::clone(&self.api);
                let request = JobLogsRequest { id, follow: true };
                pending.log = None;
                pending.log_request = Some(async move { api.job_logs(request).await }.boxed());
            }
            TopCommand::CloseLog => (pending.log, pending.log_request) = (None, None),
            TopCommand::ShowJob(id) => {
                pending.refresh = self.start_refresh(Duration::ZERO, Some(id));
            }
            TopCommand::Kill(id) => {
                let reason = "cancelled from submit-job --top".to_owned();
                pending.kill = Some(cancel_job(&self.api, &id, reason));
            }
            TopCommand::Quit => {}
        }
    }

    fn take_lines(
        &self,
        state: &mut TopState,
        lines: Option<Vec<Result<LogLine, JobError>>>,
        pending: &mut Pending,
    ) {
        let Some(lines) = lines else {
            pending.log = None;
            state.end_log(None);
            return;
        };
        for line in lines {
            match line {
                Ok(mut line) => {
                    line.message = self.clean_text(&line.message);
                    state.push_log_line(line);
                }
                Err(error) => {
                    pending.log = None;
                    state.end_log(Some(&self.clean_text(&error.message)));
                    return;
                }
            }
        }
    }

    /// What others wrote, for the screen.
    fn clean_text(&self, text: &str) -> String {
        snapshot::clean_text(&self.console, text)
    }
}

async fn next_lines(log: &mut Option<LogStream>) -> Option<Vec<Result<LogLine, JobError>>> {
    match log {
        Some(log) => log.next().await,
        None => std::future::pending().await,
    }
}

/// Waits for an answer, and forgets the call that it was for.
async fn await_answer<T>(call: &mut Option<Answer<T>>) -> Result<T, JobError> {
    let answer = match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    };
    *call = None;
    answer
}

fn terminal_error(error: &io::Error) -> JobError {
    JobError::new(
        ErrorKind::Internal,
        format!("the terminal cannot be used: {error}"),
    )
    .with_next_step("use --list --watch, which only writes lines")
}
