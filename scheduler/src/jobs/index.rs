//! The jobs, by submission time, id and submission id.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sluice_proto::v1::{Job, JobState};
use tokio::sync::watch;

use super::fingerprint::Fingerprint;
use crate::driver::LiveJob;

/// How many ended jobs keep their events, for watchers that reconnect.
const MAX_JOBS_WITH_EVENTS: usize = 100;

#[derive(Default)]
pub(super) struct JobIndex {
    /// By submission time and id, which is the order of lists.
    pub(super) jobs: BTreeMap<(i64, String), IndexEntry>,
    submission_times: HashMap<String, i64>,
    ids_by_submission: HashMap<String, String>,
    /// What was submitted, by job id.
    fingerprints: HashMap<String, Fingerprint>,
    /// Jobs whose first record is not yet on disk, by id; the channels close when
    /// it is, or when the job is dropped.
    pub(super) being_recorded: HashMap<String, watch::Receiver<()>>,
    pub(super) closed: bool,
}

#[derive(Clone)]
pub(super) enum IndexEntry {
    Live(Arc<LiveJob>),
    Past(Arc<Job>),
}

impl IndexEntry {
    pub(super) fn record(&self) -> Job {
        match self {
            Self::Live(live) => live.record(),
            Self::Past(job) => job.as_ref().clone(),
        }
    }

    /// The record as it is now, without a copy where the job has ended.
    pub(super) fn shared_record(&self) -> Arc<Job> {
        match self {
            Self::Live(live) => Arc::new(live.record()),
            Self::Past(job) => Arc::clone(job),
        }
    }

    pub(super) fn state(&self) -> JobState {
        match self {
            Self::Live(live) => live.state(),
            Self::Past(job) => job.state(),
        }
    }
}

impl JobIndex {
    pub(super) fn insert(&mut self, entry: IndexEntry, fingerprint: Option<Fingerprint>) {
        let job = entry.record();
        if let Some(fingerprint) = fingerprint {
            self.fingerprints.insert(job.job_id.clone(), fingerprint);
        }
        self.submission_times
            .insert(job.job_id.clone(), job.submitted_ms);
        self.ids_by_submission
            .insert(job.submission_id, job.job_id.clone());
        self.jobs.insert((job.submitted_ms, job.job_id), entry);
    }

    pub(super) fn remove(&mut self, job: &Job) {
        self.fingerprints.remove(&job.job_id);
        self.submission_times.remove(&job.job_id);
        self.ids_by_submission.remove(&job.submission_id);
        self.jobs.remove(&(job.submitted_ms, job.job_id.clone()));
    }

    pub(super) fn sort_key(&self, id: &str) -> Option<(i64, String)> {
        let id = self.ids_by_submission.get(id).map_or(id, String::as_str);
        Some((*self.submission_times.get(id)?, id.to_owned()))
    }

    pub(super) fn find_entry(&self, id: &str) -> Option<IndexEntry> {
        self.jobs.get(&self.sort_key(id)?).cloned()
    }

    /// What was submitted as this job, if its record says so.
    pub(super) fn fingerprint(&self, job_id: &str) -> Option<&Fingerprint> {
        self.fingerprints.get(job_id)
    }

    pub(super) fn live_jobs(&self) -> impl Iterator<Item = Arc<LiveJob>> {
        self.jobs.values().filter_map(|entry| match entry {
            IndexEntry::Live(live) => Some(Arc::clone(live)),
            IndexEntry::Past(_) => None,
        })
    }

    /// Removes the oldest ended jobs until `kept` jobs remain, and the events
    /// of ended jobs except the newest. Gives the removed jobs.
    pub(super) fn remove_oldest(&mut self, kept: usize) -> Vec<Job> {
        let mut removed = Vec::new();
        while self.jobs.len() > kept {
            let oldest = self.jobs.iter().find(|(_, entry)| entry.state().is_final());
            let Some(job) = oldest.map(|(_, entry)| entry.record()) else {
                break;
            };
            self.remove(&job);
            removed.push(job);
        }
        let ended: Vec<(i64, String)> = self
            .jobs
            .iter()
            .rev()
            .filter(|(_, entry)| matches!(entry, IndexEntry::Live(live) if live.has_ended()))
            .map(|(key, _)| key.clone())
            .skip(MAX_JOBS_WITH_EVENTS)
            .collect();
        for key in ended {
            if let Some(entry) = self.jobs.get_mut(&key) {
                *entry = IndexEntry::Past(Arc::new(entry.record()));
            }
        }
        removed
    }
}
