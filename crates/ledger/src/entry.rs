//! One entry and its file format: a JSON object with a header and the body.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The format version that this code writes, and the only one that it reads.
pub(crate) const FORMAT: u32 = 1;

/// One entry of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<B> {
    /// The entry's number: 0, 1, 2, … without gaps.
    pub seq: u64,
    /// New for every call of append, so that a writer recognizes its own entry.
    pub id: Uuid,
    /// When the writer made the entry, by its machine's clock, in microseconds.
    /// For people only: clocks jump, so code must not depend on it.
    pub created_at: DateTime<Utc>,
    pub body: B,
}

/// The written form of an entry.
#[derive(Serialize)]
struct EncodedEntry<'a, B> {
    format: u32,
    seq: u64,
    id: String,
    at: String,
    body: &'a B,
}

/// The fields other than the body. Only `format` is required in every format
/// version.
#[derive(Deserialize)]
struct EntryHeader {
    format: u32,
    seq: Option<u64>,
    id: Option<String>,
    at: Option<String>,
}

#[derive(Deserialize)]
struct EntryBody<B> {
    body: B,
}

/// Header and body together, so that an entry is decoded in one pass: a body can have a
/// million files. Not flattened, which would copy everything first.
#[derive(Deserialize)]
struct WholeEntry<B> {
    format: u32,
    seq: Option<u64>,
    id: Option<String>,
    at: Option<String>,
    body: B,
}

/// Why a file is not a valid entry.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error("it is empty")]
    Empty,
    /// It is truncated, or not an entry at all.
    #[error("{0}")]
    NotAnEntry(#[source] serde_json::Error),
    /// A field of the header is missing or wrong.
    #[error("its '{0}' is missing or wrong")]
    Header(&'static str),
    /// It was renamed or copied.
    #[error("it holds the entry with the number {found}")]
    Number { found: u64 },
}

/// Why bytes could not be decoded as an entry.
#[derive(Debug)]
pub(crate) enum EntryDecodeError {
    /// They are not an entry.
    Damaged(Damage),
    /// Another version of the program wrote them.
    Format(u32),
    /// The body does not have the type that the caller expects.
    Body(serde_json::Error),
}

impl<B> Entry<B> {
    /// A new entry with the current time.
    pub(crate) fn new(seq: u64, body: B) -> Self {
        let now = Utc::now();
        Self {
            seq,
            id: Uuid::new_v4(),
            // Microseconds: the returned entry must equal the one that is read
            // back.
            created_at: DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now),
            body,
        }
    }
}

impl<B: Serialize> Entry<B> {
    /// The content of the entry's file.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(&EncodedEntry {
            format: FORMAT,
            seq: self.seq,
            id: self.id.to_string(),
            at: self.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            body: &self.body,
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl EntryHeader {
    /// Id and time, when this is the header of entry `seq`.
    fn check(self, seq: u64) -> Result<(Uuid, DateTime<Utc>), EntryDecodeError> {
        let damaged = EntryDecodeError::Damaged;
        if self.format != FORMAT {
            return Err(EntryDecodeError::Format(self.format));
        }
        let number = self.seq.ok_or(damaged(Damage::Header("seq")))?;
        if number != seq {
            return Err(damaged(Damage::Number { found: number }));
        }
        let id = self.id.and_then(|id| Uuid::parse_str(&id).ok());
        let at = self.at.and_then(|at| at.parse().ok());
        Ok((
            id.ok_or(damaged(Damage::Header("id")))?,
            at.ok_or(damaged(Damage::Header("at")))?,
        ))
    }
}

/// Id and time of the entry in a file that should hold entry `seq`.
fn decode_head(seq: u64, bytes: &[u8]) -> Result<(Uuid, DateTime<Utc>), EntryDecodeError> {
    let damaged = EntryDecodeError::Damaged;
    if bytes.is_empty() {
        return Err(damaged(Damage::Empty));
    }
    let head: EntryHeader =
        serde_json::from_slice(bytes).map_err(|error| damaged(Damage::NotAnEntry(error)))?;
    head.check(seq)
}

/// The id of the entry in a file that should hold entry `seq`. The body is not
/// decoded.
pub(crate) fn decode_id(seq: u64, bytes: &[u8]) -> Result<Uuid, EntryDecodeError> {
    decode_head(seq, bytes).map(|(id, _)| id)
}

/// The entry in a file that should hold entry `seq`.
pub(crate) fn decode_entry<B: DeserializeOwned>(
    seq: u64,
    bytes: &[u8],
) -> Result<Entry<B>, EntryDecodeError> {
    let (head, body) = match serde_json::from_slice(bytes) {
        Ok(WholeEntry {
            format,
            seq,
            id,
            at,
            body,
        }) => (
            EntryHeader {
                format,
                seq,
                id,
                at,
            },
            body,
        ),
        // Something is wrong: the header says whether it is the body.
        Err(_) => return decode_parts(seq, bytes),
    };
    let (id, at) = head.check(seq)?;
    Ok(Entry {
        seq,
        id,
        created_at: at,
        body,
    })
}

/// The same, header and body one after the other.
fn decode_parts<B: DeserializeOwned>(seq: u64, bytes: &[u8]) -> Result<Entry<B>, EntryDecodeError> {
    let (id, at) = decode_head(seq, bytes)?;
    let EntryBody { body } = serde_json::from_slice(bytes).map_err(EntryDecodeError::Body)?;
    Ok(Entry {
        seq,
        id,
        created_at: at,
        body,
    })
}

#[cfg(test)]
mod tests;
