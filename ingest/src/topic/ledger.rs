//! A topic's ledger, as one run sees it: which entry is the newest, and how a
//! batch becomes the next one.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use futures::StreamExt as _;
use sluice_landing::{LandedRange, LandingEntry};
use sluice_ledger::{AppendOutcome, Entry, Ledger};
use sluice_service::crash;
use sluice_storage::StorePath;

use crate::IngestError;
use crate::batch::continuity::rebase_batch;
use crate::batch::draft::{BatchDraft, build_entry};
use crate::error::ForTopic as _;

/// An older batch is not committed, because its files may be deleted as orphans
/// when they are twice as old.
const MAX_BATCH_AGE: TimeDelta = TimeDelta::hours(12);

/// How long a run id is remembered.
const RUN_ID_LIFETIME: TimeDelta = TimeDelta::days(7);

/// How many entries are read ahead in a search.
const SEARCH_BLOCK: u64 = 64;

/// The outcome of a commit.
#[derive(Debug)]
pub(super) enum CommitOutcome {
    /// The batch was committed, without the ranges that another run committed
    /// first.
    Entry {
        entry: Entry<LandingEntry>,
        dropped: Vec<LandedRange>,
    },
    /// There was nothing to commit.
    NothingToCommit { dropped: Vec<LandedRange> },
    /// A run with the same id committed first.
    SameRun { entry: Entry<LandingEntry> },
}

/// A topic's ledger and its newest entry.
#[derive(Debug)]
pub(super) struct TopicLedger {
    topic: String,
    ledger: Ledger<LandingEntry>,
    /// The newest entry that this process has read or appended. If another run has
    /// appended since, the next commit finds out.
    newest: Option<Entry<LandingEntry>>,
}

impl TopicLedger {
    /// Opens the ledger of a topic's folder. Reads nothing.
    pub(super) fn open(topic: &str, store_path: &StorePath) -> Result<Self, IngestError> {
        Ok(Self {
            topic: topic.to_owned(),
            ledger: sluice_landing::open_ledger(store_path).for_topic(topic)?,
            newest: None,
        })
    }

    pub(super) fn ledger(&self) -> &Ledger<LandingEntry> {
        &self.ledger
    }

    pub(super) fn newest(&self) -> Option<&Entry<LandingEntry>> {
        self.newest.as_ref()
    }

    /// The next offset of each partition; none without an entry.
    pub(super) fn next_offsets(&self) -> BTreeMap<i32, i64> {
        let newest = self.newest.as_ref();
        newest.map_or_else(BTreeMap::new, |entry| entry.body.next.clone())
    }

    /// Reads the newest entry.
    pub(super) async fn reload(&mut self) -> Result<(), IngestError> {
        self.newest = self.ledger.read_tail().await.for_topic(&self.topic)?;
        Ok(())
    }

    /// Appends a draft after the newest entry, or after the entries that other
    /// runs have appended since.
    pub(super) async fn commit(
        &mut self,
        draft: &BatchDraft,
    ) -> Result<CommitOutcome, IngestError> {
        let mut run_entries = draft.run.entries.clone();
        loop {
            require_recent(draft)?;
            let before = self.newest.as_ref().map(|entry| &entry.body);
            let rebased = rebase_batch(
                &self.next_offsets(),
                &draft.start.holes,
                &draft.content.ranges,
            );
            if !draft.needs_entry(before, &rebased) {
                let dropped = rebased.dropped;
                return Ok(CommitOutcome::NothingToCommit { dropped });
            }
            let body = build_entry(before, draft, &rebased, &run_entries)?;
            let expected = self.newest.as_ref().map_or(0, |entry| entry.seq + 1);
            crash::reach_point("landing.6a");
            let appended = self.ledger.append(expected, body).await;
            match appended.for_topic(&self.topic)? {
                AppendOutcome::Committed(entry) => {
                    crash::reach_point("landing.6b");
                    self.newest = Some(entry.clone());
                    let dropped = rebased.dropped;
                    return Ok(CommitOutcome::Entry { entry, dropped });
                }
                AppendOutcome::Lost(winner) => {
                    self.follow_winner(winner).await?;
                    if draft.run.named
                        && let Some(entry) =
                            self.find_twin(draft, expected, &mut run_entries).await?
                    {
                        return Ok(CommitOutcome::SameRun { entry });
                    }
                }
            }
        }
    }

    /// Reads the newest entry after another run's entry was in the way: other runs
    /// may have committed more than one.
    async fn follow_winner(&mut self, winner: Entry<LandingEntry>) -> Result<(), IngestError> {
        tracing::info!(
            topic = self.topic,
            seq = winner.seq,
            run_id = winner.body.run_id,
            "another run committed first, continuing from its entry"
        );
        let tail = self.ledger.read_tail().await.for_topic(&self.topic)?;
        self.newest = Some(tail.unwrap_or(winner));
        Ok(())
    }

    /// Looks from entry `first` on for entries of another process with the same run
    /// id. Returns the one that ended the run; adds the others to `run_entries`.
    async fn find_twin(
        &self,
        draft: &BatchDraft,
        first: u64,
        run_entries: &mut Vec<u64>,
    ) -> Result<Option<Entry<LandingEntry>>, IngestError> {
        let last = self.newest.as_ref().map_or(first, |entry| entry.seq);
        let mut entries = std::pin::pin!(self.ledger.read_range(first..=last));
        while let Some(entry) = entries.next().await {
            let entry = entry.for_topic(&self.topic)?;
            if entry.body.run_id != draft.run.id {
                continue;
            }
            if !entry.body.run_continues {
                return Ok(Some(entry));
            }
            run_entries.push(entry.seq);
        }
        Ok(None)
    }

    /// The newest entry of a run with this id, if there was one in the last seven
    /// days.
    pub(super) async fn find_run(
        &self,
        run_id: &str,
    ) -> Result<Option<Entry<LandingEntry>>, IngestError> {
        let Some(newest) = &self.newest else {
            return Ok(None);
        };
        let oldest = Utc::now() - RUN_ID_LIFETIME;
        let mut last = newest.seq;
        loop {
            // The newest entries are searched first.
            let first = last.saturating_sub(SEARCH_BLOCK - 1);
            let block: Vec<_> = self.ledger.read_range(first..=last).collect().await;
            let block: Result<Vec<Entry<LandingEntry>>, _> = block.into_iter().collect();
            let block = block.for_topic(&self.topic)?;
            let too_old = block.first().is_none_or(|entry| entry.created_at < oldest);
            let mut newest_first = block.into_iter().rev();
            if let Some(found) = newest_first.find(|entry| entry.body.run_id == run_id) {
                return Ok(Some(found));
            }
            if first == 0 || too_old {
                return Ok(None);
            }
            last = first - 1;
        }
    }

    /// All entries of a named run, given its last one.
    pub(super) async fn entries_of_run(
        &self,
        last: Entry<LandingEntry>,
    ) -> Result<Vec<Entry<LandingEntry>>, IngestError> {
        let mut entries = Vec::new();
        for seq in &last.body.run_entries {
            let entry = self.ledger.read_entry(*seq).await;
            entries.extend(entry.for_topic(&self.topic)?);
        }
        entries.push(last);
        Ok(entries)
    }
}

fn require_recent(draft: &BatchDraft) -> Result<(), IngestError> {
    let age = Utc::now() - draft.started_at;
    if age > MAX_BATCH_AGE {
        return Err(IngestError::TooOld {
            topic: draft.topic.name.clone(),
            hours: age.num_hours(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
