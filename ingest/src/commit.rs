//! Commits a batch: appends an entry with all of it, or with the part that still
//! continues the ledger, or nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use sluice_ledger::{AppendOutcome, Entry, Ledger};
use sluice_service::crash;
use sluice_storage::StorePath;
use uuid::Uuid;

use crate::IngestError;
use crate::continuity::{RebasedBatch, advance_offsets, check_continuity, rebase_batch};
use crate::orphan_files::delete_file;
use sluice_landing::{
    CloseReason, Completeness, ENTRY_VERSION, Hole, LandedRange, LandingEntry, TopicTotals,
};

/// An older batch is not committed, because its files may be deleted as orphans
/// when they are twice as old.
pub(crate) const MAX_BATCH_AGE: TimeDelta = TimeDelta::hours(12);

/// How long a run id is remembered.
const RUN_ID_LIFETIME: TimeDelta = TimeDelta::days(7);

/// A batch whose files are durable.
#[derive(Debug, Clone)]
pub(crate) struct BatchDraft {
    pub(crate) batch_id: Uuid,
    pub(crate) run_id: String,
    /// Whether the caller chose the run id. If so, an entry is written even for an
    /// empty batch, so that the run is recorded.
    pub(crate) named_run: bool,
    /// Whether the run will commit more entries.
    pub(crate) run_continues: bool,
    /// The earlier entries of the run, if it is a named one.
    pub(crate) run_entries: Vec<u64>,
    pub(crate) topic: String,
    pub(crate) cluster_id: Option<String>,
    pub(crate) topic_id: Option<String>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) closed_by: CloseReason,
    pub(crate) event_time_field: Option<String>,
    pub(crate) ranges: Vec<LandedRange>,
    pub(crate) holes: Vec<Hole>,
    /// The first offset of each partition of the batch.
    pub(crate) start_offsets: BTreeMap<i32, i64>,
    /// The partitions that were read to their end, and when.
    pub(crate) caught_up: BTreeMap<i32, DateTime<Utc>>,
}

/// The outcome of a commit.
#[derive(Debug)]
pub(crate) enum CommitOutcome {
    /// The batch was committed, without the ranges that another run committed
    /// first.
    Entry {
        entry: Entry<LandingEntry>,
        dropped: Vec<LandedRange>,
    },
    /// There was nothing to commit.
    NothingToCommit {
        newest: Option<Entry<LandingEntry>>,
        dropped: Vec<LandedRange>,
    },
    /// A run with the same id committed first.
    SameRun { entry: Entry<LandingEntry> },
}

/// Builds the entry for a draft that follows `before`.
fn build_entry(
    before: Option<&LandingEntry>,
    draft: &BatchDraft,
    rebased: &RebasedBatch,
    run_entries: &[u64],
) -> Result<LandingEntry, IngestError> {
    let fail = |source| IngestError::Continuity {
        topic: draft.topic.clone(),
        source,
    };
    let known_offsets = before.map(|before| before.next.clone()).unwrap_or_default();
    let mut next = advance_offsets(&known_offsets, &rebased.holes, &rebased.kept).map_err(fail)?;
    for (partition, start) in &draft.start_offsets {
        next.entry(*partition).or_insert(*start);
    }
    check_continuity(&known_offsets, &rebased.holes, &rebased.kept, &next).map_err(fail)?;
    let mut totals = before.map(|before| before.totals).unwrap_or_default();
    add_totals(&mut totals, &rebased.kept, &rebased.holes);
    let mut progress = before
        .map(|before| before.progress.clone())
        .unwrap_or_default();
    advance_completeness(&mut progress, draft, &rebased.kept, &next);
    Ok(LandingEntry {
        version: ENTRY_VERSION,
        batch_id: draft.batch_id,
        run_id: draft.run_id.clone(),
        run_continues: draft.run_continues || (draft.named_run && !rebased.dropped.is_empty()),
        run_entries: run_entries.to_vec(),
        topic: draft.topic.clone(),
        // A broker that did not report its id this time is still the same.
        cluster_id: known_id(&draft.cluster_id, before.map(|before| &before.cluster_id)),
        topic_id: known_id(&draft.topic_id, before.map(|before| &before.topic_id)),
        started_at: draft.started_at,
        closed_by: draft.closed_by,
        ranges: rebased.kept.clone(),
        holes: rebased.holes.clone(),
        next,
        totals,
        event_time_field: draft.event_time_field.clone(),
        progress,
    })
}

fn known_id(now: &Option<String>, before: Option<&Option<String>>) -> Option<String> {
    now.clone().or_else(|| before.cloned().flatten())
}

fn add_totals(totals: &mut TopicTotals, ranges: &[LandedRange], holes: &[Hole]) {
    for range in ranges {
        totals.rows += range.rows;
        totals.rejects += range.rejects;
        for file in range.files() {
            totals.files += 1;
            totals.bytes += file.bytes;
        }
    }
    for hole in holes {
        totals.holes += 1;
        totals.lost_offsets += hole.end.saturating_sub(hole.start).unsigned_abs();
    }
}

fn advance_completeness(
    progress: &mut BTreeMap<i32, Completeness>,
    draft: &BatchDraft,
    kept: &[LandedRange],
    next: &BTreeMap<i32, i64>,
) {
    for range in kept {
        if let Some(times) = range.event_time {
            let latest = &mut progress.entry(range.partition).or_default().latest_event;
            *latest = (*latest).max(Some(times.max));
        }
    }
    for (partition, at) in &draft.caught_up {
        // Only if the ledger holds everything up to that end.
        let read_to = kept
            .iter()
            .filter(|range| range.partition == *partition)
            .map(|range| range.end)
            .max()
            .or_else(|| draft.start_offsets.get(partition).copied());
        if read_to.is_some() && read_to == next.get(partition).copied() {
            let caught_up = &mut progress.entry(*partition).or_default().caught_up_at;
            *caught_up = (*caught_up).max(Some(*at));
        }
    }
}

/// Appends a draft after `newest`, or after the entries that were appended
/// since.
pub(crate) async fn commit_batch(
    ledger: &Ledger<LandingEntry>,
    mut newest: Option<Entry<LandingEntry>>,
    draft: &BatchDraft,
) -> Result<CommitOutcome, IngestError> {
    let mut run_entries = draft.run_entries.clone();
    loop {
        let age = Utc::now() - draft.started_at;
        if age > MAX_BATCH_AGE {
            return Err(IngestError::TooOld {
                topic: draft.topic.clone(),
                hours: age.num_hours(),
            });
        }
        let before = newest.as_ref().map(|entry| &entry.body);
        let empty = BTreeMap::new();
        let next = before.map_or(&empty, |before| &before.next);
        let rebased = rebase_batch(next, &draft.holes, &draft.ranges);
        let begins_ledger = before.is_none() && !draft.start_offsets.is_empty();
        if rebased.kept.is_empty() && rebased.holes.is_empty() && !draft.named_run && !begins_ledger
        {
            return Ok(CommitOutcome::NothingToCommit {
                newest,
                dropped: rebased.dropped,
            });
        }
        let body = build_entry(before, draft, &rebased, &run_entries)?;
        let expected = newest.as_ref().map_or(0, |entry| entry.seq + 1);
        crash::reach_point("landing.6a");
        let fail = |source| IngestError::Ledger {
            topic: draft.topic.clone(),
            source: Box::new(source),
        };
        let appended = ledger.append(expected, body).await.map_err(fail)?;
        match appended {
            AppendOutcome::Committed(entry) => {
                crash::reach_point("landing.6b");
                return Ok(CommitOutcome::Entry {
                    entry,
                    dropped: rebased.dropped,
                });
            }
            AppendOutcome::Lost(entry) => {
                tracing::info!(
                    topic = draft.topic,
                    seq = entry.seq,
                    run_id = entry.body.run_id,
                    "another run committed first, continuing from its entry"
                );
                // Other runs may have committed more than one entry.
                let tail = ledger.read_tail().await.map_err(fail)?.unwrap_or(entry);
                if draft.named_run {
                    let mut later_entries = std::pin::pin!(ledger.read_range(expected..=tail.seq));
                    while let Some(entry) = later_entries.next().await {
                        let entry = entry.map_err(fail)?;
                        if entry.body.run_id != draft.run_id {
                            continue;
                        }
                        if !entry.body.run_continues {
                            return Ok(CommitOutcome::SameRun { entry });
                        }
                        run_entries.push(entry.seq);
                    }
                }
                newest = Some(tail);
            }
        }
    }
}

/// Deletes the files of ranges that will never be committed. Best effort: a file
/// that remains is an orphan.
pub(crate) async fn discard_files(store_path: &StorePath, ranges: &[LandedRange]) {
    for file in ranges.iter().flat_map(LandedRange::files) {
        if let Err(error) = delete_file(store_path, &file.path).await {
            tracing::debug!(file = file.path, %error, "a dropped file stays as an orphan");
        }
    }
}

/// The newest entry of a run with this id, if there was one in the last seven
/// days.
pub(crate) async fn find_run(
    ledger: &Ledger<LandingEntry>,
    newest: Option<&Entry<LandingEntry>>,
    run_id: &str,
    topic: &str,
) -> Result<Option<Entry<LandingEntry>>, IngestError> {
    let Some(newest) = newest else {
        return Ok(None);
    };
    let oldest = Utc::now() - RUN_ID_LIFETIME;
    let mut last = newest.seq;
    loop {
        // The newest entries are searched first, in blocks that are read ahead.
        let first = last.saturating_sub(63);
        let mut entries: Vec<Entry<LandingEntry>> = Vec::new();
        let mut range = std::pin::pin!(ledger.read_range(first..=last));
        while let Some(entry) = range.next().await {
            entries.push(entry.map_err(|source| IngestError::Ledger {
                topic: topic.to_owned(),
                source: Box::new(source),
            })?);
        }
        let too_old = entries
            .first()
            .is_none_or(|entry| entry.created_at < oldest);
        if let Some(found) = entries
            .into_iter()
            .rev()
            .find(|entry| entry.body.run_id == run_id)
        {
            return Ok(Some(found));
        }
        if first == 0 || too_old {
            return Ok(None);
        }
        last = first - 1;
    }
}

#[cfg(test)]
mod tests;
