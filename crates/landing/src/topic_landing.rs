//! Reads what has landed: the files and lines of a range of entries, also those that
//! are ranges of joined files.
//!
//! For a topic, only the files that an entry names are returned. Other files in
//! the folder, such as those of a run that was killed, are ignored.

use std::io::{BufRead as _, BufReader, Read};
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use sluice_compression::Compression;
use sluice_ledger::{Entry, Ledger, LedgerError};
use sluice_storage::{SourceFile, StoreError, StorePath, StoredRange};

use crate::entry::{LandingEntry, StoredFile};
use crate::file_name::LEDGER_FOLDER;
use crate::joined_entry::{JoinedEntry, JoinedFile, JoinedPart};
use crate::joined_ledger::{Freshness, IndexedEntry, JoinedLedger};
use crate::landed_files::LandedFilesError;

/// The ledger of a topic's folder.
///
/// # Errors
/// When the folder's path cannot have a folder below it.
pub fn open_ledger(topic: &StorePath) -> Result<Ledger<LandingEntry>, StoreError> {
    Ok(Ledger::new(StorePath {
        store: topic.store.clone(),
        location: topic.location.child(LEDGER_FOLDER)?,
    }))
}

/// What has landed of one topic.
#[derive(Debug, Clone)]
pub struct TopicLanding {
    store_path: StorePath,
    ledger: Ledger<LandingEntry>,
    joined: JoinedLedger,
}

/// A file of JSON lines that an entry names. A folder can have a million of them, so
/// there is only what a reader of the bytes needs.
#[derive(Debug, Clone, PartialEq)]
pub struct LandedFile {
    /// The entry that names it.
    pub seq: u64,
    /// In the topic's store.
    pub path: Path,
    /// Size as stored.
    pub bytes: u64,
    /// The range of a joined file that has the bytes; `None` when they are at `path`.
    pub stored: Option<StoredRange>,
    /// When it was written, if its bytes are in a joined file.
    pub modified: Option<DateTime<Utc>>,
}

impl LandedFile {
    /// The file as one of a source, when its bytes are in a joined file; itself
    /// otherwise.
    ///
    /// # Errors
    /// When its bytes are at its own path.
    pub fn into_joined_source_file(self) -> Result<SourceFile, Self> {
        if self.stored.is_none() {
            return Err(self);
        }
        Ok(SourceFile {
            path: self.path,
            size: self.bytes,
            last_modified: self.modified.unwrap_or_default(),
            e_tag: None,
            partition_values: Vec::new(),
            stored: self.stored,
        })
    }
}

impl TopicLanding {
    /// Opens the folder of one topic, `landing/<topic>`. Reads nothing.
    ///
    /// # Errors
    /// When the folder's path cannot have a folder below it.
    pub fn open(store_path: StorePath) -> Result<Self, StoreError> {
        let ledger = open_ledger(&store_path)?;
        let joined = JoinedLedger::open(&store_path)?;
        Ok(Self {
            store_path,
            ledger,
            joined,
        })
    }

    /// The topic's folder.
    pub fn store_path(&self) -> &StorePath {
        &self.store_path
    }

    /// The topic's ledger.
    pub fn ledger(&self) -> &Ledger<LandingEntry> {
        &self.ledger
    }

    /// The newest entry; `None` when nothing has landed or the folder has no ledger.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn newest_entry(&self) -> Result<Option<Entry<LandingEntry>>, LedgerError> {
        self.ledger.read_tail().await
    }

    /// The ledger of joined files.
    pub fn joined(&self) -> &JoinedLedger {
        &self.joined
    }

    /// The stored bytes of a file that entry `seq` names.
    ///
    /// # Errors
    /// When the file is missing or cannot be read.
    pub async fn fetch_file(&self, seq: u64, file: &StoredFile) -> Result<Bytes, LandedFilesError> {
        for freshness in [Freshness::Known, Freshness::Newest] {
            let joined = self.joined.find_entry(seq, freshness).await?;
            if let Some(entry) = joined {
                return self.fetch_part(&entry, seq, file).await;
            }
            let location = self.store_path.location.join(&file.path)?;
            let got = self.store_path.store.get(location.path()).await;
            match got {
                // It may have been joined since the newest entry was read.
                Err(object_store::Error::NotFound { .. }) if freshness == Freshness::Known => {}
                got => {
                    let fail = |source| StoreError::access("read", &location, source);
                    let bytes = got.map_err(fail)?.bytes().await;
                    return Ok(bytes.map_err(fail)?);
                }
            }
        }
        Err(LandedFilesError::Missing {
            location: self.store_path.location.join(&file.path)?.to_string(),
            seq,
        })
    }

    async fn fetch_part(
        &self,
        indexed: &IndexedEntry,
        seq: u64,
        file: &StoredFile,
    ) -> Result<Bytes, LandedFilesError> {
        let entry = &indexed.entry;
        let found = indexed.find_part(seq, &file.path);
        let (joined, offset, _) =
            found
                .filter(|(_, _, part)| part.is_file(file))
                .ok_or_else(|| {
                    let (path, joined) = (&file.path, entry.seq);
                    self.unfit_joined(format!(
                        "entry {joined} does not have `{path}` as it landed"
                    ))
                })?;
        let location = self.store_path.location.join(&joined.path)?;
        if file.bytes == 0 {
            return Ok(Bytes::new());
        }
        let range = offset..offset + file.bytes;
        match self
            .store_path
            .store
            .get_range(location.path(), range)
            .await
        {
            Ok(bytes) => Ok(bytes),
            Err(source) => {
                self.require_whole(entry, joined).await?;
                Err(StoreError::access("read", &location, source).into())
            }
        }
    }

    fn unfit_joined(&self, problem: String) -> LandedFilesError {
        LandedFilesError::Joined {
            ledger: self.joined.ledger().store_path().location.to_string(),
            problem,
        }
    }

    /// The files of these entries in commit order, and within an entry by partition
    /// and offset. The newest of the entries must have been read before: what was
    /// deleted meanwhile is then found in a joined file.
    ///
    /// # Errors
    /// When a ledger cannot be read, or a joined file is missing.
    pub async fn landed_files(
        &self,
        entries: RangeInclusive<u64>,
    ) -> Result<Vec<LandedFile>, LandedFilesError> {
        let (mut next, last) = (*entries.start(), *entries.end());
        let mut files = Vec::new();
        for joined in self.joined.entries_for(&entries).await? {
            if next < joined.body.from {
                self.add_small_files(next..=joined.body.from - 1, &mut files)
                    .await?;
            }
            self.require_same_ledger(&joined).await?;
            if let Some(rows) = &joined.body.rows {
                self.require_whole(&joined, rows).await?;
                let stored = Arc::new(self.store_path.location.path_below(&rows.path)?);
                for (offset, part) in rows.parts_with_offsets() {
                    if entries.contains(&part.seq) {
                        files.push(self.landed_part(&stored, offset, part)?);
                    }
                }
            }
            next = joined.body.to;
        }
        if next <= last {
            self.add_small_files(next..=last, &mut files).await?;
        }
        Ok(files)
    }

    async fn add_small_files(
        &self,
        entries: RangeInclusive<u64>,
        files: &mut Vec<LandedFile>,
    ) -> Result<(), LandedFilesError> {
        let mut entries = Box::pin(self.ledger.read_range(entries));
        while let Some(entry) = entries.try_next().await? {
            files.extend(files_of_entry(&self.store_path, &entry)?);
        }
        Ok(())
    }

    /// Fails when the joined files were made of another ledger's files.
    async fn require_same_ledger(
        &self,
        joined: &Entry<JoinedEntry>,
    ) -> Result<(), LandedFilesError> {
        let last = joined.body.to.saturating_sub(1);
        let entry = self.ledger.read_entry(last).await?;
        if entry.is_none_or(|entry| entry.id != joined.body.last_id) {
            let number = joined.seq;
            return Err(self.unfit_joined(format!(
                "entry {number} was made when entry {last} of the topic's ledger was another one"
            )));
        }
        Ok(())
    }

    /// Fails when a joined file is missing or has another size.
    async fn require_whole(
        &self,
        entry: &Entry<JoinedEntry>,
        file: &JoinedFile,
    ) -> Result<(), LandedFilesError> {
        let location = self.store_path.location.join(&file.path)?;
        match self.store_path.store.head(location.path()).await {
            Ok(meta) if meta.size == file.bytes() => Ok(()),
            Ok(meta) => Err(LandedFilesError::JoinedSize {
                location: location.to_string(),
                seq: entry.seq,
                found: meta.size,
                expected: file.bytes(),
            }),
            Err(object_store::Error::NotFound { .. }) => Err(LandedFilesError::JoinedMissing {
                location: location.to_string(),
                seq: entry.seq,
            }),
            Err(error) => Err(StoreError::access("read", &location, error).into()),
        }
    }

    fn landed_part(
        &self,
        joined: &Arc<Path>,
        offset: u64,
        part: &JoinedPart,
    ) -> Result<LandedFile, StoreError> {
        Ok(LandedFile {
            seq: part.seq,
            path: self.store_path.location.path_below(&part.path)?,
            bytes: part.bytes,
            stored: Some(StoredRange {
                path: Arc::clone(joined),
                offset,
            }),
            modified: Some(part.modified),
        })
    }
}

fn files_of_entry(
    topic: &StorePath,
    entry: &Entry<LandingEntry>,
) -> Result<Vec<LandedFile>, StoreError> {
    let landed = |file: &StoredFile| {
        Ok(LandedFile {
            seq: entry.seq,
            path: topic.location.path_below(&file.path)?,
            bytes: file.bytes,
            stored: None,
            modified: None,
        })
    };
    let ranges = entry.body.ranges.iter();
    ranges
        .filter_map(|range| range.file.as_ref())
        .map(landed)
        .collect()
}

/// The lines of a stored file, without their line feeds.
///
/// # Errors
/// When the decompressor cannot be created. Each line can fail too.
pub fn read_lines<'a>(
    compression: Compression,
    stored: impl Read + Send + 'a,
) -> std::io::Result<impl Iterator<Item = std::io::Result<Vec<u8>>> + 'a> {
    let reader = BufReader::with_capacity(1 << 16, compression.open_reader(stored)?);
    Ok(reader.split(b'\n'))
}
