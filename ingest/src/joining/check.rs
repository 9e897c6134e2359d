//! Compares joined files with what has landed.

use std::hash::Hasher as _;

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use sluice_landing::{JoinedEntry, JoinedFile, JoinedPart, TopicLanding};
use sluice_ledger::Entry;
use sluice_storage::StoreError;
use twox_hash::XxHash3_64;

use crate::IngestError;
use crate::batch::landing_file::format_checksum;
use crate::error::ForTopic as _;

/// What is wrong with the record of joined files, compared with the topic's ledger.
///
/// # Errors
/// When the topic's ledger cannot be read.
pub(crate) async fn find_record_problem(
    landing: &TopicLanding,
    topic: &str,
    joined: &Entry<JoinedEntry>,
) -> Result<Option<String>, IngestError> {
    let JoinedEntry { from, to, .. } = joined.body;
    if from >= to {
        return Ok(Some(format!("it has the landing entries {from}..{to}")));
    }
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    let mut last_id = None;
    let mut entries = Box::pin(landing.ledger().read_range(from..=to - 1));
    while let Some(entry) = entries.try_next().await.for_topic(topic)? {
        let (more_rows, more_rejects) = JoinedPart::of_entry(&entry);
        rows.extend(more_rows);
        rejects.extend(more_rejects);
        last_id = Some(entry.id);
    }
    if last_id != Some(joined.body.last_id) {
        let last = to - 1;
        return Ok(Some(format!("landing entry {last} has another id")));
    }
    let pairs = [(&joined.body.rows, rows), (&joined.body.rejects, rejects)];
    for (file, expected) in pairs {
        let found: &[JoinedPart] = file.as_ref().map_or(&[], |file| &file.parts);
        if found.len() != expected.len() {
            return Ok(Some(format!(
                "it has {} parts, and {} files have landed",
                found.len(),
                expected.len()
            )));
        }
        for (part, mut expected) in found.iter().zip(expected) {
            expected.modified = part.modified;
            if *part != expected {
                let path = &part.path;
                return Ok(Some(format!("its part `{path}` is not as it landed")));
            }
        }
    }
    Ok(None)
}

/// What is wrong with the bytes of a joined file, compared with the checksums of its
/// parts.
///
/// # Errors
/// When the file cannot be read.
pub(super) async fn find_bytes_problem(
    landing: &TopicLanding,
    topic: &str,
    joined: &JoinedFile,
) -> Result<Option<String>, IngestError> {
    let folder = landing.store_path();
    let location = folder.location.join(&joined.path).for_topic(topic)?;
    let fail = |source| StoreError::access("read", &location, source);
    let got = folder.store.get(location.path()).await;
    let got = got.map_err(fail).for_topic(topic)?;
    if got.meta.size != joined.bytes() {
        let (found, expected) = (got.meta.size, joined.bytes());
        return Ok(Some(format!(
            "it has {found} bytes and should have {expected}"
        )));
    }
    let mut parts = joined.parts.iter();
    let mut part = parts.next();
    let mut hash = XxHash3_64::with_seed(0);
    let mut left = part.map_or(0, |part| part.bytes);
    let mut chunks = got.into_stream();
    while let Some(chunk) = chunks.try_next().await.map_err(fail).for_topic(topic)? {
        let mut rest = chunk.as_ref();
        while let Some(current) = part {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (bytes, after) = rest.split_at(length);
            hash.write(bytes);
            left -= length as u64;
            rest = after;
            if left > 0 {
                break;
            }
            let found = format_checksum(&std::mem::replace(&mut hash, XxHash3_64::with_seed(0)));
            if found != current.checksum {
                let path = &current.path;
                return Ok(Some(format!("its part `{path}` has the checksum {found}")));
            }
            part = parts.next();
            left = part.map_or(0, |part| part.bytes);
        }
    }
    Ok(part.map(|part| format!("it ends before its part `{}`", part.path)))
}
