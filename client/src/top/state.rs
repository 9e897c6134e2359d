//! What a live view shows, and what keys do to it.

use std::collections::VecDeque;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use sluice_proto::v1::{Job, LogLine};

use super::snapshot::ClusterSnapshot;

/// How many lines of a log are kept; the oldest are forgotten.
const MAX_LOG_LINES: usize = 10_000;
/// How far a log moves to the side at once, in columns.
const SIDE_STEP: u16 = 20;

/// What the view asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TopCommand {
    Quit,
    /// Read a job's log, from its beginning and on.
    OpenLog(String),
    CloseLog,
    /// Ask for a job now.
    ShowJob(String),
    Kill(String),
}

/// What is below the lines about the cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Screen {
    /// Executors and jobs.
    Cluster,
    /// One job in detail.
    Job(Box<JobView>),
    /// The log of one job.
    Log(LogView),
}

/// One job in detail.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JobView {
    pub(super) job: Job,
    /// Its record was removed while it was shown.
    pub(super) is_removed: bool,
    /// How many lines are above the screen.
    pub(super) lines_above: usize,
}

/// The log of one job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogView {
    pub(super) job_id: String,
    pub(super) name: String,
    pub(super) lines: VecDeque<LogLine>,
    /// How many lines are above the screen; `None` to follow the newest.
    pub(super) lines_above: Option<usize>,
    /// How many columns are left of the screen.
    pub(super) columns_left: u16,
    /// Why there are no more lines; empty when the job has ended.
    pub(super) end: Option<String>,
}

/// A job that the user may want to kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KillQuestion {
    pub(super) job_id: String,
    pub(super) name: String,
}

/// Everything that a live view shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TopState {
    pub(super) master: String,
    pub(super) color: bool,
    pub(super) cluster: ClusterSnapshot,
    pub(super) screen: Screen,
    /// The id of the selected job: its place in the list changes.
    pub(super) selected: Option<String>,
    pub(super) question: Option<KillQuestion>,
    /// What the last command led to.
    pub(super) note: Option<String>,
    /// Why the scheduler does not answer.
    pub(super) lost: Option<String>,
    /// What the last screen had room for.
    pub(super) drawn: DrawnText,
}

/// What a screen had room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DrawnText {
    /// How many lines of the list or the text.
    pub(super) visible_lines: usize,
    /// How many there are.
    pub(super) all_lines: usize,
}

impl DrawnText {
    /// How many lines are above the last screen.
    pub(super) const fn last_screen(self) -> usize {
        self.all_lines.saturating_sub(self.visible_lines)
    }
}

impl TopState {
    pub(super) fn new(master: &str, color: bool, cluster: ClusterSnapshot) -> Self {
        let mut state = Self {
            master: master.to_owned(),
            color,
            cluster: ClusterSnapshot::default(),
            screen: Screen::Cluster,
            selected: None,
            question: None,
            note: None,
            lost: None,
            drawn: DrawnText::default(),
        };
        state.set_snapshot(cluster);
        state
    }

    /// Shows the cluster as it is now.
    pub(super) fn set_snapshot(&mut self, mut cluster: ClusterSnapshot) {
        self.lost = None;
        if let Screen::Job(view) = &mut self.screen {
            let listed = cluster
                .jobs
                .iter()
                .find(|job| job.job_id == view.job.job_id);
            let asked = cluster.open_job.take();
            let asked = asked.filter(|job| job.job_id == view.job.job_id);
            match asked.or_else(|| listed.cloned()) {
                Some(job) => (view.job, view.is_removed) = (job, false),
                None => view.is_removed = true,
            }
        }
        self.cluster = cluster;
        let is_listed = |id: &String| self.cluster.jobs.iter().any(|job| job.job_id == *id);
        if !self.selected.as_ref().is_some_and(is_listed) {
            self.selected = self.cluster.jobs.first().map(|job| job.job_id.clone());
        }
    }

    /// The job that is shown in detail, for the next snapshot.
    pub(super) fn open_job_id(&self) -> Option<String> {
        match &self.screen {
            Screen::Job(view) => Some(view.job.job_id.clone()),
            Screen::Cluster | Screen::Log(_) => None,
        }
    }

    /// The place of the selected job in the list.
    pub(super) fn selected_index(&self) -> Option<usize> {
        let id = self.selected.as_ref()?;
        self.cluster.jobs.iter().position(|job| job.job_id == *id)
    }

    pub(super) fn push_log_line(&mut self, line: LogLine) {
        if let Screen::Log(view) = &mut self.screen {
            view.lines.push_back(line);
            if view.lines.len() > MAX_LOG_LINES {
                view.lines.pop_front();
                view.lines_above = view.lines_above.map(|lines| lines.saturating_sub(1));
            }
        }
    }

    /// There are no more lines, for this reason, or because the job has ended.
    pub(super) fn end_log(&mut self, reason: Option<&str>) {
        if let Screen::Log(view) = &mut self.screen {
            view.end = Some(reason.unwrap_or_default().to_owned());
        }
    }

    pub(super) fn on_kill_answered(&mut self, job: &Job) {
        let state = job.state();
        self.note = Some(match state.is_final() {
            true => format!("{} has ended: {}", job.name, state.name()),
            false => format!("{} was asked to end", job.name),
        });
    }

    /// Does what a key stands for.
    pub(super) fn handle_key(&mut self, key: KeyEvent) -> Option<TopCommand> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        self.note = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return (key.code == KeyCode::Char('c')).then_some(TopCommand::Quit);
        }
        if let Some(question) = self.question.take() {
            let is_yes = matches!(key.code, KeyCode::Char('y' | 'Y'));
            return is_yes.then(|| {
                self.note = Some(format!("killing {}", question.name));
                TopCommand::Kill(question.job_id)
            });
        }
        match key.code {
            KeyCode::Char('q') => return Some(TopCommand::Quit),
            KeyCode::Char('k') => {
                self.ask_to_kill();
                return None;
            }
            KeyCode::Char('l') => return self.open_log(),
            _ => {}
        }
        let page = self.drawn.visible_lines.max(1);
        let last_screen = self.drawn.last_screen();
        match &mut self.screen {
            Screen::Cluster => self.handle_list_key(key.code, page),
            Screen::Job(view) => {
                match key.code {
                    KeyCode::Esc | KeyCode::Backspace | KeyCode::Enter => {
                        self.screen = Screen::Cluster;
                    }
                    code => {
                        view.lines_above = move_position(view.lines_above, code, page, last_screen)
                    }
                }
                None
            }
            Screen::Log(view) => match key.code {
                KeyCode::Esc | KeyCode::Backspace => {
                    self.screen = Screen::Cluster;
                    Some(TopCommand::CloseLog)
                }
                code => {
                    view.scroll(code, page);
                    None
                }
            },
        }
    }

    fn handle_list_key(&mut self, code: KeyCode, page: usize) -> Option<TopCommand> {
        let index = self.selected_index()?;
        if code == KeyCode::Enter {
            let job = self.cluster.jobs[index].clone();
            let command = TopCommand::ShowJob(job.job_id.clone());
            self.screen = Screen::Job(Box::new(JobView {
                job,
                is_removed: false,
                lines_above: 0,
            }));
            return Some(command);
        }
        let last = self.cluster.jobs.len().saturating_sub(1);
        let index = move_position(index, code, page, last);
        self.selected = self.cluster.jobs.get(index).map(|job| job.job_id.clone());
        None
    }

    /// The job that keys are about.
    fn subject_job(&self) -> Option<&Job> {
        match &self.screen {
            Screen::Job(view) => Some(&view.job),
            Screen::Log(view) => (self.cluster.jobs.iter()).find(|job| job.job_id == view.job_id),
            Screen::Cluster => self.cluster.jobs.get(self.selected_index()?),
        }
    }

    fn ask_to_kill(&mut self) {
        let Some(job) = self.subject_job() else {
            return;
        };
        if job.state().is_final() {
            let state = job.state().name();
            self.note = Some(format!("{} has already ended: {state}", job.name));
        } else {
            self.question = Some(KillQuestion {
                job_id: job.job_id.clone(),
                name: job.name.clone(),
            });
        }
    }

    fn open_log(&mut self) -> Option<TopCommand> {
        if matches!(self.screen, Screen::Log(_)) {
            return None;
        }
        let job = self.subject_job()?;
        let (job_id, name) = (job.job_id.clone(), job.name.clone());
        let command = TopCommand::OpenLog(job_id.clone());
        self.screen = Screen::Log(LogView {
            job_id,
            name,
            lines: VecDeque::new(),
            lines_above: None,
            columns_left: 0,
            end: None,
        });
        Some(command)
    }
}

impl LogView {
    /// The first line on a screen of this many lines.
    pub(super) fn first_line(&self, visible_lines: usize) -> usize {
        let last_screen = self.lines.len().saturating_sub(visible_lines);
        self.lines_above
            .map_or(last_screen, |lines| lines.min(last_screen))
    }

    fn scroll(&mut self, code: KeyCode, page: usize) {
        match code {
            KeyCode::Left => self.columns_left = self.columns_left.saturating_sub(SIDE_STEP),
            KeyCode::Right => self.columns_left = self.columns_left.saturating_add(SIDE_STEP),
            code => {
                let last_screen = self.lines.len().saturating_sub(page);
                let line = move_position(self.first_line(page), code, page, last_screen);
                // At the end it is followed.
                self.lines_above = (line < last_screen).then_some(line);
            }
        }
    }
}

/// Where a key leads from `position`, at most to `last`.
fn move_position(position: usize, code: KeyCode, page: usize, last: usize) -> usize {
    let position = match code {
        KeyCode::Up => position.saturating_sub(1),
        KeyCode::Down => position.saturating_add(1),
        KeyCode::PageUp => position.saturating_sub(page),
        KeyCode::PageDown | KeyCode::Char(' ') => position.saturating_add(page),
        KeyCode::Home => 0,
        KeyCode::End => last,
        _ => position,
    };
    position.min(last)
}
