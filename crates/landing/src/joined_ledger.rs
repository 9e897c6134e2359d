//! Finds the joined files of landing entries.

use std::ops::RangeInclusive;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use sluice_ledger::{Entry, Ledger, LedgerError};
use sluice_storage::{StoreError, StorePath};

use crate::file_name::{JOINED_FOLDER, LEDGER_FOLDER};
use crate::joined_entry::JoinedEntry;

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
    found: Option<Arc<Entry<JoinedEntry>>>,
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
    pub async fn newest_entry(&self) -> Result<Option<Entry<JoinedEntry>>, LedgerError> {
        let tail = self.ledger.read_tail().await?;
        self.known.lock().tail = Some(tail.clone().map(Arc::new));
        Ok(tail)
    }

    /// The entry whose joined files have the files of landing entry `seq`, if one has.
    pub(crate) async fn find_entry(
        &self,
        seq: u64,
        freshness: Freshness,
    ) -> Result<Option<Arc<Entry<JoinedEntry>>>, LedgerError> {
        let known = self.known.lock().found.clone();
        if let Some(found) = known.filter(|found| covers(found, seq)) {
            return Ok(Some(found));
        }
        let known = self.known.lock().tail.clone();
        let tail = match known.filter(|_| freshness == Freshness::Known) {
            Some(tail) => tail,
            None => self.newest_entry().await?.map(Arc::new),
        };
        let Some(tail) = tail else {
            return Ok(None);
        };
        let Some(found) = self.find_from(seq, &tail).await? else {
            return Ok(None);
        };
        let found = self.read_entry(found, &tail).await?;
        self.known.lock().found = Some(Arc::clone(&found));
        Ok(covers(&found, seq).then_some(found))
    }

    /// The entries, as they are now, whose joined files have files of these landing
    /// entries.
    pub(crate) async fn entries_for(
        &self,
        landing: &RangeInclusive<u64>,
    ) -> Result<Vec<Entry<JoinedEntry>>, LedgerError> {
        let Some(tail) = self.newest_entry().await?.map(Arc::new) else {
            return Ok(Vec::new());
        };
        let Some(first) = self.find_from(*landing.start(), &tail).await? else {
            return Ok(Vec::new());
        };
        self.ledger
            .read_range(first..=tail.seq)
            .try_take_while(|entry| std::future::ready(Ok(entry.body.from <= *landing.end())))
            .boxed()
            .try_collect()
            .await
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
        Ok(entry.is_some_and(|entry| names(&entry)))
    }
}

fn covers(entry: &Entry<JoinedEntry>, seq: u64) -> bool {
    entry.body.from <= seq && seq < entry.body.to
}
