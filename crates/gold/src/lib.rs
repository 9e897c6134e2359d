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

mod actions;
mod cleanup;
mod commit;
mod datafile;
mod error;
mod files;
mod load;
mod log;
mod maintain;
mod plan;
mod properties;
mod replay;
mod schema;
mod snapshot;
mod stats;
mod table;

pub use cleanup::Cleanup;
pub use commit::{CommitInfo, CommitOutcome};
pub use datafile::{DataFile, FileStats};
pub use error::GoldError;
pub use files::{DataFileName, parse_partition_path, partition_path, partition_value};
pub use maintain::checkpoint_due;
pub use properties::check_properties;
pub use schema::{COMMENT, SchemaProblem, check_schema, delta_schema, needs_cast};
pub use snapshot::{ActiveFile, Snapshot};
pub use stats::{INDEXED_COLUMNS, stats_from_parquet};
pub use table::{GoldTable, GoldTables, TableSpec};

#[cfg(test)]
mod s3_tests;
