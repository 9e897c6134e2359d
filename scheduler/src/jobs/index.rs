//! The jobs, by submission time, id and submission id.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sluice_proto::v1::Job;

use crate::job::{LiveJob, is_end};

/// How many ended jobs keep their events, for watchers that reconnect.
const KEPT_EVENTS_OF: usize = 100;

#[derive(Default)]
pub(super) struct Index {
    /// By submission time and id, which is the order of lists.
    pub(super) jobs: BTreeMap<(i64, String), Entry>,
    times: HashMap<String, i64>,
    submissions: HashMap<String, String>,
    pub(super) closed: bool,
}

#[derive(Clone)]
pub(super) enum Entry {
    Live(Arc<LiveJob>),
    Past(Arc<Job>),
}

impl Entry {
    pub(super) fn job(&self) -> Job {
        match self {
            Self::Live(live) => live.job(),
            Self::Past(job) => job.as_ref().clone(),
        }
    }
}

impl Index {
    pub(super) fn insert(&mut self, entry: Entry) {
        let job = entry.job();
        self.times.insert(job.job_id.clone(), job.submitted_ms);
        self.submissions
            .insert(job.submission_id, job.job_id.clone());
        self.jobs.insert((job.submitted_ms, job.job_id), entry);
    }

    pub(super) fn remove(&mut self, job: &Job) {
        self.times.remove(&job.job_id);
        self.submissions.remove(&job.submission_id);
        self.jobs.remove(&(job.submitted_ms, job.job_id.clone()));
    }

    pub(super) fn key(&self, id: &str) -> Option<(i64, String)> {
        let id = self.submissions.get(id).map_or(id, String::as_str);
        Some((*self.times.get(id)?, id.to_owned()))
    }

    pub(super) fn by_id(&self, id: &str) -> Option<Entry> {
        self.jobs.get(&self.key(id)?).cloned()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = Arc<LiveJob>> {
        self.jobs.values().filter_map(|entry| match entry {
            Entry::Live(live) => Some(Arc::clone(live)),
            Entry::Past(_) => None,
        })
    }

    /// Removes the oldest ended jobs until `kept` jobs remain, and the events
    /// of ended jobs except the newest. Gives the removed jobs.
    pub(super) fn trim(&mut self, kept: usize) -> Vec<Job> {
        let mut forgotten = Vec::new();
        while self.jobs.len() > kept {
            let oldest = self
                .jobs
                .iter()
                .find(|(_, entry)| is_end(entry.job().state()));
            let Some(job) = oldest.map(|(_, entry)| entry.job()) else {
                break;
            };
            self.remove(&job);
            forgotten.push(job);
        }
        let ended: Vec<(i64, String)> = self
            .jobs
            .iter()
            .rev()
            .filter(|(_, entry)| matches!(entry, Entry::Live(live) if live.ended()))
            .map(|(key, _)| key.clone())
            .skip(KEPT_EVENTS_OF)
            .collect();
        for key in ended {
            if let Some(entry) = self.jobs.get_mut(&key) {
                *entry = Entry::Past(Arc::new(entry.job()));
            }
        }
        forgotten
    }
}
