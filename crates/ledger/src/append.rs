//! Appends entries: one put-if-absent, and the check of its outcome.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_storage::{StoreError, StoreErrorKind};
use uuid::Uuid;

use crate::entry::{Entry, decode_id};
use crate::error::LedgerError;
use crate::ledger::{Ledger, Shared};

/// The hint is written with every entry whose number is a multiple of this. A
/// reader that starts from it makes calls for at most eight entries, and most
/// appends take two calls.
const HINT_EVERY: u64 = 16;

/// How an append ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended<B> {
    /// Our entry was written and is durable.
    Committed(Entry<B>),
    /// Another writer's entry has that number; ours was not written. The caller
    /// must derive the body again from that entry.
    Lost(Entry<B>),
}

/// What the store has under an entry's number.
#[derive(Debug)]
enum Found {
    Ours,
    Another(Bytes),
    Absent,
    /// The read failed.
    Unknown,
}

/// What is known after a write that the store did not confirm.
#[derive(Debug, Clone, Copy)]
struct Facts<'a> {
    /// The error that the store returned.
    said: StoreErrorKind,
    /// What the store has now.
    found: &'a Found,
    /// Whether one of the requests may still arrive.
    in_flight: bool,
    /// Whether this was the last attempt.
    last: bool,
}

/// The conclusion from an unconfirmed write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Our entry exists, whatever the error was.
    Committed,
    /// Another writer's entry exists.
    Lost,
    /// Send the entry again. The same entry with the same number cannot be
    /// created twice.
    Again,
    /// The entry does not exist and cannot arrive any more.
    Failed,
    /// The entry does not exist or cannot be read, and may still arrive.
    Unknown,
}

fn judge(facts: Facts<'_>) -> Verdict {
    match facts.found {
        Found::Ours => Verdict::Committed,
        Found::Another(_) => Verdict::Lost,
        Found::Absent | Found::Unknown if !facts.last && !facts.said.is_refusal() => Verdict::Again,
        Found::Absent if !facts.in_flight => Verdict::Failed,
        Found::Absent | Found::Unknown => Verdict::Unknown,
    }
}

impl Shared {
    async fn look(&self, seq: u64, id: Uuid) -> Result<Found, LedgerError> {
        let bytes = match self.folder.entry(seq).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Found::Absent),
            Err(error) => {
                tracing::warn!(ledger = self.name(), seq, %error, "reading back failed");
                return Ok(Found::Unknown);
            }
        };
        // A damaged entry is not ours, because we sent a whole one.
        match decode_id(seq, &bytes) {
            Ok(found) if found == id => Ok(Found::Ours),
            Ok(_) => Ok(Found::Another(bytes)),
            Err(problem) => Err(self.unreadable(seq, problem)),
        }
    }

    /// Makes the names in the folder durable by another durable write into it.
    /// The failed write may have named the entry without syncing the folder.
    async fn sync_names(&self, seq: u64) -> Result<(), StoreError> {
        let mut tries = self.pauses.tries();
        loop {
            let last = tries.begin();
            match self.folder.leave_hint(seq).await {
                Ok(()) => return Ok(()),
                Err(error) if last || error.kind().is_refusal() => return Err(error),
                Err(_) => tries.pause().await,
            }
        }
    }

    fn unknown(&self, seq: u64, id: Uuid, source: StoreError) -> LedgerError {
        LedgerError::OutcomeUnknown {
            ledger: self.name(),
            seq,
            id,
            source: Box::new(source),
        }
    }

    /// Sends an entry until it is known which writer's entry exists. Returns
    /// `None` when it is ours, else the bytes of the other one.
    async fn write(&self, seq: u64, id: Uuid, entry: &Bytes) -> Result<Option<Bytes>, LedgerError> {
        let mut tries = self.pauses.tries();
        let mut in_flight = false;
        let mut failed = false;
        loop {
            let last = tries.begin();
            let error = match self.folder.create(seq, entry.clone()).await {
                Ok(()) => return Ok(None),
                Err(error) => error,
            };
            let said = error.kind();
            if said != StoreErrorKind::AlreadyExists {
                tracing::warn!(ledger = self.name(), seq, %error, "writing failed, reading back");
                failed = true;
            }
            // A refusal is final. After any other error the request may still be
            // on the network.
            in_flight |= !self.folder.is_local() && !said.is_refusal();
            let found = self.look(seq, id).await?;
            let verdict = judge(Facts {
                said,
                found: &found,
                in_flight,
                last,
            });
            match (verdict, found) {
                (Verdict::Lost, Found::Another(bytes)) => return Ok(Some(bytes)),
                (Verdict::Committed, _) if failed && self.folder.is_local() => {
                    return match self.sync_names(seq).await {
                        Ok(()) => Ok(None),
                        Err(error) => Err(self.unknown(seq, id, error)),
                    };
                }
                (Verdict::Committed, _) => return Ok(None),
                (Verdict::Failed, _) => return Err(error.into()),
                (Verdict::Again, _) => tries.pause().await,
                (Verdict::Unknown | Verdict::Lost, _) => return Err(self.unknown(seq, id, error)),
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
    pub async fn append(&self, expected: u64, body: B) -> Result<Appended<B>, LedgerError> {
        let shared = &self.shared;
        let entry = Entry::new(expected, body);
        let bytes = entry.encode().map_err(|source| LedgerError::Encode {
            ledger: shared.name(),
            seq: expected,
            source,
        })?;
        if let Some(before) = expected.checked_sub(1)
            && !shared.folder.exists(before).await?
        {
            return Err(LedgerError::Gap {
                ledger: shared.name(),
                seq: expected,
            });
        }
        let another = shared.write(expected, entry.id, &bytes.into()).await?;
        shared.note(expected);
        if let Some(bytes) = another {
            let winner = shared.decode(expected, &bytes)?;
            tracing::info!(
                ledger = shared.name(),
                seq = expected,
                "another writer committed first"
            );
            return Ok(Appended::Lost(winner));
        }
        if expected.is_multiple_of(HINT_EVERY)
            && let Err(error) = shared.folder.leave_hint(expected).await
        {
            tracing::debug!(ledger = shared.name(), %error, "the hint could not be written");
        }
        tracing::debug!(ledger = shared.name(), seq = expected, id = %entry.id, "appended");
        Ok(Appended::Committed(entry))
    }
}

#[cfg(test)]
#[path = "append_tests.rs"]
mod tests;
