//! What a landing folder is, and how to read it.
//!
//! A topic's folder holds files of JSON lines and a ledger. Only files that the
//! ledger names have landed. `docs/ingest-landing.md` documents the layout. The
//! crate `sluice-ingest` writes the folder from Kafka; this crate reads it.
//!
//! - [`Batch`] is the content of one ledger entry, with the [`Runs`] of its lines'
//!   offsets.
//! - [`FileName`] and [`Compression`] are parsed from a file's name.
//! - [`Landing`] lists the files of a range of entries, [`committed`] keeps only
//!   the landed files of a listing, and [`lines`] reads a file.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]

mod committed;
mod compression;
mod entry;
mod names;
mod read;
mod runs;

pub use committed::{CommittedError, committed};
pub use compression::{Compression, Encoder};
pub use entry::{
    Batch, Closed, ENTRY_VERSION, EventTimes, Hole, Progress, Range, StoredFile, Totals,
};
pub use names::{FileName, LEDGER, REJECTS};
pub use read::{LandedFile, Landing, ledger, lines, plain_files};
pub use runs::{Run, Runs};
