//! Finds the joined files of landing entries.

use std::ops::RangeInclusive;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use sluice_ledger::{Entry, Ledger, LedgerError};
use sluice_storage::{StoreError, StorePath};

use crate::file_name::{JOINED_FOLDER, LEDGER_FOLDER};
use crate::joined_entry::{JoinedEntry, JoinedFile, JoinedPart};

/// The ledger of joined files of a topic's folder.
///
/// Its entries only say where bytes are. So a reader reads the topic's ledger first and
/// this one after it, and looks in a joined file for what an entry here covers: whether
/// the small files still exist does not matter.
#[derive(Debug, Clone)]
pub struct JoinedLedger {
    ledger: Ledger<JoinedEntry>,
    known: Arc<Mutex<KnownEntries>>,
}

/// What was read last.
#[derive(Debug, Default)]
struct KnownEntries {
    /// The newest entry, `Some(None)` when there was none; `None` before it was read.
    tail: Option<Option<Arc<Entry<JoinedEntry>>>>,
    /// The entry that was looked up last.
    found: Option<Arc<IndexedEntry>>,
}

/// An entry in which many parts are looked up one by one.
#[derive(Debug)]
pub(crate) struct IndexedEntry {
    pub(crate) entry: Arc<Entry<JoinedEntry>>,
    /// The offset of each part, for each of the entry's files.
    offsets: Vec<Vec<u64>>,
}

impl IndexedEntry {
    fn new(entry: Arc<Entry<JoinedEntry>>) -> Self {
        let offsets = entry.body.files().map(|file| {
            let parts = file.parts_with_offsets();
            parts.map(|(offset, _)| offset).collect()
        });
        Self {
            offsets: offsets.collect(),
            entry,
        }
    }

    /// The part that is a landed file of landing entry `seq`, with the joined file and
    /// the offset in it.
    pub(crate) fn find_part(
        &self,
        seq: u64,
        path: &str,
    ) -> Option<(&JoinedFile, u64, &JoinedPart)> {
        let mut files = self.entry.body.files().zip(&self.offsets);
        files.find_map(|(file, offsets)| {
            // They are in the order of their landing entries.
            let first = file.parts.partition_point(|part| part.seq < seq);
            let parts = file.parts.get(first..)?.iter().zip(offsets.get(first..)?);
            let mut of_entry = parts.take_while(|(part, _)| part.seq == seq);
            let (part, offset) = of_entry.find(|(part, _)| part.path == path)?;
            Some((file, *offset, part))
        })
    }
}

/// Whether an entry that was read before counts as the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It does.
    Known,
    /// The newest entry is read again.
    Newest,
}

impl JoinedLedger {
    /// The ledger of joined files in a topic's folder. Reads nothing.
    ///
    /// # Errors
    /// When the folder's path cannot have a folder below it.
    pub fn open(topic: &StorePath) -> Result<Self, StoreError> {
        let folder = topic.location.child(JOINED_FOLDER)?;
        let ledger = Ledger::new(StorePath {
            store: Arc::clone(&topic.store),
            location: folder.child(LEDGER_FOLDER)?,
        });
        Ok(Self {
            ledger,
            known: Arc::default(),
        })
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger<JoinedEntry> {
        &self.ledger
    }

    /// The newest entry; `None` when no files were joined.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn newest_entry(&self) -> Result<Option<Arc<Entry<JoinedEntry>>>, LedgerError> {
        let tail = self.ledger.read_tail().await?.map(Arc::new);
        self.known.lock().tail = Some(tail.clone());
        Ok(tail)
    }

    /// The entry whose joined files have the files of landing entry `seq`, if one has.
    pub(crate) async fn find_entry(
        &self,
        seq: u64,
        freshness: Freshness,
    ) -> Result<Option<Arc<IndexedEntry>>, LedgerError> {
        let known = self.known.lock().found.clone();
        if let Some(found) = known.filter(|found| covers(&found.entry, seq)) {
            return Ok(Some(found));
        }
        let known = self.known.lock().tail.clone();
        let tail = match known.filter(|_| freshness == Freshness::Known) {
            Some(tail) => tail,
            None => self.newest_entry().await?,
        };
        let Some(tail) = tail else {
            return Ok(None);
        };
        let Some(found) = self.find_from(seq, &tail).await? else {
            return Ok(None);
        };
        let found = self.read_entry(found, &tail).await?;
        if !covers(&found, seq) {
            return Ok(None);
        }
        let found = Arc::new(IndexedEntry::new(found));
        self.known.lock().found = Some(Arc::clone(&found));
        Ok(Some(found))
    }

    /// The entries, as they are now, whose joined files have files of these landing
    /// entries.
    pub(crate) async fn entries_for(
        &self,
        landing: &RangeInclusive<u64>,
    ) -> Result<Vec<Arc<Entry<JoinedEntry>>>, LedgerError> {
        let Some(tail) = self.newest_entry().await? else {
            return Ok(Vec::new());
        };
        let Some(first) = self.find_from(*landing.start(), &tail).await? else {
            return Ok(Vec::new());
        };
        let mut found: Vec<_> = match tail.seq.checked_sub(1) {
            Some(before) if first <= before => {
                self.ledger
                    .read_range(first..=before)
                    .try_take_while(|entry| {
                        std::future::ready(Ok(entry.body.from <= *landing.end()))
                    })
                    .map_ok(Arc::new)
                    .boxed()
                    .try_collect()
                    .await?
            }
            _ => Vec::new(),
        };
        // It was read already, and may be large.
        if tail.body.from <= *landing.end() {
            found.push(tail);
        }
        Ok(found)
    }

    /// The number of the first entry whose joined files have files of landing entry
    /// `seq` or later ones.
    async fn find_from(
        &self,
        seq: u64,
        tail: &Arc<Entry<JoinedEntry>>,
    ) -> Result<Option<u64>, LedgerError> {
        if tail.body.to <= seq {
            return Ok(None);
        }
        let (mut low, mut high) = (0, tail.seq);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.read_entry(middle, tail).await?.body.to > seq {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(Some(low))
    }

    async fn read_entry(
        &self,
        number: u64,
        tail: &Arc<Entry<JoinedEntry>>,
    ) -> Result<Arc<Entry<JoinedEntry>>, LedgerError> {
        if number == tail.seq {
            return Ok(Arc::clone(tail));
        }
        match self.ledger.read_entry(number).await? {
            Some(entry) => Ok(Arc::new(entry)),
            None => Err(LedgerError::Missing {
                ledger: self.ledger.store_path().location.to_string(),
                seq: number,
                found: Some(tail.seq),
            }),
        }
    }

    /// Whether an entry names this joined file, of which the name says that it begins at
    /// landing entry `from`. The newest entry must have been read.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn names_file(&self, from: u64, path: &str) -> Result<bool, LedgerError> {
        let entry = self.find_entry(from, Freshness::Newest).await?;
        let names = |entry: &Entry<JoinedEntry>| entry.body.files().any(|file| file.path == path);
        Ok(entry.is_some_and(|found| names(&found.entry)))
    }
}

fn covers(entry: &Entry<JoinedEntry>, seq: u64) -> bool {
    entry.body.from <= seq && seq < entry.body.to
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::*;
    use crate::joined_entry::JOINED_VERSION;

    fn file(path: &str, parts: &[(u64, &str, u64)]) -> JoinedFile {
        let parts = parts.iter().map(|(seq, path, bytes)| JoinedPart {
            seq: *seq,
            path: (*path).to_owned(),
            bytes: *bytes,
            checksum: String::new(),
            modified: DateTime::UNIX_EPOCH,
            partition: 0,
            start: 0,
            lines: 1,
            runs: None,
        });
        JoinedFile {
            path: path.to_owned(),
            parts: parts.collect(),
        }
    }

    #[test]
    fn a_part_is_found_with_the_offset_of_its_bytes() {
        let rows = [
            (3, "a", 10),
            (3, "b", 0),
            (5, "c", 7),
            (5, "d", 2),
            (9, "e", 1),
        ];
        let indexed = IndexedEntry::new(Arc::new(Entry {
            seq: 0,
            id: Uuid::nil(),
            created_at: Utc::now(),
            body: JoinedEntry {
                version: JOINED_VERSION,
                from: 3,
                to: 10,
                last_id: Uuid::nil(),
                started_at: Utc::now(),
                rows: Some(file("rows", &rows)),
                rejects: Some(file("rejects", &[(5, "x", 4), (9, "y", 5)])),
            },
        }));
        let find = |seq, path| {
            let (file, offset, part) = indexed.find_part(seq, path)?;
            Some((file.path.clone(), offset, part.bytes))
        };
        let found = |file: &str, offset, bytes| Some((file.to_owned(), offset, bytes));
        assert_eq!(find(3, "b"), found("rows", 10, 0));
        assert_eq!(find(5, "d"), found("rows", 17, 2));
        assert_eq!(find(9, "e"), found("rows", 19, 1));
        assert_eq!(find(9, "y"), found("rejects", 4, 5));
        for (seq, path) in [(4, "c"), (5, "e"), (2, "a"), (10, "e")] {
            assert_eq!(find(seq, path), None, "{seq} {path}");
        }
    }
}
