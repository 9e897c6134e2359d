//! Jobs, their datasets, inputs and progress.

use std::collections::BTreeMap;

use serde::Serialize;

use super::errors::{Diagnostic, ErrorSummary, JobError, diagnostics};
use super::names::{DatasetPhase, JobState};
use super::optional_time;
use crate::v1;

/// A job, running or past.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    pub job_id: String,
    /// Chosen by the client; found wherever a job's id is asked for.
    pub submission_id: String,
    /// The name for people.
    pub name: String,
    /// The name of the job file as the client gave it.
    pub file_name: String,
    pub state: JobState,
    /// Milliseconds since the Unix epoch, like all times.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub submitted_ms: Option<i64>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub started_ms: Option<i64>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub ended_ms: Option<i64>,
    /// The time limit; null for none.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub timeout_ms: Option<u64>,
    /// How often it was run again after a scheduler stopped.
    pub restarts: u32,
    /// Who submitted it, as the client says; may be empty.
    pub user: String,
    /// The OpenTelemetry trace that it belongs to; null for none.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub trace_id: Option<String>,
    /// The values of the job file's variables; secrets are redacted.
    pub params: BTreeMap<String, String>,
    /// In the order of the job file.
    pub datasets: Vec<DatasetResult>,
    /// What was read, by source.
    pub inputs: Vec<InputStats>,
    pub warnings: Vec<Diagnostic>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub progress: Option<Progress>,
    /// Null unless the job ended without success.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub error: Option<JobError>,
}

impl From<&v1::Job> for Job {
    fn from(job: &v1::Job) -> Self {
        Self {
            job_id: job.job_id.clone(),
            submission_id: job.submission_id.clone(),
            name: job.name.clone(),
            file_name: job.file_name.clone(),
            state: job.state().into(),
            submitted_ms: optional_time(job.submitted_ms),
            started_ms: optional_time(job.started_ms),
            ended_ms: optional_time(job.ended_ms),
            timeout_ms: (job.timeout_ms > 0).then_some(job.timeout_ms),
            restarts: job.restarts,
            user: job.user.clone(),
            trace_id: Some(job.trace_id.clone()).filter(|id| !id.is_empty()),
            params: sluice_secrets::redact_values(&job.params),
            datasets: job.datasets.iter().map(DatasetResult::from).collect(),
            inputs: job.inputs.iter().map(InputStats::from).collect(),
            warnings: diagnostics(&job.warnings),
            progress: job.progress.as_ref().map(Progress::from),
            error: job.reason.as_ref().map(JobError::from),
        }
    }
}

/// One line of a list of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobSummary {
    pub job_id: String,
    pub submission_id: String,
    pub name: String,
    pub state: JobState,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub submitted_ms: Option<i64>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub started_ms: Option<i64>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub ended_ms: Option<i64>,
    pub user: String,
    /// Null unless the job ended without success.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub error: Option<ErrorSummary>,
}

impl From<&v1::Job> for JobSummary {
    fn from(job: &v1::Job) -> Self {
        Self {
            job_id: job.job_id.clone(),
            submission_id: job.submission_id.clone(),
            name: job.name.clone(),
            state: job.state().into(),
            submitted_ms: optional_time(job.submitted_ms),
            started_ms: optional_time(job.started_ms),
            ended_ms: optional_time(job.ended_ms),
            user: job.user.clone(),
            error: job.reason.as_ref().map(ErrorSummary::from),
        }
    }
}

/// The result of one dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatasetResult {
    pub name: String,
    pub phase: DatasetPhase,
    /// The rows that this job wrote.
    pub rows: u64,
    pub files: u64,
    pub bytes: u64,
    /// The rows of the table with those of this job; null while this is not known, or
    /// when its log does not count the rows of all files.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub table_rows: Option<u64>,
    /// The table version that this job committed; null before the commit.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub version: Option<u64>,
    /// The time from the dataset's first task to its commit.
    pub seconds: f64,
    /// The path or URL of the table.
    pub location: String,
}

impl From<&v1::DatasetResult> for DatasetResult {
    fn from(dataset: &v1::DatasetResult) -> Self {
        Self {
            name: dataset.name.clone(),
            phase: dataset.phase().into(),
            rows: dataset.rows,
            files: dataset.files,
            bytes: dataset.bytes,
            table_rows: dataset.table_rows,
            version: dataset.version,
            seconds: dataset.seconds,
            location: dataset.location.clone(),
        }
    }
}

/// What was read from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InputStats {
    /// The source's name in the job file.
    pub name: String,
    /// The path or URL of the files.
    pub location: String,
    pub files: u64,
    pub bytes: u64,
    pub lines: u64,
    /// Lines that could not be read with the declared types.
    pub malformed: u64,
    /// Malformed lines that were left out.
    pub dropped: u64,
}

impl From<&v1::InputStats> for InputStats {
    fn from(input: &v1::InputStats) -> Self {
        Self {
            name: input.name.clone(),
            location: input.location.clone(),
            files: input.files,
            bytes: input.bytes,
            lines: input.lines,
            malformed: input.malformed,
            dropped: input.dropped,
        }
    }
}

/// The progress of a job. Totals grow while stages become known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    pub datasets_done: u32,
    pub datasets_total: u32,
    pub stages_done: u32,
    pub stages_total: u32,
    pub tasks_done: u32,
    pub tasks_running: u32,
    pub tasks_total: u32,
    pub rows_read: u64,
    pub bytes_read: u64,
    pub rows_written: u64,
    pub bytes_written: u64,
    pub elapsed_ms: u64,
    /// The executors that were registered then.
    pub executors: u32,
    pub vcores: u32,
    pub datasets: Vec<DatasetProgress>,
}

impl From<&v1::Progress> for Progress {
    fn from(progress: &v1::Progress) -> Self {
        Self {
            datasets_done: progress.datasets_done,
            datasets_total: progress.datasets_total,
            stages_done: progress.stages_done,
            stages_total: progress.stages_total,
            tasks_done: progress.tasks_done,
            tasks_running: progress.tasks_running,
            tasks_total: progress.tasks_total,
            rows_read: progress.rows_read,
            bytes_read: progress.bytes_read,
            rows_written: progress.rows_written,
            bytes_written: progress.bytes_written,
            elapsed_ms: progress.elapsed_ms,
            executors: progress.executors,
            vcores: progress.vcores,
            datasets: progress
                .datasets
                .iter()
                .map(DatasetProgress::from)
                .collect(),
        }
    }
}

/// The progress of one dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatasetProgress {
    pub name: String,
    pub phase: DatasetPhase,
    pub tasks_done: u32,
    pub tasks_total: u32,
    pub rows: u64,
}

impl From<&v1::DatasetProgress> for DatasetProgress {
    fn from(dataset: &v1::DatasetProgress) -> Self {
        Self {
            name: dataset.name.clone(),
            phase: dataset.phase().into(),
            tasks_done: dataset.tasks_done,
            tasks_total: dataset.tasks_total,
            rows: dataset.rows,
        }
    }
}
