//! Reads what has landed: the files and lines of a range of entries.
//!
//! For a topic, only the files that an entry names are returned. Other files in
//! the folder, such as those of a run that was killed, are ignored.

use std::io::{BufRead as _, BufReader, Read};
use std::ops::RangeInclusive;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use object_store::ObjectStoreExt as _;
use sluice_compression::Compression;
use sluice_ledger::{Entry, Ledger, LedgerError};
use sluice_storage::{Location, StoreError, StorePath};

use crate::entry::{LandedRange, LandingEntry, StoredFile};
use crate::file_name::LEDGER_FOLDER;
use crate::offset_spans::OffsetSpans;

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
}

/// A file of JSON lines that an entry names.
#[derive(Debug, Clone, PartialEq)]
pub struct LandedFile {
    /// The entry that names it.
    pub seq: u64,
    pub location: Location,
    /// Size as stored.
    pub bytes: u64,
    pub compression: Compression,
    pub partition: i32,
    /// The number of lines.
    pub rows: u64,
    /// The offset of each line.
    pub offsets: OffsetSpans,
    /// See [`crate::StoredFile`].
    pub checksum: String,
}

impl TopicLanding {
    /// Opens the folder of one topic, `landing/<topic>`. Reads nothing.
    ///
    /// # Errors
    /// When the folder's path cannot have a folder below it.
    pub fn open(store_path: StorePath) -> Result<Self, StoreError> {
        let ledger = open_ledger(&store_path)?;
        Ok(Self { store_path, ledger })
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

    /// The stored bytes of a file that an entry names.
    ///
    /// # Errors
    /// When the file is missing or cannot be read.
    pub async fn fetch_file(&self, file: &StoredFile) -> Result<Bytes, StoreError> {
        let location = self.store_path.location.join(&file.path)?;
        let fail = |source| StoreError::access("read", &location, source);
        let store = &self.store_path.store;
        let got = store.get(location.path()).await.map_err(fail)?;
        got.bytes().await.map_err(fail)
    }

    /// The files of these entries in commit order, and within an entry by partition
    /// and offset.
    pub fn landed_files(
        &self,
        entries: RangeInclusive<u64>,
    ) -> impl Stream<Item = Result<LandedFile, LedgerError>> + Send + use<> {
        let topic = self.store_path.clone();
        self.ledger
            .read_range(entries)
            .map(move |entry| {
                let files = entry.and_then(|entry| files_of_entry(&topic, &entry));
                futures::stream::iter(match files {
                    Ok(files) => files.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                })
            })
            .flatten()
    }
}

fn files_of_entry(
    topic: &StorePath,
    entry: &Entry<LandingEntry>,
) -> Result<Vec<LandedFile>, LedgerError> {
    let landed = |range: &LandedRange| {
        let file = range.file.as_ref()?;
        Some(topic.location.join(&file.path).map(|location| LandedFile {
            seq: entry.seq,
            location,
            bytes: file.bytes,
            compression: Compression::from_path(&file.path),
            partition: range.partition,
            rows: range.rows,
            offsets: range.line_offsets(),
            checksum: file.checksum.clone(),
        }))
    };
    let files: Result<Vec<_>, StoreError> = entry.body.ranges.iter().filter_map(landed).collect();
    Ok(files?)
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
