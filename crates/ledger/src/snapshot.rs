//! A state that summarizes the entries up to one of them, so that a reader need
//! not replay them all.
//!
//! It is one object, replaced each time. It is derived data: if it is missing or
//! belongs to another ledger, a reader replays from the beginning. Two writers may
//! replace it in any order; an older snapshot only makes the replay longer.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entry::{Entry, FORMAT, decode_id};
use crate::error::LedgerError;
use crate::ledger::Ledger;

/// A state and the last entry that it includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot<S> {
    /// The last entry that the state includes; replay continues with the next.
    pub seq: u64,
    /// The result of replaying the entries up to `seq`.
    pub state: S,
}

#[derive(Serialize, Deserialize)]
struct EncodedSnapshot<S> {
    format: u32,
    seq: u64,
    /// The id of the entry `seq`. A folder that was emptied and filled again, or
    /// restored from a backup, has a different entry with that number, or none.
    id: String,
    state: S,
}

fn decode_snapshot<S: DeserializeOwned>(bytes: &Bytes) -> Option<EncodedSnapshot<S>> {
    let wire: EncodedSnapshot<S> = serde_json::from_slice(bytes).ok()?;
    (wire.format == FORMAT).then_some(wire)
}

impl<B: Serialize + DeserializeOwned + Send + Sync + 'static> Ledger<B> {
    /// Stores `state` as the result of all entries up to `last`, which must be an
    /// entry of this ledger.
    ///
    /// # Errors
    /// When the snapshot cannot be written. The ledger itself is not affected.
    pub async fn write_snapshot<S: Serialize + Sync>(
        &self,
        last: &Entry<B>,
        state: &S,
    ) -> Result<(), LedgerError> {
        let wire = EncodedSnapshot {
            format: FORMAT,
            seq: last.seq,
            id: last.id.to_string(),
            state,
        };
        let bytes = serde_json::to_vec(&wire).map_err(|source| LedgerError::Encode {
            ledger: self.shared.name(),
            seq: last.seq,
            source,
        })?;
        Ok(self.shared.folder.write_snapshot(bytes.into()).await?)
    }

    /// The snapshot, `None` when it is missing or cannot be used: it must belong to
    /// this ledger, have a known format, and hold a state of type `S`.
    ///
    /// # Errors
    /// [`LedgerError::Store`] when the store fails, and the errors of
    /// [`Ledger::read_entry`] for the entry that the snapshot names.
    pub async fn read_snapshot<S: DeserializeOwned>(
        &self,
    ) -> Result<Option<Snapshot<S>>, LedgerError> {
        let shared = &self.shared;
        let Some(bytes) = shared.folder.read_snapshot().await? else {
            return Ok(None);
        };
        let Some(wire) = decode_snapshot::<S>(&bytes) else {
            tracing::warn!(
                ledger = shared.name(),
                "the snapshot cannot be decoded, replaying all entries"
            );
            return Ok(None);
        };
        let id = match shared.folder.read_entry(wire.seq).await? {
            Some(bytes) => {
                let id = decode_id(wire.seq, &bytes);
                Some(id.map_err(|problem| shared.decode_error(wire.seq, problem))?)
            }
            None => None,
        };
        if id.is_none() || id != Uuid::parse_str(&wire.id).ok() {
            tracing::warn!(
                ledger = shared.name(),
                "the snapshot belongs to another ledger, replaying all entries"
            );
            return Ok(None);
        }
        Ok(Some(Snapshot {
            seq: wire.seq,
            state: wire.state,
        }))
    }
}
