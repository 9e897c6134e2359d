//! Joins the files of entries, span by span, and records each joined file.

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use sluice_landing::{
    JOINED_VERSION, JoinedEntry, JoinedFile, JoinedPart, LandingEntry, TopicLanding,
};
use sluice_ledger::{AppendOutcome, Entry};
use sluice_service::crash;
use uuid::Uuid;

use super::span::{Choice, JoinSpan, SpanChooser};
use super::write::write_joined;
use super::{JoinOptions, JoinReport};
use crate::IngestError;
use crate::batch::landing_file::delete_file;
use crate::error::ForTopic as _;

/// Older files are not recorded, because they may be deleted as orphans when they are
/// twice as old.
const MAX_AGE: TimeDelta = TimeDelta::hours(12);

/// Joins all files of the entries up to `newest` that are worth it.
pub(super) async fn join_entries(
    landing: &TopicLanding,
    newest: &Entry<LandingEntry>,
    options: &JoinOptions,
    report: &mut JoinReport,
) -> Result<(), IngestError> {
    let topic = newest.body.topic.as_str();
    loop {
        let tail = landing.joined().newest_entry().await.for_topic(topic)?;
        crash::reach_point("join.1");
        if let Some(tail) = &tail {
            require_same_ledger(landing, topic, tail).await?;
        }
        let first = tail.as_ref().map_or(0, |tail| tail.body.to);
        let Some(span) = choose_span(landing, newest, first, options).await? else {
            return Ok(());
        };
        if tail.is_none() {
            append_joining_mark(landing, newest).await?;
        }
        let number = tail.map_or(0, |tail| tail.seq + 1);
        if let Err(error) = append_span(landing, topic, number, span, report).await {
            // Another process may have joined the same files first, and deleted them.
            let tail = landing.joined().newest_entry().await.for_topic(topic)?;
            if tail.is_none_or(|tail| tail.seq < number) {
                return Err(error);
            }
            tracing::info!(topic, number, %error, "another process has joined these files");
        }
    }
}

/// Fails when the joined files were made of another ledger's files: the folder was
/// emptied and filled again.
pub(super) async fn require_same_ledger(
    landing: &TopicLanding,
    topic: &str,
    joined: &Entry<JoinedEntry>,
) -> Result<(), IngestError> {
    let last = joined.body.to.saturating_sub(1);
    let entry = landing.ledger().read_entry(last).await.for_topic(topic)?;
    match entry {
        Some(entry) if entry.id == joined.body.last_id => Ok(()),
        _ => Err(IngestError::NotAsLanded {
            topic: topic.to_owned(),
            location: landing.joined().ledger().store_path().location.to_string(),
            seq: last,
            problem: "its joined files were made of another ledger's files".to_owned(),
        }),
    }
}

async fn choose_span(
    landing: &TopicLanding,
    newest: &Entry<LandingEntry>,
    first: u64,
    options: &JoinOptions,
) -> Result<Option<JoinSpan>, IngestError> {
    let topic = newest.body.topic.as_str();
    let mut chooser = SpanChooser::new(options, Utc::now());
    if first <= newest.seq {
        let mut entries = Box::pin(landing.ledger().read_range(first..=newest.seq));
        while let Some(entry) = entries.try_next().await.for_topic(topic)? {
            if chooser.add_entry(&entry) == Choice::Done {
                break;
            }
        }
    }
    Ok(chooser.into_span())
}

/// Appends an entry to the topic's ledger that programs do not read which do not know
/// joined files: where they do not notice that a small file is missing, they would read
/// too few rows. It is there before the first small file is deleted.
async fn append_joining_mark(
    landing: &TopicLanding,
    newest: &Entry<LandingEntry>,
) -> Result<(), IngestError> {
    let topic = newest.body.topic.as_str();
    let mut newest = newest.clone();
    loop {
        let mark = newest.body.joining_mark();
        let appended = landing.ledger().append(newest.seq + 1, mark).await;
        match appended.for_topic(topic)? {
            AppendOutcome::Committed(_) => return Ok(()),
            // Ingest has committed meanwhile.
            AppendOutcome::Lost(winner) => {
                let tail = landing.newest_entry().await.for_topic(topic)?;
                newest = tail.unwrap_or(winner);
            }
        }
    }
}

/// Writes the files of a span and records them as this entry, unless another process
/// has appended it: then the files are deleted.
async fn append_span(
    landing: &TopicLanding,
    topic: &str,
    number: u64,
    span: JoinSpan,
    report: &mut JoinReport,
) -> Result<(), IngestError> {
    let started_at = Utc::now();
    let id = Uuid::now_v7();
    let (from, to, last_id) = (span.from, span.to, span.last_id);
    let path = |kind| JoinedEntry::new_path(from, to, id, kind, span.compression);
    let rows = write_parts(landing, topic, path("rows"), span.rows).await?;
    let rejects = match write_parts(landing, topic, path("rejects"), span.rejects).await {
        Ok(rejects) => rejects,
        Err(error) => {
            discard_files(landing, rows.iter()).await;
            return Err(error);
        }
    };
    let body = JoinedEntry {
        version: JOINED_VERSION,
        from,
        to,
        last_id,
        started_at,
        rows,
        rejects,
    };
    crash::reach_point("join.3a");
    if let Err(error) = require_recent(topic, started_at) {
        discard_files(landing, body.files()).await;
        return Err(error);
    }
    match landing.joined().ledger().append(number, body.clone()).await {
        Ok(AppendOutcome::Committed(entry)) => {
            crash::reach_point("join.3b");
            for file in entry.body.files() {
                report.joined_files += 1;
                report.parts += file.parts.len() as u64;
                report.bytes += file.bytes();
            }
            tracing::info!(topic, from, to, number, "small files were joined");
            Ok(())
        }
        Ok(AppendOutcome::Lost(_)) => {
            discard_files(landing, body.files()).await;
            Ok(())
        }
        Err(error) => {
            if !error.is_outcome_unknown() {
                discard_files(landing, body.files()).await;
            }
            Err(error).for_topic(topic)
        }
    }
}

async fn write_parts(
    landing: &TopicLanding,
    topic: &str,
    path: String,
    parts: Vec<JoinedPart>,
) -> Result<Option<JoinedFile>, IngestError> {
    if parts.is_empty() {
        return Ok(None);
    }
    write_joined(landing, topic, path, parts).await.map(Some)
}

fn require_recent(topic: &str, started_at: DateTime<Utc>) -> Result<(), IngestError> {
    let age = Utc::now() - started_at;
    if age <= MAX_AGE {
        return Ok(());
    }
    Err(IngestError::TooOld {
        topic: topic.to_owned(),
        hours: age.num_hours(),
    })
}

/// Best effort: a file that remains is an orphan.
async fn discard_files(landing: &TopicLanding, files: impl Iterator<Item = &JoinedFile>) {
    for file in files {
        if let Err(error) = delete_file(landing.store_path(), &file.path).await {
            tracing::debug!(file = file.path, %error, "a dropped file stays as an orphan");
        }
    }
}
