//! Reads what has landed: the files and lines of a range of entries, or of a plain
//! folder.
//!
//! For a topic, only the files that an entry names are returned. Other files in
//! the folder, such as those of a run that was killed, are ignored.

use std::io::{BufRead as _, BufReader, Read};
use std::ops::RangeInclusive;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use sluice_ledger::{Entry, Ledger, LedgerError};
use sluice_storage::{
    ListRules, Location, Place, SourceFile, SourceLocation, StoreError, Stores, list_source,
};

use crate::compression::Compression;
use crate::entry::{Batch, Range};
use crate::names::LEDGER;
use crate::runs::Runs;

/// The ledger of a topic's folder.
///
/// # Errors
/// When the folder's path cannot have a folder below it.
pub fn ledger(topic: &Place) -> Result<Ledger<Batch>, StoreError> {
    Ok(Ledger::new(Place {
        store: topic.store.clone(),
        location: topic.location.child(LEDGER)?,
    }))
}

/// What has landed of one topic.
#[derive(Debug, Clone)]
pub struct Landing {
    place: Place,
    ledger: Ledger<Batch>,
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
    pub offsets: Runs,
    /// See [`crate::StoredFile`].
    pub checksum: String,
}

impl Landing {
    /// Opens the folder of one topic, `landing/<topic>`. Reads nothing.
    ///
    /// # Errors
    /// When the folder's path cannot have a folder below it.
    pub fn open(place: Place) -> Result<Self, StoreError> {
        let ledger = ledger(&place)?;
        Ok(Self { place, ledger })
    }

    /// The topic's folder.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The topic's ledger.
    pub fn ledger(&self) -> &Ledger<Batch> {
        &self.ledger
    }

    /// The newest entry; `None` when nothing has landed or the folder has no ledger.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn newest(&self) -> Result<Option<Entry<Batch>>, LedgerError> {
        self.ledger.tail().await
    }

    /// The files of these entries in commit order, and within an entry by partition
    /// and offset.
    pub fn files(
        &self,
        entries: RangeInclusive<u64>,
    ) -> impl Stream<Item = Result<LandedFile, LedgerError>> + Send + use<> {
        let place = self.place.clone();
        self.ledger
            .range(entries)
            .map(move |entry| {
                let files = entry.and_then(|entry| files_of(&place, &entry));
                futures::stream::iter(match files {
                    Ok(files) => files.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                })
            })
            .flatten()
    }

    /// The files of these entries as a list.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub async fn file_list(
        &self,
        entries: RangeInclusive<u64>,
    ) -> Result<Vec<LandedFile>, LedgerError> {
        self.files(entries).try_collect().await
    }
}

fn files_of(place: &Place, entry: &Entry<Batch>) -> Result<Vec<LandedFile>, LedgerError> {
    let landed = |range: &Range| {
        let file = range.file.as_ref()?;
        let compression = Compression::of_name(&file.path).map_or(Compression::None, |(_, c)| c);
        Some(place.location.join(&file.path).map(|location| LandedFile {
            seq: entry.seq,
            location,
            bytes: file.bytes,
            compression,
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
pub fn lines<'a>(
    compression: Compression,
    stored: impl Read + Send + 'a,
) -> std::io::Result<impl Iterator<Item = std::io::Result<Vec<u8>>> + 'a> {
    let reader = BufReader::with_capacity(1 << 16, compression.reader(stored)?);
    Ok(reader.split(b'\n'))
}

/// The files of a plain folder of JSON lines, without a ledger, sorted by path.
///
/// # Errors
/// When there are no files, or the folder cannot be listed.
pub async fn plain_files(
    stores: &Stores,
    source: &SourceLocation,
) -> Result<Vec<SourceFile>, StoreError> {
    let suffixes = [Compression::None, Compression::Zstd, Compression::Gzip];
    let rules = ListRules::suffixes(suffixes.map(Compression::suffix));
    Ok(list_source(stores, source, &rules).await?.files)
}
