//! Turns a checked job file into steps that can run.
//!
//! [`analyze_job`] opens the sources, plans every query, finds what is computed
//! once for several readers, rewrites deduplications, cuts sources down to the
//! fields that are read, and returns an [`AnalyzedJob`]: a graph of [`Step`]s
//! with logical plans. A step's physical plan is made after the steps that it
//! reads from have finished ([`AnalyzedJob::plan_physical`]): it reads their
//! [`StepResults`], and the sizes of its inputs are known.

mod analyze;
mod answer;
mod arrow_types;
mod changed_files;
mod changed_groups;
mod column_pruning;
mod dataset_table;
mod datasets;
mod dedup_steps;
mod delta_source;
mod folder_columns;
mod group_files;
mod group_keys;
mod increments;
mod inference;
mod key_bounds;
mod key_ranges;
mod merged_groups;
mod metadata_reads;
mod part_files;
mod past_keys;
mod physical;
mod plan_diagnostics;
mod producers;
mod query_check;
mod query_limits;
mod repeatable;
mod replaced_part;
mod results;
mod shared_parts;
mod shown_names;
mod skipped_files;
mod source_tables;
mod sources;
mod spans;
mod staging;
mod steps;
mod stream_dedup;
mod streams;
mod table_columns;
mod table_spec;
mod view_increments;
mod view_updates;

pub use analyze::{AnalyzeOptions, analyze_job};
pub use answer::{AnalyzedQuery, analyze_query};
pub use changed_files::ReplacedFiles;
pub use inference::{
    InferencePlan, add_columns, columns_from_rows, list_source, plan_inference, with_hints,
};
pub use physical::PhysicalOptions;
#[cfg(test)]
pub(crate) use physical::with_low_memory;
pub use query_limits::{DEFAULT_MAX_COLUMNS, QueryLimits};
pub use results::StepResults;
pub use steps::{
    AnalyzedDataset, AnalyzedJob, InputSummary, RefreshSummary, RelationSummary, Step, StepKind,
};
pub use streams::{
    FlowInput, StreamInputs, StreamTable, TableInput, list_rules, stream_sources, stream_tables,
};
pub use view_increments::{ViewInput, ViewUpdate};

pub use arrow_types::sql_type;
pub(crate) use replaced_part::OUTSIDE_PART;
use sluice_jobfile::Diagnostics;

/// Why a job cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The job file is wrong.
    #[error("the job file has errors")]
    Invalid(Diagnostics),
    /// A source or the gold folder cannot be used.
    #[error("{what}: {source}")]
    Store {
        /// Such as `source user_events`.
        what: String,
        /// The store's error.
        #[source]
        source: Box<sluice_storage::StoreError>,
    },
    /// A source's ledger cannot be read or contradicts the files.
    #[error("{what}: {source}")]
    Landing {
        /// Such as `source user_events`.
        what: String,
        #[source]
        source: Box<sluice_landing::LandedFilesError>,
    },
    /// A file of a source does not fit its declaration.
    #[error("{what}: {file}: {problem}")]
    Files {
        /// Such as `source user_events`.
        what: String,
        file: String,
        /// What is wrong with the file, and what to do.
        problem: String,
    },
    /// A source is a Delta table that cannot be read.
    #[error("{what}: {source}")]
    Gold {
        /// Such as `source user_events`.
        what: String,
        #[source]
        source: Box<sluice_gold::GoldError>,
    },
    /// A dataset that the run leaves as it is has no table, and another one reads it.
    #[error(
        "`{table}` is read and has no table yet; name it in --refresh too, or run the job without \
         --refresh"
    )]
    NoTable { table: String },
    /// The engine failed where it should not have, which is a defect.
    #[error("cannot plan {what}: {source}")]
    Engine {
        /// The relation or step.
        what: String,
        #[source]
        source: datafusion::error::DataFusionError,
    },
}
