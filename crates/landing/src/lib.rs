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

mod compression;
mod entry;
mod file_name;
mod landed_files;
mod offset_spans;
mod topic_landing;

pub use compression::{CompressingWriter, Compression};
pub use entry::{
    CloseReason, Completeness, ENTRY_VERSION, EventTimes, Hole, LandedRange, LandingEntry,
    StoredFile, TopicTotals,
};
pub use file_name::{LEDGER_FOLDER, LandingFileName, REJECTS_FOLDER};
pub use landed_files::{LandedFilesError, retain_landed};
pub use offset_spans::{OffsetSpan, OffsetSpans};
pub use topic_landing::{LandedFile, TopicLanding, list_plain_files, open_ledger, read_lines};
