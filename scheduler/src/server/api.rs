//! The JSON API: jobs, executors, version. It is read-only, and its answers
//! contain no secrets.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use sluice_proto::v1::{ErrorKind, JobState, ListJobsRequest};
use sluice_service::secrets::Secrets;

use crate::ballista::{self, BallistaServer, ExecutorTracker};
use crate::jobs::JobRegistry;

/// The most jobs on one page.
const MAX_PAGE_SIZE: u32 = 1000;

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

pub(super) fn api_routes(api: ApiState) -> Router {
    Router::new()
        .route("/api/v1/jobs", get(list_jobs))
        .route("/api/v1/jobs/{id}", get(get_job))
        .route("/api/v1/jobs/{id}/stages", get(get_stages))
        .route("/api/v1/executors", get(list_executors))
        .route("/api/executors", get(list_executors))
        .route("/api/v1/version", get(get_version))
        .with_state(api)
}

/// The query parameters of `/api/v1/jobs`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    #[serde(default)]
    limit: u32,
    #[serde(default)]
    page_token: String,
    /// Names of states, separated by commas.
    #[serde(default)]
    state: String,
    /// A part of a job's id, name, file name or user.
    #[serde(default)]
    text: String,
}

impl ListQuery {
    fn into_list_request(self) -> Result<ListJobsRequest, String> {
        if self.limit > MAX_PAGE_SIZE {
            return Err(format!(
                "limit is at most {MAX_PAGE_SIZE}; ask for the next page with page_token"
            ));
        }
        let states = self
            .state
            .split(',')
            .filter(|name| !name.is_empty())
            .map(|name| {
                let known = JobState::ALL
                    .into_iter()
                    .find(|state| state.name().eq_ignore_ascii_case(name));
                known.map(i32::from).ok_or_else(|| {
                    let names: Vec<&str> = JobState::ALL.into_iter().map(JobState::name).collect();
                    format!(
                        "no job state is called `{name}`; use one of {}",
                        names.join(", ")
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(ListJobsRequest {
            limit: self.limit,
            page_token: self.page_token,
            states,
            text: self.text,
        })
    }
}

impl ApiState {
    fn respond_json(&self, status: StatusCode, body: &Value) -> Response {
        let text = body.to_string();
        let text = self.secrets.redact(&text).into_owned();
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (status, headers, text).into_response()
    }

    fn respond_no_job(&self, kind: ErrorKind, id: &str) -> Response {
        let message = format!("no job has the id `{id}`; list them at /api/v1/jobs");
        self.respond_error(kind, &message)
    }

    fn respond_error(&self, kind: ErrorKind, message: &str) -> Response {
        let status =
            StatusCode::from_u16(kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.respond_json(status, &json!({ "error": { "message": message } }))
    }
}

async fn list_jobs(
    State(api): State<ApiState>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let request = match query {
        Ok(Query(query)) => query.into_list_request(),
        Err(rejection) => Err(rejection.body_text()),
    };
    let page = request.and_then(|request| {
        let page = api.jobs.list_jobs(&request);
        page.map_err(|error| format!("{}; {}", error.message, error.next_step))
    });
    match page {
        Ok(page) => {
            let jobs: Vec<Value> = page
                .jobs
                .iter()
                .map(|job| sluice_proto::json::job_summary(job))
                .collect();
            let next = (!page.next_page_token.is_empty()).then_some(page.next_page_token);
            api.respond_json(
                StatusCode::OK,
                &json!({ "jobs": jobs, "next_page_token": next }),
            )
        }
        Err(message) => api.respond_error(ErrorKind::Invalid, &message),
    }
}

async fn get_job(State(api): State<ApiState>, Path(id): Path<String>) -> Response {
    match api.jobs.find_job(&id) {
        Ok(job) => api.respond_json(StatusCode::OK, &sluice_proto::json::job(&job)),
        Err(error) => api.respond_no_job(error.kind(), &id),
    }
}

async fn get_stages(State(api): State<ApiState>, Path(id): Path<String>) -> Response {
    match api.jobs.read_details(&id).await {
        Ok(details) => api.respond_json(StatusCode::OK, &json!({ "steps": details.steps })),
        Err(error) if error.kind() == ErrorKind::NotFound => api.respond_no_job(error.kind(), &id),
        Err(error) => api.respond_error(error.kind(), &error.message),
    }
}

async fn list_executors(State(api): State<ApiState>) -> Response {
    let executors = ballista::list_executors(&api.ballista, &api.tracker).await;
    let lost = api.tracker.lost_executors();
    api.respond_json(
        StatusCode::OK,
        &json!({ "executors": executors, "lost": lost }),
    )
}

async fn get_version(State(api): State<ApiState>) -> Response {
    api.respond_json(
        StatusCode::OK,
        &json!({
            "version": sluice_service::VERSION,
            "engines": {
                "datafusion": datafusion::DATAFUSION_VERSION,
                "ballista": ballista_core::BALLISTA_VERSION,
            },
            "started_ms": api.started_ms,
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(limit: u32, state: &str) -> ListQuery {
        ListQuery {
            limit,
            page_token: "t".to_owned(),
            state: state.to_owned(),
            text: String::new(),
        }
    }

    #[test]
    fn queries_become_requests_or_say_what_is_wrong() {
        let running = JobState::Running.name();
        let request = query(5, &format!("{running},{}", running.to_uppercase()))
            .into_list_request()
            .unwrap();
        assert_eq!(request.limit, 5);
        assert_eq!(request.states, [i32::from(JobState::Running); 2]);
        assert_eq!(
            query(0, "").into_list_request().unwrap().states,
            Vec::<i32>::new()
        );
        assert!(
            query(1001, "")
                .into_list_request()
                .unwrap_err()
                .contains("at most 1000")
        );
        assert!(
            query(1, "gone")
                .into_list_request()
                .unwrap_err()
                .contains(running)
        );
    }
}
