//! What a landing folder is, and how to read it.
//!
//! A topic's folder holds files of JSON lines and a ledger; only what the
//! ledger names has landed. `docs/ingest-landing.md` has the layout. The crate
//! `sluice-ingest` writes it, with Kafka; this one is for everybody who reads.
//!
//! - [`Batch`] is what one entry says, with the [`Runs`] of its lines' offsets;
//! - [`FileName`] and [`Compression`] are what a file's name says;
//! - [`Landing`] gives the files of a range of entries, [`committed`] leaves of
//!   a listing what has landed, and [`lines`] reads a file.

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
