//! The ledger: reads entries and finds the newest one.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt as _};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_storage::{CreateRetries, StoreError, StorePath};

use crate::entry::{Entry, EntryDecodeError, decode_entry};
use crate::error::LedgerError;
use crate::folder::LedgerFolder;
use crate::tail_search::{SearchStep, TailSearch};

/// The number of entries that [`Ledger::read_range`] reads ahead.
const READ_AHEAD: usize = 16;

/// An append-only log of numbered entries in one folder of a store.
///
/// Entry N+1 is created only if entry N exists and entry N+1 does not. The writer
/// that creates it has committed. Entries are never changed or deleted. Cheap to
/// clone; any number of ledgers, in any number of processes, may use one folder.
pub struct Ledger<B> {
    pub(crate) shared: Arc<SharedLedger>,
    body: PhantomData<fn() -> B>,
}

pub(crate) struct SharedLedger {
    pub(crate) folder: LedgerFolder,
    pub(crate) retries: CreateRetries,
    /// The greatest number that this process has read or written. Entries are
    /// never deleted, so it must still exist.
    highest_seen: Mutex<Option<u64>>,
}

impl SharedLedger {
    pub(crate) fn name(&self) -> String {
        self.folder.store_path().location.to_string()
    }

    pub(crate) fn remember_seq(&self, seq: u64) {
        let mut seen = self.highest_seen.lock();
        *seen = (*seen).max(Some(seq));
    }

    /// The error for a file that is not a valid entry.
    pub(crate) fn decode_error(&self, seq: u64, problem: EntryDecodeError) -> LedgerError {
        let location = self.folder.entry_location(seq);
        match problem {
            EntryDecodeError::Damaged(damage) => LedgerError::Damaged { location, damage },
            EntryDecodeError::Format(format) => LedgerError::Format { location, format },
            EntryDecodeError::Body(source) => LedgerError::Body { location, source },
        }
    }

    pub(crate) fn decode_entry<B: DeserializeOwned>(
        &self,
        seq: u64,
        bytes: &[u8],
    ) -> Result<Entry<B>, LedgerError> {
        decode_entry(seq, bytes).map_err(|problem| self.decode_error(seq, problem))
    }

    pub(crate) async fn read_entry<B: DeserializeOwned>(
        &self,
        seq: u64,
    ) -> Result<Option<Entry<B>>, LedgerError> {
        match self.folder.read_entry(seq).await? {
            Some(bytes) => self.decode_entry(seq, &bytes).map(Some),
            None => Ok(None),
        }
    }

    fn missing_error(&self, seq: u64, found: Option<u64>) -> LedgerError {
        LedgerError::Missing {
            ledger: self.name(),
            seq,
            found,
        }
    }

    /// The number of the newest entry, and its bytes if the search has read them.
    async fn find_tail(&self) -> Result<Option<(u64, Option<Bytes>)>, LedgerError> {
        let highest_seen = *self.highest_seen.lock();
        let mut start = match highest_seen {
            Some(seen) => Some(seen),
            None => self.folder.read_hint().await,
        };
        loop {
            let (found, guess_existed) = self.search_tail(start).await?;
            let last = found.as_ref().map(|(last, _)| *last);
            if guess_existed {
                return Ok(found);
            }
            if let Some(seen) = highest_seen.filter(|seen| last.is_none_or(|last| last < *seen)) {
                return Err(self.missing_error(seen, None));
            }
            // The search started from no entry that is known to exist. Either the
            // ledger has no hint, or entries or the hint were changed by hand.
            // Check that the search has not taken a gap for the end.
            let Some((least, greatest)) = self.folder.seqs_after(last).await? else {
                return Ok(found);
            };
            let next = last.map_or(0, |last| last + 1);
            if least > next && !self.folder.entry_exists(next).await? {
                return Err(self.missing_error(next, Some(least)));
            }
            // Other writers have appended meanwhile.
            start = Some(greatest);
        }
    }

    /// Searches for the newest entry with calls for single entries. It reads the
    /// entry to start from, which in most cases is the newest. Also returns
    /// whether that entry existed.
    async fn search_tail(
        &self,
        start: Option<u64>,
    ) -> Result<(Option<(u64, Option<Bytes>)>, bool), StoreError> {
        let mut search = TailSearch::from_guess(start);
        let mut read: Option<(u64, Bytes)> = None;
        loop {
            let number = match search.next_step() {
                SearchStep::Probe(number) => number,
                SearchStep::Last(last) => {
                    let found = last.map(|last| {
                        let bytes = read.filter(|(number, _)| *number == last);
                        (last, bytes.map(|(_, bytes)| bytes))
                    });
                    return Ok((found, search.guess_existed()));
                }
            };
            let exists = if start == Some(number) {
                read = self
                    .folder
                    .read_entry(number)
                    .await?
                    .map(|bytes| (number, bytes));
                read.is_some()
            } else {
                self.folder.entry_exists(number).await?
            };
            search.record_answer(number, exists);
        }
    }
}

impl<B> Ledger<B> {
    /// The ledger in this folder. Reads and creates nothing.
    pub fn new(store_path: StorePath) -> Self {
        Self::with_retries(store_path, CreateRetries::default())
    }

    pub(crate) fn with_retries(store_path: StorePath, retries: CreateRetries) -> Self {
        Self {
            shared: Arc::new(SharedLedger {
                folder: LedgerFolder::new(store_path),
                retries,
                highest_seen: Mutex::default(),
            }),
            body: PhantomData,
        }
    }

    /// The ledger's folder, with its store.
    pub fn store_path(&self) -> &StorePath {
        self.shared.folder.store_path()
    }
}

impl<B> Clone for Ledger<B> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            body: PhantomData,
        }
    }
}

impl<B> fmt::Debug for Ledger<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ledger").field(self.store_path()).finish()
    }
}

impl<B: Serialize + DeserializeOwned + Send + Sync + 'static> Ledger<B> {
    /// The newest entry, `None` when the ledger is empty.
    ///
    /// The search starts at the newest entry that this process has read or
    /// written, else at the hint, and makes calls for single entries from there:
    /// three calls when the hint is fresh, a few dozen when it is a hundred
    /// thousand entries old or missing. Only when the hint is missing or wrong is
    /// the folder listed, from the found end on, so that a gap is not taken for
    /// the end.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when there is such a gap or an entry has
    /// disappeared, and the errors of [`Ledger::read_entry`].
    pub async fn read_tail(&self) -> Result<Option<Entry<B>>, LedgerError> {
        let Some((last, bytes)) = self.shared.find_tail().await? else {
            return Ok(None);
        };
        let entry = match bytes {
            Some(bytes) => self.shared.decode_entry(last, &bytes)?,
            None => {
                let entry = self.shared.read_entry(last).await?;
                entry.ok_or_else(|| self.shared.missing_error(last, None))?
            }
        };
        self.shared.remember_seq(last);
        Ok(Some(entry))
    }

    /// One entry, `None` when it does not exist yet.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], [`LedgerError::Format`] and
    /// [`LedgerError::Body`] when the file is not a valid entry;
    /// [`LedgerError::Store`] when it cannot be read.
    pub async fn read_entry(&self, seq: u64) -> Result<Option<Entry<B>>, LedgerError> {
        let entry = self.shared.read_entry(seq).await?;
        if entry.is_some() {
            self.shared.remember_seq(seq);
        }
        Ok(entry)
    }

    /// The entries with these numbers, in order; some are read ahead. The stream
    /// ends after the first error. A number that does not exist is an error
    /// ([`LedgerError::Missing`]), so the range must not go past the tail.
    pub fn read_range(
        &self,
        seqs: RangeInclusive<u64>,
    ) -> impl Stream<Item = Result<Entry<B>, LedgerError>> + Send + use<B> {
        let shared = Arc::clone(&self.shared);
        let entries = stream::iter(seqs).map(move |seq| {
            let shared = Arc::clone(&shared);
            async move {
                let entry = shared.read_entry(seq).await?;
                entry.ok_or_else(|| shared.missing_error(seq, None))
            }
        });
        entries.buffered(READ_AHEAD).scan(false, |failed, entry| {
            let ended = std::mem::replace(failed, entry.is_err());
            std::future::ready((!ended).then_some(entry))
        })
    }
}
