//! Gold tables: Delta commits, snapshots and checks.
//!
//! Tasks write Parquet files ([`DataFileName`], [`partition_path`],
//! [`stats_from_parquet`]) and report them as [`DataFile`]s. When all tasks of a
//! job have finished, its driver commits the files to a table with
//! [`GoldTable::commit_replace`]. Readers see all of the files after the commit
//! and none of them before.
//!
//! This is the only crate that depends on `deltalake`. It uses `deltalake` to
//! read logs and writes log entries itself, through Sluice's own stores, each as
//! one durable put-if-absent.

mod cleanup;
mod commit;
mod data_file;
mod delta_log;
mod error;
mod file_names;
mod latest_version;
mod log_actions;
mod maintenance;
mod properties;
mod replace_commit;
mod replay;
mod schema;
mod snapshot;
mod stats;
mod table;

pub use cleanup::CleanupSummary;
pub use commit::{CommitInfo, CommitOutcome};
pub use data_file::{DataFile, FileStats};
pub use error::GoldError;
pub use file_names::{DataFileName, parse_partition_path, partition_path, partition_value};
pub use maintenance::is_checkpoint_due;
pub use properties::check_properties;
pub use schema::{COMMENT_KEY, SchemaProblem, check_schema, delta_schema, needs_cast};
pub use snapshot::{ActiveFile, Snapshot};
pub use stats::{INDEXED_COLUMNS, stats_from_parquet};
pub use table::{GoldTable, GoldTables, TableSpec};

#[cfg(test)]
mod s3_tests;
