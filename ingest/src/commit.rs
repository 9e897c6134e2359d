//! Commits a batch: appends an entry with all of it, or with the part that still
//! continues the ledger, or nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use sluice_ledger::{Appended, Entry, Ledger};
use sluice_service::crash;
use sluice_storage::Place;
use uuid::Uuid;

use crate::IngestError;
use crate::orphans::remove;
use crate::tiling::{Rebased, advance, check, rebase};
use sluice_landing::{Batch, Closed, ENTRY_VERSION, Hole, Progress, Range, Totals};

/// An older batch is not committed, because its files may be deleted as orphans
/// when they are twice as old.
pub(crate) const OLDEST: TimeDelta = TimeDelta::hours(12);

/// How long a run id is remembered.
const RUN_MEMORY: TimeDelta = TimeDelta::days(7);

/// A batch whose files are durable.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
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
    pub(crate) closed_by: Closed,
    pub(crate) event_time_field: Option<String>,
    pub(crate) ranges: Vec<Range>,
    pub(crate) holes: Vec<Hole>,
    /// The first offset of each partition of the batch.
    pub(crate) start: BTreeMap<i32, i64>,
    /// The partitions that were read to their end, and when.
    pub(crate) caught_up: BTreeMap<i32, DateTime<Utc>>,
}

/// The outcome of a commit.
#[derive(Debug)]
pub(crate) enum Committed {
    /// The batch was committed, without the ranges that another run committed
    /// first.
    Entry {
        entry: Entry<Batch>,
        dropped: Vec<Range>,
    },
    /// There was nothing to commit.
    Nothing {
        newest: Option<Entry<Batch>>,
        dropped: Vec<Range>,
    },
    /// A run with the same id committed first.
    SameRun { entry: Entry<Batch> },
}

/// Builds the entry for a draft that follows `before`.
fn build(
    before: Option<&Batch>,
    draft: &Draft,
    rebased: &Rebased,
    run_entries: &[u64],
) -> Result<Batch, IngestError> {
    let fail = |source| IngestError::Tiling {
        topic: draft.topic.clone(),
        source,
    };
    let known = before.map(|before| before.next.clone()).unwrap_or_default();
    let mut next = advance(&known, &rebased.holes, &rebased.kept).map_err(fail)?;
    for (partition, start) in &draft.start {
        next.entry(*partition).or_insert(*start);
    }
    check(&known, &rebased.holes, &rebased.kept, &next).map_err(fail)?;
    let mut totals = before.map(|before| before.totals).unwrap_or_default();
    add(&mut totals, &rebased.kept, &rebased.holes);
    let mut progress = before
        .map(|before| before.progress.clone())
        .unwrap_or_default();
    advance_progress(&mut progress, draft, &rebased.kept, &next);
    Ok(Batch {
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

fn add(totals: &mut Totals, ranges: &[Range], holes: &[Hole]) {
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

fn advance_progress(
    progress: &mut BTreeMap<i32, Progress>,
    draft: &Draft,
    kept: &[Range],
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
            .or_else(|| draft.start.get(partition).copied());
        if read_to.is_some() && read_to == next.get(partition).copied() {
            let caught_up = &mut progress.entry(*partition).or_default().caught_up_at;
            *caught_up = (*caught_up).max(Some(*at));
        }
    }
}

/// Appends a draft after `newest`, or after the entries that were appended
/// since.
pub(crate) async fn commit(
    ledger: &Ledger<Batch>,
    mut newest: Option<Entry<Batch>>,
    draft: &Draft,
) -> Result<Committed, IngestError> {
    let mut run_entries = draft.run_entries.clone();
    loop {
        let age = Utc::now() - draft.started_at;
        if age > OLDEST {
            return Err(IngestError::TooOld {
                topic: draft.topic.clone(),
                hours: age.num_hours(),
            });
        }
        let before = newest.as_ref().map(|entry| &entry.body);
        let empty = BTreeMap::new();
        let next = before.map_or(&empty, |before| &before.next);
        let rebased = rebase(next, &draft.holes, &draft.ranges);
        let begins = before.is_none() && !draft.start.is_empty();
        if rebased.kept.is_empty() && rebased.holes.is_empty() && !draft.named_run && !begins {
            return Ok(Committed::Nothing {
                newest,
                dropped: rebased.dropped,
            });
        }
        let body = build(before, draft, &rebased, &run_entries)?;
        let expected = newest.as_ref().map_or(0, |entry| entry.seq + 1);
        crash::point("landing.6a");
        let fail = |source| IngestError::Ledger {
            topic: draft.topic.clone(),
            source: Box::new(source),
        };
        let appended = ledger.append(expected, body).await.map_err(fail)?;
        match appended {
            Appended::Committed(entry) => {
                crash::point("landing.6b");
                return Ok(Committed::Entry {
                    entry,
                    dropped: rebased.dropped,
                });
            }
            Appended::Lost(entry) => {
                tracing::info!(
                    topic = draft.topic,
                    seq = entry.seq,
                    run_id = entry.body.run_id,
                    "another run committed first, continuing from its entry"
                );
                // Other runs may have committed more than one entry.
                let tail = ledger.tail().await.map_err(fail)?.unwrap_or(entry);
                if draft.named_run {
                    let mut since = std::pin::pin!(ledger.range(expected..=tail.seq));
                    while let Some(entry) = since.next().await {
                        let entry = entry.map_err(fail)?;
                        if entry.body.run_id != draft.run_id {
                            continue;
                        }
                        if !entry.body.run_continues {
                            return Ok(Committed::SameRun { entry });
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
pub(crate) async fn discard(place: &Place, ranges: &[Range]) {
    for file in ranges.iter().flat_map(Range::files) {
        if let Err(error) = remove(place, &file.path).await {
            tracing::debug!(file = file.path, %error, "a dropped file stays as an orphan");
        }
    }
}

/// The newest entry of a run with this id, if there was one in the last seven
/// days.
pub(crate) async fn find_run(
    ledger: &Ledger<Batch>,
    newest: Option<&Entry<Batch>>,
    run_id: &str,
    topic: &str,
) -> Result<Option<Entry<Batch>>, IngestError> {
    let Some(newest) = newest else {
        return Ok(None);
    };
    let oldest = Utc::now() - RUN_MEMORY;
    let mut last = newest.seq;
    loop {
        // The newest entries are searched first, in blocks that are read ahead.
        let first = last.saturating_sub(63);
        let mut entries: Vec<Entry<Batch>> = Vec::new();
        let mut range = std::pin::pin!(ledger.range(first..=last));
        while let Some(entry) = range.next().await {
            entries.push(entry.map_err(|source| IngestError::Ledger {
                topic: topic.to_owned(),
                source: Box::new(source),
            })?);
        }
        let too_old = entries.first().is_none_or(|entry| entry.at < oldest);
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
#[path = "commit_tests.rs"]
mod tests;
