//! A checked job file becomes steps that can run.
//!
//! [`analyze`] opens the sources, plans every query, finds what is computed
//! once for several readers, rewrites deduplications, cuts sources down to the
//! fields that are read, and gives an [`AnalyzedJob`]: a graph of [`Step`]s with
//! logical plans. A step's physical plan is made when what it reads is there
//! ([`AnalyzedJob::physical`]), so that it knows the sizes.

mod analyze;
mod check;
mod dataset;
mod diagnose;
mod narrow;
mod physical;
mod place;
mod shared;
mod sources;
mod spelling;
mod steps;
mod tables;
mod types;

pub use analyze::{AnalyzeOptions, analyze};
pub use dataset::{DatasetSlot, DatasetTable};
pub use physical::PhysicalOptions;
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
        /// What the store said.
        #[source]
        source: sluice_storage::StoreError,
    },
    /// A source's ledger, and what it says has landed, cannot be relied on.
    #[error("{what}: {source}")]
    Landing {
        /// Such as `source user_events`.
        what: String,
        /// What is wrong.
        #[source]
        source: sluice_landing::CommittedError,
    },
    /// The engine refused where it should not have.
    #[error("cannot plan {what}: {source}")]
    Engine {
        /// The relation or step.
        what: String,
        /// The engine's error.
        #[source]
        source: datafusion::error::DataFusionError,
    },
}
