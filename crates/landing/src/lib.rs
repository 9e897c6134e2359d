//! What a landing folder is, and how to read it.
//!
//! A topic's folder holds files of JSON lines and a ledger. Only files that the
//! ledger names have landed. `docs/ingest-landing.md` documents the layout. The
//! crate `sluice-ingest` writes the folder from Kafka; this crate reads it.
//!
//! - [`LandingEntry`] is the content of one ledger entry, with the [`OffsetSpans`] of its lines'
//!   offsets.
//! - [`LandingFileName`] and [`Compression`] are parsed from a file's name.
//! - [`JoinedEntry`] says which landed files are ranges of a joined file, and
//!   [`JoinedLedger`] finds it.
//! - [`TopicLanding`] lists the files of a range of entries, [`list_landed`] lists only
//!   the landed files of a source, and [`read_lines`] reads a file.

mod entry;
mod file_name;
mod joined_entry;
mod joined_ledger;
mod landed_files;
mod offset_spans;
mod topic_landing;

pub use entry::{
    CloseReason, Completeness, ENTRY_VERSION, EventTimes, Hole, JOINING_VERSION, LandedRange,
    LandingEntry, StoredFile, TopicTotals,
};
pub use file_name::{JOINED_FOLDER, LEDGER_FOLDER, LandingFileName, REJECTS_FOLDER};
pub use joined_entry::{JOINED_VERSION, JoinedEntry, JoinedFile, JoinedPart};
pub use joined_ledger::JoinedLedger;
pub use landed_files::{LandedFilesError, list_landed};
pub use offset_spans::{OffsetSpan, OffsetSpans};
pub use sluice_compression::{CompressingWriter, Compression};
pub use topic_landing::{LandedFile, TopicLanding, open_ledger, read_lines};
