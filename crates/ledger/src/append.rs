//! Appends entries: one put-if-absent, and the check of its outcome.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_storage::{StoreError, StoreErrorKind};
use uuid::Uuid;

use crate::entry::{Entry, decode_id};
use crate::error::LedgerError;
use crate::ledger::{Ledger, SharedLedger};

/// The hint is written with every entry whose number is a multiple of this. A
/// reader that starts from it makes calls for at most eight entries, and most
/// appends take two calls.
const HINT_INTERVAL: u64 = 16;

/// How an append ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOutcome<B> {
    /// Our entry was written and is durable.
    Committed(Entry<B>),
    /// Another writer's entry has that number; ours was not written. The caller
    /// must derive the body again from that entry.
    Lost(Entry<B>),
}

/// What the store has under an entry's number.
#[derive(Debug)]
enum StoredEntry {
    Ours,
    Another(Bytes),
    Absent,
    /// The read failed.
    Unknown,
}

/// What is known after a write that the store did not confirm.
#[derive(Debug, Clone, Copy)]
struct UnconfirmedWrite<'a> {
    /// The error that the store returned.
    error_kind: StoreErrorKind,
    /// What the store has now.
    stored: &'a StoredEntry,
    /// Whether one of the requests may still arrive.
    in_flight: bool,
    /// Whether this was the last attempt.
    last_attempt: bool,
}

/// The conclusion from an unconfirmed write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteVerdict {
    /// Our entry exists, whatever the error was.
    Committed,
    /// Another writer's entry exists.
    Lost,
    /// Send the entry again. The same entry with the same number cannot be
    /// created twice.
    Retry,
    /// The entry does not exist and cannot arrive any more.
    Failed,
    /// The entry does not exist or cannot be read, and may still arrive.
    Unknown,
}

fn judge_write(write: UnconfirmedWrite<'_>) -> WriteVerdict {
    match write.stored {
        StoredEntry::Ours => WriteVerdict::Committed,
        StoredEntry::Another(_) => WriteVerdict::Lost,
        StoredEntry::Absent | StoredEntry::Unknown
            if !write.last_attempt && !write.error_kind.is_refusal() =>
        {
            WriteVerdict::Retry
        }
        StoredEntry::Absent if !write.in_flight => WriteVerdict::Failed,
        StoredEntry::Absent | StoredEntry::Unknown => WriteVerdict::Unknown,
    }
}

impl SharedLedger {
    async fn read_back(&self, seq: u64, id: Uuid) -> Result<StoredEntry, LedgerError> {
        let bytes = match self.folder.read_entry(seq).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(StoredEntry::Absent),
            Err(error) => {
                tracing::warn!(ledger = self.name(), seq, %error, "reading back failed");
                return Ok(StoredEntry::Unknown);
            }
        };
        // A damaged entry is not ours, because we sent a whole one.
        match decode_id(seq, &bytes) {
            Ok(found) if found == id => Ok(StoredEntry::Ours),
            Ok(_) => Ok(StoredEntry::Another(bytes)),
            Err(problem) => Err(self.decode_error(seq, problem)),
        }
    }

    /// Makes the names in the folder durable by another durable write into it.
    /// The failed write may have named the entry without syncing the folder.
    async fn sync_names(&self, seq: u64) -> Result<(), StoreError> {
        let mut attempts = self.backoff.start_attempts();
        loop {
            let last_attempt = attempts.begin_attempt();
            match self.folder.write_hint(seq).await {
                Ok(()) => return Ok(()),
                Err(error) if last_attempt || error.kind().is_refusal() => return Err(error),
                Err(_) => attempts.pause_before_retry().await,
            }
        }
    }

    fn outcome_unknown_error(&self, seq: u64, id: Uuid, source: StoreError) -> LedgerError {
        LedgerError::OutcomeUnknown {
            ledger: self.name(),
            seq,
            id,
            source: Box::new(source),
        }
    }

    /// Sends an entry until it is known which writer's entry exists. Returns
    /// `None` when it is ours, else the bytes of the other one.
    async fn write_entry(
        &self,
        seq: u64,
        id: Uuid,
        entry: &Bytes,
    ) -> Result<Option<Bytes>, LedgerError> {
        let mut attempts = self.backoff.start_attempts();
        let mut in_flight = false;
        let mut write_failed = false;
        loop {
            let last_attempt = attempts.begin_attempt();
            let error = match self.folder.create_entry(seq, entry.clone()).await {
                Ok(()) => return Ok(None),
                Err(error) => error,
            };
            let error_kind = error.kind();
            if error_kind != StoreErrorKind::AlreadyExists {
                tracing::warn!(ledger = self.name(), seq, %error, "writing failed, reading back");
                write_failed = true;
            }
            // A refusal is final. After any other error the request may still be
            // on the network.
            in_flight |= !self.folder.is_local() && !error_kind.is_refusal();
            let stored = self.read_back(seq, id).await?;
            let verdict = judge_write(UnconfirmedWrite {
                error_kind,
                stored: &stored,
                in_flight,
                last_attempt,
            });
            match (verdict, stored) {
                (WriteVerdict::Lost, StoredEntry::Another(bytes)) => return Ok(Some(bytes)),
                (WriteVerdict::Committed, _) if write_failed && self.folder.is_local() => {
                    return match self.sync_names(seq).await {
                        Ok(()) => Ok(None),
                        Err(error) => Err(self.outcome_unknown_error(seq, id, error)),
                    };
                }
                (WriteVerdict::Committed, _) => return Ok(None),
                (WriteVerdict::Failed, _) => return Err(error.into()),
                (WriteVerdict::Retry, _) => attempts.pause_before_retry().await,
                (WriteVerdict::Unknown | WriteVerdict::Lost, _) => {
                    return Err(self.outcome_unknown_error(seq, id, error));
                }
            }
        }
    }
}

impl<B: Serialize + DeserializeOwned + Send + Sync + 'static> Ledger<B> {
    /// Creates entry `expected` with this body, unless that entry exists. The
    /// first entry is 0. Every other entry needs the one before it, and this is
    /// checked first, so that no gap can arise even if the folder was emptied.
    ///
    /// After any error, the writer reads the entry back and compares its id: a
    /// client that retries may get "already exists" for its own write, and a
    /// response may be lost after the write arrived. If the entry does not exist,
    /// it is sent again, for some seconds.
    ///
    /// If the future is dropped, it is not known whether the entry was written.
    ///
    /// # Errors
    /// After any error except [`LedgerError::OutcomeUnknown`] nothing was written.
    pub async fn append(&self, expected: u64, body: B) -> Result<AppendOutcome<B>, LedgerError> {
        let shared = &self.shared;
        let entry = Entry::new(expected, body);
        let bytes = entry.encode().map_err(|source| LedgerError::Encode {
            ledger: shared.name(),
            seq: expected,
            source,
        })?;
        if let Some(previous) = expected.checked_sub(1)
            && !shared.folder.entry_exists(previous).await?
        {
            return Err(LedgerError::Gap {
                ledger: shared.name(),
                seq: expected,
            });
        }
        let winner_bytes = shared
            .write_entry(expected, entry.id, &bytes.into())
            .await?;
        shared.remember_seq(expected);
        if let Some(bytes) = winner_bytes {
            let winner = shared.decode_entry(expected, &bytes)?;
            tracing::info!(
                ledger = shared.name(),
                seq = expected,
                "another writer committed first"
            );
            return Ok(AppendOutcome::Lost(winner));
        }
        if expected.is_multiple_of(HINT_INTERVAL)
            && let Err(error) = shared.folder.write_hint(expected).await
        {
            tracing::debug!(ledger = shared.name(), %error, "the hint could not be written");
        }
        tracing::debug!(ledger = shared.name(), seq = expected, id = %entry.id, "appended");
        Ok(AppendOutcome::Committed(entry))
    }
}

#[cfg(test)]
mod tests;
