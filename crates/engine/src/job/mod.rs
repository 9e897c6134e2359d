//! Turns a checked job file into steps that can run.
//!
//! [`analyze_job`] opens the sources, plans every query, finds what is computed
//! once for several readers, rewrites deduplications, cuts sources down to the
//! fields that are read, and returns an [`AnalyzedJob`]: a graph of [`Step`]s
//! with logical plans. A step's physical plan is made after the steps that it
//! reads from have finished ([`AnalyzedJob::plan_physical`]): it reads their
//! [`StepResults`], and the sizes of its inputs are known.

mod analyze;
mod arrow_types;
mod column_pruning;
mod dataset_table;
mod dedup_steps;
mod physical;
mod plan_diagnostics;
mod producers;
mod results;
mod sources;
mod spans;
mod spark_syntax;
mod staging;
mod steps;
mod table_spec;
mod type_check;

pub use analyze::{AnalyzeOptions, analyze_job};
pub use physical::PhysicalOptions;
pub use results::StepResults;
pub use steps::{AnalyzedDataset, AnalyzedJob, InputSummary, RelationSummary, Step, StepKind};

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
        source: sluice_storage::StoreError,
    },
    /// A source's ledger cannot be read or contradicts the files.
    #[error("{what}: {source}")]
    Landing {
        /// Such as `source user_events`.
        what: String,
        #[source]
        source: sluice_landing::LandedFilesError,
    },
    /// The engine failed where it should not have, which is a defect.
    #[error("cannot plan {what}: {source}")]
    Engine {
        /// The relation or step.
        what: String,
        #[source]
        source: datafusion::error::DataFusionError,
    },
}
