//! Gold tables: Delta commits, snapshots and checks.
//!
//! Tasks write Parquet files ([`DataFileName`], [`partition_path`],
//! [`stats_from_parquet`]) and report them as [`DataFile`]s. When all tasks of a
//! job are done, its driver makes them the content of a table with
//! [`GoldTable::commit_replace`]. Nothing is visible before that, and everything
//! is after.
//!
//! This is the only crate that names `deltalake`. It reads logs with it; entries
//! are written here, through our own stores, as one durable put-if-absent.

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
