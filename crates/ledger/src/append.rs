//! Appending: one put-if-absent, and finding out what became of it.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_storage::{StoreError, StoreErrorKind};
use uuid::Uuid;

use crate::entry::{Entry, decode_id};
use crate::error::LedgerError;
use crate::ledger::{Ledger, Shared};

/// The hint is renewed with every entry whose number is a multiple of this. A
/// reader that starts from it asks for eight entries at most, and an append is
/// mostly two calls.
const HINT_EVERY: u64 = 16;

/// How an append ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended<B> {
    /// The entry is there, it is ours, and it is durable.
    Committed(Entry<B>),
    /// Somebody else's entry has that number; ours was not written. What the
    /// body was built on has to be looked at again.
    Lost(Entry<B>),
}

/// What the store has under a number.
#[derive(Debug)]
enum Found {
    Ours,
    Another(Bytes),
    Absent,
    /// The read failed.
    Unknown,
}

/// What is known after a write that the store did not acknowledge.
#[derive(Debug, Clone, Copy)]
struct Facts<'a> {
    /// What the store said to the write.
    said: StoreErrorKind,
    /// What it has now.
    found: &'a Found,
    /// Whether one of the requests may still be on its way.
    in_flight: bool,
    /// Whether this was the last try.
    last: bool,
}

/// What to make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is there, whatever the store said.
    Committed,
    /// Another entry is there.
    Lost,
    /// Send it again: the same entry under the same number cannot land twice.
    Again,
    /// It is not there and will not come.
    Failed,
    /// It is not there, or cannot be seen, and may come.
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
        // What cannot be read is not ours, for we wrote a whole entry.
        match decode_id(seq, &bytes) {
            Ok(found) if found == id => Ok(Found::Ours),
            Ok(_) => Ok(Found::Another(bytes)),
            Err(problem) => Err(self.unreadable(seq, problem)),
        }
    }

    /// Makes the folder's names durable by another durable write into it. A
    /// write may have failed between giving the entry its name and that.
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

    /// Writes an entry until it is known whose it is; `None` when it is ours,
    /// else the bytes of the one that is there.
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
            // A refusal is an answer; anything else may hide a request that the
            // network still has.
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
    /// Creates entry `expected` with this body, unless there is one. The first
    /// entry is 0; every other needs the one before it, which is looked for
    /// first, so that no gap can come into being even when somebody has emptied
    /// the folder.
    ///
    /// Whatever the store answers to the write, the entry is read back and its id
    /// compared: a client that retries may be told of its own write as "already
    /// exists", and an answer may get lost after the write arrived. Where nothing
    /// is found the entry is sent again, for some seconds.
    ///
    /// Dropping the future leaves open whether the entry was written.
    ///
    /// # Errors
    /// After any error but [`LedgerError::OutcomeUnknown`] nothing was written.
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
                "another writer was quicker"
            );
            return Ok(Appended::Lost(winner));
        }
        if expected.is_multiple_of(HINT_EVERY)
            && let Err(error) = shared.folder.leave_hint(expected).await
        {
            tracing::debug!(ledger = shared.name(), %error, "the hint is not renewed");
        }
        tracing::debug!(ledger = shared.name(), seq = expected, id = %entry.id, "appended");
        Ok(Appended::Committed(entry))
    }
}

#[cfg(test)]
#[path = "append_tests.rs"]
mod tests;
