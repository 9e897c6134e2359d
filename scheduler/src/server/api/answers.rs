//! What requests are answered with.

use serde::Serialize;
use sluice_proto::json;
use utoipa::{IntoResponses, ToSchema};

use crate::ballista::{ExecutorInfo, LostExecutor};
use crate::driver::StepDetails;

/// Why a request is not answered.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorAnswer {
    pub(super) error: ErrorMessage,
}

/// What is wrong, and what to do next.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorMessage {
    pub(super) message: String,
}

/// What every route may answer.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers that are made elsewhere")]
pub(super) enum SharedAnswers {
    /// The answer would be one that If-None-Match names
    #[response(status = 304, headers(("ETag" = String, description = "Of the answer that the client has")))]
    NotModified,
    /// A parameter is not known or not understood, or the request names no host
    #[response(status = 400)]
    Invalid(ErrorAnswer),
    /// The scheduler does not serve the host that the request names
    #[response(status = 421)]
    UnknownHost(ErrorAnswer),
}

/// What a route about one job may answer in addition.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers that are made elsewhere")]
pub(super) enum JobErrors {
    /// No job has this id
    #[response(status = 404)]
    NotFound(ErrorAnswer),
}

/// What a route that reads files may answer in addition.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers that are made elsewhere")]
pub(super) enum StageErrors {
    /// The file with the details of the job cannot be read
    #[response(status = 500)]
    Storage(ErrorAnswer),
}

/// One page of a list of jobs.
#[derive(Serialize, ToSchema)]
pub(super) struct JobPage {
    /// The newest first.
    pub(super) jobs: Vec<json::JobSummary>,
    /// Where the next page begins; null on the last one.
    #[schema(required = true)]
    pub(super) next_page_token: Option<String>,
}

/// What the steps of a job did.
#[derive(Serialize, ToSchema)]
pub(super) struct JobStages {
    pub(super) steps: Vec<StepDetails>,
}

/// The executors of a scheduler.
#[derive(Serialize, ToSchema)]
pub(super) struct ExecutorList {
    /// Those that are registered, by id.
    pub(super) executors: Vec<ExecutorInfo>,
    /// The latest that are not any longer, the newest first.
    pub(super) lost: Vec<LostExecutor>,
}

/// The versions of a scheduler.
#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    #[schema(value_type = String)]
    pub(super) version: &'static str,
    pub(super) engines: Engines,
    /// When the scheduler started, milliseconds since the Unix epoch.
    pub(super) started_ms: i64,
}

/// The versions of the engines.
#[derive(Serialize, ToSchema)]
pub(super) struct Engines {
    #[schema(value_type = String)]
    pub(super) datafusion: &'static str,
    #[schema(value_type = String)]
    pub(super) ballista: &'static str,
}
