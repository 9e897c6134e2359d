//! A state that sums up the entries up to one of them, so that a reader need
//! not replay them all.
//!
//! One object, replaced each time. It is derived: without it, or with one that
//! does not fit, a reader replays from the beginning. Two writers may replace it
//! in any order; an older one costs a longer replay and nothing else.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entry::{Entry, FORMAT, decode_id};
use crate::error::LedgerError;
use crate::ledger::Ledger;

/// A state, and the entry up to which it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot<S> {
    /// The last entry that it sums up; replay goes on with the next.
    pub seq: u64,
    /// What the entries up to there amount to.
    pub state: S,
}

#[derive(Serialize, Deserialize)]
struct Wire<S> {
    format: u32,
    seq: u64,
    /// Of the entry. A folder that was emptied and filled again, or restored
    /// from a backup, has another entry with that number, or none.
    id: String,
    state: S,
}

fn decode<S: DeserializeOwned>(bytes: &Bytes) -> Option<Wire<S>> {
    let wire: Wire<S> = serde_json::from_slice(bytes).ok()?;
    (wire.format == FORMAT).then_some(wire)
}

impl<B: Serialize + DeserializeOwned + Send + Sync + 'static> Ledger<B> {
    /// Keeps `state` as the sum of all entries up to `last`, which must be one
    /// that this ledger gave out.
    ///
    /// # Errors
    /// Nothing is lost by an error: the ledger stays as it is.
    pub async fn snapshot<S: Serialize + Sync>(
        &self,
        last: &Entry<B>,
        state: &S,
    ) -> Result<(), LedgerError> {
        let wire = Wire {
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
        Ok(self.shared.folder.put_snapshot(bytes.into()).await?)
    }

    /// The snapshot, `None` when there is none that is of use: of this ledger,
    /// of a format that is known, with a state that is an `S`.
    ///
    /// # Errors
    /// [`LedgerError::Store`] when the store does not answer, and the errors of
    /// [`Ledger::read`] for the entry that it names.
    pub async fn latest_snapshot<S: DeserializeOwned>(
        &self,
    ) -> Result<Option<Snapshot<S>>, LedgerError> {
        let shared = &self.shared;
        let Some(bytes) = shared.folder.snapshot().await? else {
            return Ok(None);
        };
        let Some(wire) = decode::<S>(&bytes) else {
            tracing::warn!(
                ledger = shared.name(),
                "the snapshot is not understood, replaying"
            );
            return Ok(None);
        };
        let id = match shared.folder.entry(wire.seq).await? {
            Some(bytes) => {
                let id = decode_id(wire.seq, &bytes);
                Some(id.map_err(|problem| shared.unreadable(wire.seq, problem))?)
            }
            None => None,
        };
        if id.is_none() || id != Uuid::parse_str(&wire.id).ok() {
            tracing::warn!(
                ledger = shared.name(),
                "the snapshot is of another ledger, replaying"
            );
            return Ok(None);
        }
        Ok(Some(Snapshot {
            seq: wire.seq,
            state: wire.state,
        }))
    }
}
