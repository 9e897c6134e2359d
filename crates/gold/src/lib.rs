//! Gold tables: Delta commits, snapshots and checks.
//!
//! Tasks write Parquet files ([`DataFileName`], [`partition_path`],
//! [`stats_from_parquet`]) and report them as [`DataFile`]s. When all tasks of a
//! job have finished, its driver commits the files to a table with
//! [`GoldTable::commit_replace`]. Readers see all of the files after the commit
//! and none of them before. A job with several tables holds [`TableLocks`] on all
//! of them, and records a [`PreparedCommit`] for each before it makes the first.
//!
//! This is the only crate that depends on `deltalake`. It uses `deltalake` to
//! read logs and writes log entries itself, through Sluice's own stores, each as
//! one durable put-if-absent.

mod commit;
mod error;
mod files;
mod folder;
mod locks;
mod log;
mod schema;
mod table;

pub use commit::CommitOutcome;
pub use commit::append::{FlowAppend, append_schema};
pub use commit::prepared::{CommitOrigin, PreparedCommit};
pub use commit::replace::CommitInfo;
pub use commit::view::ViewPlan;
pub use error::GoldError;
pub use files::cleanup::CleanupSummary;
pub use files::data_file::{DataFile, FileStats};
pub use files::file_names::{DataFileName, partition_path, partition_value};
pub use files::stats::{INDEXED_COLUMNS, stats_from_parquet};
pub use folder::TargetFolder;
pub use folder::other_tables::OtherTable;
pub use locks::{RunLocks, TableLocks};
pub use log::checkpoint::is_checkpoint_due;
pub use log::snapshot::{ActiveFile, Snapshot};
pub use schema::properties::check_properties;
pub use schema::type_text::ColumnText;
pub use schema::{COMMENT_KEY, SchemaProblem, check_schema, delta_schema};
pub use table::{GoldTable, GoldTables, TableSpec};

#[cfg(test)]
mod s3_tests;
#[cfg(test)]
mod test_table;
