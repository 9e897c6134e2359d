//! Writes one joined file: the stored bytes of small files, one after the other.

use std::hash::Hasher as _;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use sluice_landing::{
    Compression, JOINED_FOLDER, JoinedFile, JoinedPart, StoredFile, TopicLanding,
};
use sluice_service::crash;
use sluice_storage::StoreError;
use tokio::sync::mpsc;
use twox_hash::XxHash3_64;

use crate::IngestError;
use crate::batch::landing_file::{LandingFile, TopicFolder, format_checksum};
use crate::error::ForTopic as _;

/// How many small files are read at the same time.
const CONCURRENT_READS: usize = 8;

/// What the thread that writes gets.
enum WriteStep {
    Append(Bytes),
    /// All bytes were given: the file gets its name.
    Persist,
}

/// Makes a joined file of these small files durable at `path`.
///
/// # Errors
/// When a small file is not what its entry says, or something cannot be read or written.
/// The file then does not exist.
pub(super) async fn write_joined(
    landing: &TopicLanding,
    topic: &str,
    path: String,
    parts: Vec<JoinedPart>,
) -> Result<JoinedFile, IngestError> {
    let folder = TopicFolder::new(landing.store_path().clone());
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let (steps, received) = mpsc::channel(CONCURRENT_READS);
    let writer = tokio::task::spawn_blocking(move || write_steps(&folder, &name, received));
    let reading = read_parts(landing, topic, parts, &steps).await;
    let persisting = match &reading {
        Ok(_) => steps.send(WriteStep::Persist).await.is_ok(),
        Err(_) => false,
    };
    drop(steps);
    let written = writer.await.map_err(|_| IngestError::Internal {
        topic: topic.to_owned(),
        problem: "a thread that writes a joined file ended early",
    })?;
    let written = written.for_topic(topic)?;
    let parts = reading?;
    let joined = JoinedFile { path, parts };
    match written {
        Some(stored) if persisting && stored.bytes == joined.bytes() => Ok(joined),
        _ => Err(IngestError::Internal {
            topic: topic.to_owned(),
            problem: "a joined file does not have all bytes of its parts",
        }),
    }
}

fn write_steps(
    folder: &TopicFolder,
    name: &str,
    mut steps: mpsc::Receiver<WriteStep>,
) -> Result<Option<StoredFile>, StoreError> {
    // The parts are compressed already.
    let mut file = LandingFile::create(folder, Some(JOINED_FOLDER), "joined", Compression::None)?;
    while let Some(step) = steps.blocking_recv() {
        match step {
            WriteStep::Append(bytes) => file.write_bytes(&bytes)?,
            WriteStep::Persist => {
                crash::reach_point("join.2a");
                let stored = file.persist_as(name)?;
                crash::reach_point("join.2b");
                return Ok(Some(stored));
            }
        }
    }
    Ok(None)
}

/// Sends the bytes of the small files to the writer, and returns the parts with the
/// times of the files.
async fn read_parts(
    landing: &TopicLanding,
    topic: &str,
    parts: Vec<JoinedPart>,
    steps: &mpsc::Sender<WriteStep>,
) -> Result<Vec<JoinedPart>, IngestError> {
    let mut reads = futures::stream::iter(parts)
        .map(|part| read_part(landing, topic, part))
        .buffered(CONCURRENT_READS);
    let mut done = Vec::new();
    while let Some((part, bytes)) = reads.try_next().await? {
        if steps.send(WriteStep::Append(bytes)).await.is_err() {
            // The writer's error is returned by it.
            break;
        }
        done.push(part);
    }
    Ok(done)
}

async fn read_part(
    landing: &TopicLanding,
    topic: &str,
    mut part: JoinedPart,
) -> Result<(JoinedPart, Bytes), IngestError> {
    let folder = landing.store_path();
    let location = folder.location.join(&part.path).for_topic(topic)?;
    let fail = |source| StoreError::access("read", &location, source);
    let got = folder.store.get(location.path()).await;
    let got = got.map_err(fail).for_topic(topic)?;
    part.modified = got.meta.last_modified;
    let bytes = got.bytes().await.map_err(fail).for_topic(topic)?;
    let mut hash = XxHash3_64::with_seed(0);
    hash.write(&bytes);
    let found = format_checksum(&hash);
    if bytes.len() as u64 != part.bytes || found != part.checksum {
        return Err(IngestError::NotAsLanded {
            topic: topic.to_owned(),
            location: location.to_string(),
            seq: part.seq,
            problem: format!(
                "it has {} bytes with checksum {found}, and should have {} with {}",
                bytes.len(),
                part.bytes,
                part.checksum
            ),
        });
    }
    Ok((part, bytes))
}
