//! An append-only log of numbered entries in an object store.
//!
//! Landing, job plans and job records are such logs; only their bodies differ.
//! A [`Ledger`] is one folder, in a local file system or a bucket:
//!
//! ```text
//! 00000000000000000000.json   {"format":1,"seq":0,"id":"…","at":"…","body":{…}}
//! 00000000000000000001.json
//! …
//! _hint.json                  {"seq":1}: where to begin looking for the tail
//! _snapshot.json              a state that sums up a prefix of the entries
//! ```
//!
//! Everything rests on one primitive, put-if-absent: entry N+1 is created where
//! entry N exists and N+1 does not. Whoever creates it has committed, and
//! [`Ledger::append`] finds out who that was even when the store answers with
//! errors. The hint and the snapshot save work and decide nothing.
//!
//! Callers follow this loop: read the tail, decide what comes next from it
//! alone, append; on [`Appended::Lost`] begin again with the winner.

mod append;
mod entry;
mod error;
mod folder;
mod ledger;
mod pauses;
mod search;
mod snapshot;

pub use append::Appended;
pub use entry::Entry;
pub use error::{Damage, LedgerError};
pub use ledger::Ledger;
pub use snapshot::Snapshot;

#[cfg(test)]
mod tests;
