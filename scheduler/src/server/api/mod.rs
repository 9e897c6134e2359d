//! The JSON API: jobs, executors, version. It is read-only, and its answers
//! contain no secrets.
//!
//! Each route is declared once, with what its OpenAPI document says about it. The
//! document is generated from these declarations and from the types of the answers.

mod answers;
mod parameters;

use std::sync::LazyLock;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde::Serialize;
use sluice_proto::json;
use sluice_proto::v1::ErrorKind;
use sluice_service::secrets::Secrets;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::answers::{
    Engines, ErrorAnswer, ErrorMessage, ExecutorList, JobErrors, JobPage, JobStages, SharedAnswers,
    StageErrors, Version,
};
use self::parameters::{ApiQuery, JobId, JobIdParameter, ListQuery, NoParameters, Revalidation};
use super::etag::answer_if_changed;
use crate::ballista::{self, BallistaServer, ExecutorTracker};
use crate::jobs::JobRegistry;

/// The state that the handlers read.
#[derive(Clone)]
pub(super) struct ApiState {
    pub(super) jobs: JobRegistry,
    pub(super) ballista: BallistaServer,
    pub(super) tracker: ExecutorTracker,
    pub(super) secrets: Secrets,
    /// When this process started, milliseconds since the Unix epoch.
    pub(super) started_ms: i64,
}

/// What the document says about all routes. The paths in it have the scheduler's
/// address in front, also below a path of a reverse proxy: it is two folders up from
/// the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sluice scheduler",
        description = "Jobs, executors and version of a Sluice scheduler, to read. Jobs are \
            submitted and cancelled over gRPC (`sluice.v1.JobService`). Times are milliseconds \
            since the Unix epoch, or null when the moment has not come yet. Answers have a strong \
            ETag over their text; a request that names it in If-None-Match is answered with 304 \
            while nothing has changed. Fields may be added to answers.",
    ),
    // Only bodies that a route names itself are found without this.
    components(schemas(ErrorAnswer, ErrorMessage)),
    servers((url = "../..", description = "The scheduler that serves this document")),
    tags(
        (name = "jobs", description = "Jobs, running and past"),
        (name = "cluster", description = "The scheduler and its executors"),
    )
)]
struct ApiDocument;

/// The document as text.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let (_, document) = documented_routes().split_for_parts();
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
});

/// Every route of the API.
fn documented_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(ApiDocument::openapi())
        .routes(routes!(list_jobs))
        .routes(routes!(get_job))
        .routes(routes!(get_stages))
        .routes(routes!(list_executors))
        .routes(routes!(get_version))
        .routes(routes!(get_document))
}

pub(super) fn api_routes(api: ApiState) -> Router {
    let (routes, _) = documented_routes().split_for_parts();
    routes
        .route("/api/{*path}", any(answer_unknown_path))
        .method_not_allowed_fallback(answer_wrong_method)
        .with_state(api)
        .layer(from_fn(answer_if_changed))
}

impl ApiState {
    /// The answer to a request that is served.
    fn respond_json(&self, body: &impl Serialize) -> Response {
        self.respond_with(StatusCode::OK, "no-cache", body)
    }

    fn respond_with(
        &self,
        status: StatusCode,
        cache_control: &'static str,
        body: &impl Serialize,
    ) -> Response {
        let text = match serde_json::to_string(body) {
            Ok(text) => text,
            Err(error) => {
                return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
            }
        };
        let text = self.secrets.redact(&text).into_owned();
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, cache_control),
        ];
        (status, headers, text).into_response()
    }

    fn respond_no_job(&self, kind: ErrorKind, id: &str) -> Response {
        let message = format!("no job has the id `{id}`; list them at /api/v1/jobs");
        self.respond_error(kind, message)
    }

    fn respond_error(&self, kind: ErrorKind, message: String) -> Response {
        let status =
            StatusCode::from_u16(kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.respond_status(status, message)
    }

    fn respond_status(&self, status: StatusCode, message: String) -> Response {
        let error = ErrorMessage { message };
        self.respond_with(status, "no-store", &ErrorAnswer { error })
    }
}

/// Lists jobs
///
/// The newest first, page by page: `next_page_token` of one page is `page_token` of
/// the next. Jobs that are submitted meanwhile move no page.
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    tag = "jobs",
    params(ListQuery, Revalidation),
    responses(
        (
            status = 200,
            description = "One page of jobs",
            body = JobPage,
            headers(("ETag" = String, description = "Of this text, for If-None-Match")),
            links(
                ("job" = (
                    operation_id = "get_job",
                    parameters(("id" = "$response.body#/jobs/0/job_id")),
                    description = "The first job of the page"
                )),
                ("stages" = (
                    operation_id = "get_stages",
                    parameters(("id" = "$response.body#/jobs/0/job_id")),
                    description = "The stages of the first job of the page"
                )),
            ),
        ),
        SharedAnswers,
    )
)]
async fn list_jobs(State(api): State<ApiState>, ApiQuery(query): ApiQuery<ListQuery>) -> Response {
    let page = query.into_list_request().and_then(|request| {
        let page = api.jobs.list_jobs(&request);
        page.map_err(|error| format!("{}; {}", error.message, error.next_step))
    });
    match page {
        Ok(page) => api.respond_json(&JobPage {
            jobs: (page.jobs.iter())
                .map(|job| json::JobSummary::from(job.as_ref()))
                .collect(),
            next_page_token: (!page.next_page_token.is_empty()).then_some(page.next_page_token),
        }),
        Err(message) => api.respond_error(ErrorKind::Invalid, message),
    }
}

/// Shows one job
///
/// With its datasets, inputs, progress and error.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    tag = "jobs",
    params(JobIdParameter, Revalidation),
    responses(
        (
            status = 200,
            description = "The job",
            body = json::Job,
            headers(("ETag" = String, description = "Of this text, for If-None-Match")),
        ),
        SharedAnswers,
        JobErrors,
    )
)]
async fn get_job(
    State(api): State<ApiState>,
    JobId(id): JobId,
    _: ApiQuery<NoParameters>,
) -> Response {
    match api.jobs.find_job(&id) {
        Ok(job) => api.respond_json(&json::Job::from(&job)),
        Err(error) => api.respond_no_job(error.kind(), &id),
    }
}

/// Shows what the steps of one job did
///
/// The stages of each step: tasks with their times, operators with rows, time and
/// spilled bytes. Without steps where the job ran without a cluster, and after the
/// details of an old job were removed.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/stages",
    tag = "jobs",
    params(JobIdParameter, Revalidation),
    responses(
        (
            status = 200,
            description = "The steps, in the order in which they can start",
            body = JobStages,
            headers(("ETag" = String, description = "Of this text, for If-None-Match")),
        ),
        SharedAnswers,
        JobErrors,
        StageErrors,
    )
)]
async fn get_stages(
    State(api): State<ApiState>,
    JobId(id): JobId,
    _: ApiQuery<NoParameters>,
) -> Response {
    match api.jobs.read_details(&id).await {
        Ok(details) => api.respond_json(&JobStages {
            steps: details.steps.clone(),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => api.respond_no_job(error.kind(), &id),
        Err(error) => api.respond_error(error.kind(), error.message),
    }
}

/// Lists executors
///
/// Those that are registered, and the latest ones that were lost.
#[utoipa::path(
    get,
    path = "/api/v1/executors",
    tag = "cluster",
    params(Revalidation),
    responses(
        (
            status = 200,
            description = "The executors",
            body = ExecutorList,
            headers(("ETag" = String, description = "Of this text, for If-None-Match")),
        ),
        SharedAnswers,
    )
)]
async fn list_executors(State(api): State<ApiState>, _: ApiQuery<NoParameters>) -> Response {
    api.respond_json(&ExecutorList {
        executors: ballista::list_executors(&api.ballista, &api.tracker).await,
        lost: api.tracker.lost_executors(),
    })
}

/// Shows the versions of Sluice and its engines
#[utoipa::path(
    get,
    path = "/api/v1/version",
    tag = "cluster",
    params(Revalidation),
    responses(
        (
            status = 200,
            description = "The versions",
            body = Version,
            headers(("ETag" = String, description = "Of this text, for If-None-Match")),
        ),
        SharedAnswers,
    )
)]
async fn get_version(State(api): State<ApiState>, _: ApiQuery<NoParameters>) -> Response {
    api.respond_json(&Version {
        version: sluice_service::VERSION,
        engines: Engines {
            datafusion: datafusion::DATAFUSION_VERSION,
            ballista: ballista_core::BALLISTA_VERSION,
        },
        started_ms: api.started_ms,
    })
}

/// Shows this document
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "cluster",
    params(Revalidation),
    responses(
        (
            status = 200,
            description = "An OpenAPI 3.1 document",
            body = serde_json::Value,
            content_type = "application/json",
            headers(("ETag" = String, description = "Of this text, for If-None-Match")),
        ),
        SharedAnswers,
    )
)]
async fn get_document(_: State<ApiState>, _: ApiQuery<NoParameters>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, DOCUMENT.as_str()).into_response()
}

async fn answer_unknown_path(State(api): State<ApiState>) -> Response {
    let message = "the API has no such path; /api/v1/openapi.json lists all";
    api.respond_status(StatusCode::NOT_FOUND, message.to_owned())
}

async fn answer_wrong_method(State(api): State<ApiState>, uri: Uri) -> Response {
    let message = format!("`{}` answers GET only", uri.path());
    api.respond_status(StatusCode::METHOD_NOT_ALLOWED, message)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        if std::env::var_os("SLUICE_UPDATE_DOCS").is_some() {
            std::fs::write(path, DOCUMENT.as_str()).unwrap();
        } else {
            assert!(
                std::fs::read_to_string(path).unwrap() == *DOCUMENT,
                "run SLUICE_UPDATE_DOCS=1 cargo test -p sluice-scheduler"
            );
        }
    }

    #[test]
    fn every_operation_says_what_it_may_answer() {
        let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 6, "{paths:?}");
        for (path, item) in paths {
            let operation = &item["get"];
            for part in ["summary", "operationId", "tags"] {
                assert!(!operation[part].is_null(), "{path} has no {part}");
            }
            for status in ["200", "304", "400", "421"] {
                assert!(
                    operation["responses"][status]["description"].is_string(),
                    "{path}: {status}"
                );
            }
            assert_eq!(
                operation["responses"]["404"].is_object(),
                path.contains("{id}"),
                "{path}"
            );
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_to_a_schema() {
        fn collect_references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields
                        .values()
                        .for_each(|field| collect_references(field, found));
                }
                Value::Array(items) => {
                    items
                        .iter()
                        .for_each(|item| collect_references(item, found));
                }
                _ => {}
            }
        }
        let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
        let mut references = Vec::new();
        collect_references(&document, &mut references);
        assert!(references.len() > 20, "{references:?}");
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
