//! An append-only log of numbered entries in an object store.
//!
//! The ledger of each landing topic is such a log. A [`Ledger`] is one folder, in
//! a local file system or a bucket:
//!
//! ```text
//! 00000000000000000000.json   {"format":1,"seq":0,"id":"…","at":"…","body":{…}}
//! 00000000000000000001.json
//! …
//! _hint.json                  {"seq":1}: where the search for the tail starts
//! _snapshot.json              a state that summarizes a prefix of the entries
//! ```
//!
//! Everything is built on one primitive, [`create_once`]: entry N+1 is created
//! only if entry N exists and entry N+1 does not. The writer that creates it has
//! committed. [`Ledger::append`] finds out which writer that was even when the
//! store returns errors. The hint and the snapshot only save calls; correctness
//! does not depend on them.
//!
//! Callers follow this loop: read the tail, derive the next entry from it alone,
//! append; on [`AppendOutcome::Lost`], start over from the winner's entry.
//!
//! [`create_once`]: sluice_storage::StorePath::create_once

mod append;
mod entry;
mod error;
mod folder;
mod ledger;
mod snapshot;
mod tail_search;

pub use append::AppendOutcome;
pub use entry::{Damage, Entry};
pub use error::LedgerError;
pub use ledger::Ledger;
pub use snapshot::Snapshot;

#[cfg(test)]
mod tests;
