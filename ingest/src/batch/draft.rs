//! A batch that is ready to be committed, and the entry that it becomes. No I/O.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sluice_landing::{
    CloseReason, Completeness, ENTRY_VERSION, Hole, LandedRange, LandingEntry, TopicTotals,
};
use sluice_ledger::Entry;
use uuid::Uuid;

use super::continuity::{ContinuityError, RebasedBatch, advance_offsets, check_continuity};
use super::start_offsets::BatchStart;
use crate::IngestError;
use crate::error::ForTopic as _;

/// A ledger's latest event that is further ahead of a batch came from a wrong clock.
pub(crate) const FUTURE_TOLERANCE: TimeDelta = TimeDelta::hours(1);

/// A batch whose files are durable.
#[derive(Debug, Clone)]
pub(crate) struct BatchDraft {
    pub(crate) batch_id: Uuid,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) topic: TopicIdentity,
    pub(crate) run: RunIdentity,
    /// Whether the run will commit more entries.
    pub(crate) run_continues: bool,
    pub(crate) start: BatchStart,
    pub(crate) content: BatchContent,
    pub(crate) event_time_field: Option<String>,
}

/// A topic's name and ids. An id is `None` when the broker did not report it.
#[derive(Debug, Clone)]
pub(crate) struct TopicIdentity {
    pub(crate) name: String,
    pub(crate) cluster_id: Option<String>,
    pub(crate) topic_id: Option<String>,
}

/// The run that commits a batch.
#[derive(Debug, Clone)]
pub(crate) struct RunIdentity {
    pub(crate) id: String,
    /// Whether the caller chose the id. If so, an entry is written even for an
    /// empty batch, so that the run is recorded.
    pub(crate) named: bool,
    /// The entries that the run has committed so far, if it is named.
    pub(crate) entries: Vec<u64>,
}

impl RunIdentity {
    pub(crate) fn add_entry(&mut self, entry: &Entry<LandingEntry>) {
        if self.named {
            self.entries.clone_from(&entry.body.run_entries);
            self.entries.push(entry.seq);
        }
    }
}

/// What was read in a batch.
#[derive(Debug, Clone)]
pub(crate) struct BatchContent {
    /// Sorted by partition and offset.
    pub(crate) ranges: Vec<LandedRange>,
    pub(crate) closed_by: CloseReason,
    /// Partitions that the broker confirmed, after the last poll, to be read to
    /// their end; with the time just before the question.
    pub(crate) caught_up: BTreeMap<i32, DateTime<Utc>>,
}

impl BatchDraft {
    /// Whether an entry is appended for this draft: there is something to commit,
    /// or the run or the begin of the ledger is to be recorded.
    pub(crate) fn needs_entry(
        &self,
        before: Option<&LandingEntry>,
        rebased: &RebasedBatch,
    ) -> bool {
        let begins_ledger = before.is_none() && !self.start.offsets.is_empty();
        let has_content = !rebased.kept.is_empty() || !rebased.holes.is_empty();
        has_content || begins_ledger || self.run.named
    }
}

/// Builds the entry for a draft that follows `before`.
pub(crate) fn build_entry(
    before: Option<&LandingEntry>,
    draft: &BatchDraft,
    rebased: &RebasedBatch,
    run_entries: &[u64],
) -> Result<LandingEntry, IngestError> {
    let topic = &draft.topic;
    let mut progress = before
        .map(|before| before.progress.clone())
        .unwrap_or_default();
    let next = next_offsets(before, draft, rebased).for_topic(&topic.name)?;
    advance_completeness(&mut progress, draft, &rebased.kept, &next);
    let mut totals = before.map(|before| before.totals).unwrap_or_default();
    add_totals(&mut totals, &rebased.kept, &rebased.holes);
    Ok(LandingEntry {
        version: ENTRY_VERSION,
        batch_id: draft.batch_id,
        run_id: draft.run.id.clone(),
        run_continues: draft.run_continues || (draft.run.named && !rebased.dropped.is_empty()),
        run_entries: run_entries.to_vec(),
        topic: topic.name.clone(),
        // A broker that did not report its id this time is still the same.
        cluster_id: known_id(&topic.cluster_id, before.map(|before| &before.cluster_id)),
        topic_id: known_id(&topic.topic_id, before.map(|before| &before.topic_id)),
        started_at: draft.started_at,
        closed_by: draft.content.closed_by,
        ranges: rebased.kept.clone(),
        holes: rebased.holes.clone(),
        next,
        totals,
        event_time_field: draft.event_time_field.clone(),
        progress,
    })
}

/// The next offsets after the entry, checked against the one before.
fn next_offsets(
    before: Option<&LandingEntry>,
    draft: &BatchDraft,
    rebased: &RebasedBatch,
) -> Result<BTreeMap<i32, i64>, ContinuityError> {
    let known_offsets = before.map(|before| before.next.clone()).unwrap_or_default();
    let mut next = advance_offsets(&known_offsets, &rebased.holes, &rebased.kept)?;
    for (partition, start) in draft.start.ledger_offsets() {
        next.entry(partition).or_insert(start);
    }
    check_continuity(&known_offsets, &rebased.holes, &rebased.kept, &next)?;
    Ok(next)
}

fn known_id(now: &Option<String>, before: Option<&Option<String>>) -> Option<String> {
    now.clone().or_else(|| before.cloned().flatten())
}

fn add_totals(totals: &mut TopicTotals, ranges: &[LandedRange], holes: &[Hole]) {
    for range in ranges {
        totals.rows += range.rows;
        totals.rejects += range.rejects;
        totals.events_ahead += range.events_ahead;
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
    // Earlier versions counted events from the future, too.
    for completeness in progress.values_mut() {
        completeness.latest_event = completeness
            .latest_event
            .filter(|latest| *latest <= draft.started_at + FUTURE_TOLERANCE);
    }
    for range in kept {
        if let Some(times) = range.event_time {
            let latest = &mut progress.entry(range.partition).or_default().latest_event;
            *latest = (*latest).max(Some(times.max));
        }
    }
    let start_offsets = draft.start.ledger_offsets();
    for (partition, at) in &draft.content.caught_up {
        // Only if the ledger holds everything up to that end.
        let read_to = kept
            .iter()
            .filter(|range| range.partition == *partition)
            .map(|range| range.end)
            .max()
            .or_else(|| start_offsets.get(partition).copied());
        if read_to.is_some() && read_to == next.get(partition).copied() {
            let caught_up = &mut progress.entry(*partition).or_default().caught_up_at;
            *caught_up = (*caught_up).max(Some(*at));
        }
    }
}
