//! The JSON API: jobs, executors, version. It is read-only, and its answers
//! contain no secrets.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use sluice_service::secrets::Secrets;
use sluice_proto::v1::{JobState, ListJobsRequest};

use super::ballista::BallistaServer;
use super::cluster::Notes;
use super::executors;
use super::view::JobsView;

/// The most jobs on one page.
const MOST_JOBS: u32 = 1000;

/// The state that the handlers read.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) view: Arc<dyn JobsView>,
    pub(super) ballista: BallistaServer,
    pub(super) notes: Notes,
    pub(super) secrets: Secrets,
    /// When this process started, milliseconds since the Unix epoch.
    pub(super) started_ms: i64,
}

pub(super) fn routes(api: Api) -> Router {
    Router::new()
        .route("/api/v1/jobs", get(list_jobs))
        .route("/api/v1/jobs/{id}", get(get_job))
        .route("/api/v1/executors", get(list_executors))
        .route("/api/executors", get(list_executors))
        .route("/api/v1/version", get(version))
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
}

impl ListQuery {
    fn request(self) -> Result<ListJobsRequest, String> {
        if self.limit > MOST_JOBS {
            return Err(format!(
                "limit is at most {MOST_JOBS}; ask for the next page with page_token"
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
        })
    }
}

impl Api {
    fn answer(&self, status: StatusCode, body: &Value) -> Response {
        let text = body.to_string();
        let text = self.secrets.redact(&text).into_owned();
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (status, headers, text).into_response()
    }

    fn refuse(&self, status: StatusCode, message: &str) -> Response {
        self.answer(status, &json!({ "error": { "message": message } }))
    }
}

async fn list_jobs(
    State(api): State<Api>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let request = match query {
        Ok(Query(query)) => query.request(),
        Err(rejection) => Err(rejection.body_text()),
    };
    match request {
        Ok(request) => {
            let page = api.view.list(request).await;
            let jobs: Vec<Value> = page
                .jobs
                .iter()
                .map(sluice_proto::json::job_summary)
                .collect();
            let next = (!page.next_page_token.is_empty()).then_some(page.next_page_token);
            api.answer(
                StatusCode::OK,
                &json!({ "jobs": jobs, "next_page_token": next }),
            )
        }
        Err(message) => api.refuse(StatusCode::BAD_REQUEST, &message),
    }
}

async fn get_job(State(api): State<Api>, Path(id): Path<String>) -> Response {
    match api.view.get(&id).await {
        Some(job) => api.answer(StatusCode::OK, &sluice_proto::json::job(&job)),
        None => api.refuse(
            StatusCode::NOT_FOUND,
            &format!("no job has the id `{id}`; list them at /api/v1/jobs"),
        ),
    }
}

async fn list_executors(State(api): State<Api>) -> Response {
    let executors = executors::all(&api.ballista, &api.notes).await;
    api.answer(StatusCode::OK, &json!({ "executors": executors }))
}

async fn version(State(api): State<Api>) -> Response {
    api.answer(
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn query(limit: u32, state: &str) -> ListQuery {
        ListQuery {
            limit,
            page_token: "t".to_owned(),
            state: state.to_owned(),
        }
    }

    #[test]
    fn queries_become_requests_or_say_what_is_wrong() {
        let running = JobState::Running.name();
        let request = query(5, &format!("{running},{}", running.to_uppercase()))
            .request()
            .unwrap();
        assert_eq!(request.limit, 5);
        assert_eq!(request.states, [i32::from(JobState::Running); 2]);
        assert_eq!(query(0, "").request().unwrap().states, Vec::<i32>::new());
        assert!(
            query(1001, "")
                .request()
                .unwrap_err()
                .contains("at most 1000")
        );
        assert!(query(1, "gone").request().unwrap_err().contains(running));
    }
}
