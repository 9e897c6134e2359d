//! Appends entries: one put-if-absent, and the check of its outcome.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_storage::{CreateError, CreateOutcome};
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

impl SharedLedger {
    /// Sends an entry until it is known which writer's entry exists.
    async fn create_entry(
        &self,
        seq: u64,
        id: Uuid,
        entry: Bytes,
    ) -> Result<CreateOutcome, LedgerError> {
        // A damaged entry is not ours, because we sent a whole one.
        let is_ours = |bytes: &[u8]| decode_id(seq, bytes).is_ok_and(|found| found == id);
        let created = self
            .folder
            .create_entry(seq, entry, self.retries, is_ours)
            .await;
        created.map_err(|error| match error {
            CreateError::NotCreated(source) => LedgerError::Store(source),
            CreateError::OutcomeUnknown(source) => LedgerError::OutcomeUnknown {
                ledger: self.name(),
                seq,
                id,
                source,
            },
        })
    }
}

impl<B: Serialize + DeserializeOwned + Send + Sync + 'static> Ledger<B> {
    /// Creates entry `expected` with this body, unless that entry exists. The
    /// first entry is 0. Every other entry needs the one before it, and this is
    /// checked first, so that no gap can arise even if the folder was emptied.
    ///
    /// After any error, the writer reads the entry back and compares its id, and
    /// sends it again while it does not exist: see
    /// [`create_once`](sluice_storage::StorePath::create_once).
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
        let created = shared
            .create_entry(expected, entry.id, bytes.into())
            .await?;
        if let CreateOutcome::Another(bytes) = created {
            let winner = shared.decode_entry(expected, &bytes)?;
            shared.remember_seq(expected);
            tracing::info!(
                ledger = shared.name(),
                seq = expected,
                "another writer committed first"
            );
            return Ok(AppendOutcome::Lost(winner));
        }
        shared.remember_seq(expected);
        if expected.is_multiple_of(HINT_INTERVAL)
            && let Err(error) = shared.folder.write_hint(expected).await
        {
            tracing::debug!(ledger = shared.name(), %error, "the hint could not be written");
        }
        tracing::debug!(ledger = shared.name(), seq = expected, id = %entry.id, "appended");
        Ok(AppendOutcome::Committed(entry))
    }
}
