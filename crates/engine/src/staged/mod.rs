//! Staged relations: what several datasets read is computed once per run and
//! kept as Arrow IPC on the disks of the executors that computed it.
//!
//! A stage job ends in [`StageWriterExec`]: each task writes the rows of its
//! partition to a file below its executor's work folder and returns one
//! [`StagedPart`]. Later jobs scan a [`StagedTable`] of those parts, whose leaf
//! is a `FileScanConfig` over [`StagedSource`]: the scheduler slices it by
//! task like any file scan. A part on the same machine is read from its file,
//! any other is fetched through the Arrow Flight service of the executor that
//! holds it.
//!
//! Files lie where Ballista's Flight service looks for shuffle files
//! (`<work dir>/<token>/0/0/data-<id>.arrow`), so no service of our own is
//! needed, and Ballista's clean-up of a job's data removes a token's files.
//! They need not survive a crash and are never synced: a lost part is an error
//! that holds [`LOST_MARKER`], and the driver stages again.

pub(crate) mod codec;
mod fetch;
mod part;
mod source;
mod survivors;
mod table;
mod writer;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests;

pub use part::{Block, StagedPart};
pub(crate) use source::StagedSource;
pub use survivors::SurvivorsTable;
pub use table::{StagedSlot, StagedTable};
pub use writer::StageWriterExec;

/// Stands in the text of every error that says a staged part is gone.
///
/// Errors cross the cluster as text, and this one must be told from others: it
/// asks for staging again, not for a retry of the task.
pub const LOST_MARKER: &str = "SLUICE_STAGED_LOST";
