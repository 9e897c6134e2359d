//! Staged relations: what several datasets read is computed once per run and
//! kept as Arrow IPC on the disks of the executors that computed it.
//!
//! The plan of a stage step ends in [`StageWriterExec`]: each task writes the
//! rows of its partition to a file below its executor's work folder and returns
//! one [`StagedPart`]. Later steps scan a [`StagedTable`] of those parts. The leaf
//! of such a scan is a `FileScanConfig` over `StagedSource`, which the scheduler
//! slices by task like any file scan. A part on the same machine is read from its
//! file; any other part is fetched through the Arrow Flight service of the
//! executor that holds it.
//!
//! The files are where Ballista's Flight service looks for shuffle files
//! (`<work dir>/<token>/0/0/data-<id>.arrow`), so no separate service is needed,
//! and Ballista's clean-up of a job's data removes a token's files. They need not
//! survive a crash and are never synced: a lost part is a failure that names its
//! stage ([`FailureKind::StagedLost`](crate::task_failure::FailureKind::StagedLost)),
//! after which the driver runs the stage step again.

pub(crate) mod codec;
mod deduplicated;
mod fetch;
mod part;
mod sample;
mod source;
mod table;
mod writer;

#[cfg(test)]
mod tests;

pub use deduplicated::DeduplicatedTable;
pub use part::{Block, StagedPart};
pub use sample::ColumnSample;
pub(crate) use source::{StagedSource, read_staged_rows};
pub(crate) use table::StagedParts;
pub use table::StagedTable;
pub use writer::{StageWriterExec, read_parts};
