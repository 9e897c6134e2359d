//! Deletes small files whose bytes are safe in a joined file.
//!
//! Of each partition, the last small file of a joined file stays. Programs that do not
//! know joined files find a landing folder by the names of its files, and then read its
//! ledger, which they refuse (`append_joining_mark`). Without any file they would read
//! nothing there and not notice.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use serde::{Deserialize, Serialize};
use sluice_landing::{JOINED_FOLDER, JoinedEntry, TopicLanding};
use sluice_ledger::Entry;
use sluice_service::crash;
use sluice_storage::{Location, StoreError};

use super::append::require_same_ledger;
use super::check::{find_bytes_problem, find_record_problem};
use crate::IngestError;
use crate::batch::landing_file::delete_file;
use crate::error::ForTopic as _;
use crate::topic::orphan_files::list_files;

/// How many files are deleted at the same time.
const CONCURRENT_DELETES: usize = 16;

/// The file that says which entries need not be looked at again. It only saves work.
const DELETED_FILE: &str = "_deleted.json";

#[derive(Serialize, Deserialize)]
struct DeletedMark {
    /// The newest entry whose small files were deleted, and those of all before.
    seq: u64,
}

/// Deletes the small files of entries that were appended before `latest`, and returns
/// how many were deleted.
///
/// # Errors
/// When a joined file is not what its entry and the topic's ledger say: then its small
/// files stay.
pub(super) async fn delete_joined(
    landing: &TopicLanding,
    topic: &str,
    latest: DateTime<Utc>,
) -> Result<u64, IngestError> {
    let Some(tail) = landing.joined().newest_entry().await.for_topic(topic)? else {
        return Ok(0);
    };
    require_same_ledger(landing, topic, &tail).await?;
    let first = read_mark(landing, topic).await?.map_or(0, |seq| seq + 1);
    if first > tail.seq {
        return Ok(0);
    }
    let listed = list_files(landing.store_path()).await.for_topic(topic)?;
    let existing: HashSet<String> = listed.into_iter().map(|file| file.path).collect();
    let ledger = landing.joined().ledger();
    let mut entries = Box::pin(ledger.read_range(first..=tail.seq));
    let mut deleted = 0;
    while let Some(entry) = entries.try_next().await.for_topic(topic)? {
        if entry.created_at > latest {
            break;
        }
        let paths = deletable_files(&entry, &existing);
        if !paths.is_empty() {
            require_safe(landing, topic, &entry).await?;
            crash::reach_point("join.4a");
            deleted += delete_files(landing, topic, paths).await?;
        }
        write_mark(landing, topic, entry.seq).await?;
        crash::reach_point("join.4c");
    }
    Ok(deleted)
}

/// The small files of an entry that exist, without those that stay.
fn deletable_files(entry: &Entry<JoinedEntry>, existing: &HashSet<String>) -> Vec<String> {
    let mut last: BTreeMap<i32, &str> = BTreeMap::new();
    for part in entry.body.rows.iter().flat_map(|rows| &rows.parts) {
        last.insert(part.partition, &part.path);
    }
    let stays: HashSet<&str> = last.into_values().collect();
    let parts = entry.body.files().flat_map(|file| &file.parts);
    parts
        .map(|part| &part.path)
        .filter(|path| existing.contains(*path) && !stays.contains(path.as_str()))
        .cloned()
        .collect()
}

/// Reads the joined files again: nothing is deleted whose bytes are not in them.
async fn require_safe(
    landing: &TopicLanding,
    topic: &str,
    entry: &Entry<JoinedEntry>,
) -> Result<(), IngestError> {
    let unsafe_file = |path: &str, problem| IngestError::NotAsLanded {
        topic: topic.to_owned(),
        location: format!("{}/{path}", landing.store_path().location),
        seq: entry.body.from,
        problem,
    };
    if let Some(problem) = find_record_problem(landing, topic, entry).await? {
        return Err(unsafe_file(JOINED_FOLDER, problem));
    }
    for file in entry.body.files() {
        if let Some(problem) = find_bytes_problem(landing, topic, file).await? {
            return Err(unsafe_file(&file.path, problem));
        }
    }
    Ok(())
}

async fn delete_files(
    landing: &TopicLanding,
    topic: &str,
    paths: Vec<String>,
) -> Result<u64, IngestError> {
    let store_path = landing.store_path();
    let deletes = futures::stream::iter(paths)
        .map(|path| async move {
            let deleted = delete_file(store_path, &path).await;
            crash::reach_point("join.4b");
            deleted
        })
        .buffer_unordered(CONCURRENT_DELETES);
    let deleted: Vec<()> = deletes.try_collect().await.for_topic(topic)?;
    Ok(deleted.len() as u64)
}

fn mark_location(landing: &TopicLanding) -> Result<Location, StoreError> {
    let folder = landing.store_path().location.child(JOINED_FOLDER)?;
    folder.child(DELETED_FILE)
}

async fn read_mark(landing: &TopicLanding, topic: &str) -> Result<Option<u64>, IngestError> {
    let location = mark_location(landing).for_topic(topic)?;
    let bytes = landing.store_path().read_object(location.path()).await;
    let bytes = bytes.for_topic(topic)?;
    // Without a valid mark, all entries are looked at.
    Ok(bytes.and_then(|bytes| {
        let mark: Result<DeletedMark, _> = serde_json::from_slice(&bytes);
        mark.ok().map(|mark| mark.seq)
    }))
}

async fn write_mark(landing: &TopicLanding, topic: &str, seq: u64) -> Result<(), IngestError> {
    let location = mark_location(landing).for_topic(topic)?;
    let text = serde_json::to_vec(&DeletedMark { seq }).unwrap_or_default();
    let store = &landing.store_path().store;
    match store.put(location.path(), text.into()).await {
        Ok(_) => Ok(()),
        Err(source) => Err(StoreError::access("write", &location, source)).for_topic(topic),
    }
}
