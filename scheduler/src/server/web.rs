//! Serves the web pages: reads the state that a page shows and answers with its HTML.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::Utc;
use serde::Deserialize;
use sluice_proto::v1::{JobState, ListJobsRequest};
use sluice_service::format::format_time;
use tokio_util::sync::CancellationToken;

use super::api::ApiState;
use super::capacity::CapacityHistory;
use super::etag::answer_if_changed;
use super::host_check::KnownHosts;
use super::landing::LandingReader;
use super::page_events::page_events;
use super::table::TableReader;
use crate::ballista;
use crate::driver::{LogPart, LogStart};
use crate::pages::{
    Frame, JOB_PAGE_LINES, JobList, JobView, LOG_PAGE_LINES, Overview, Page, committed_tables,
    executors_page, find_asset, job_page, jobs_page, landing_page, log_page, message_page,
    overview_page, source_folders, stages_page, table_page, tables_page,
};

/// How many of the latest jobs the overview, the tables and usual durations are
/// made from.
const CONSIDERED_JOBS: usize = 1_000;
/// How many jobs a page of the list has.
const PAGE_SIZE: u32 = 50;
/// How many runs of a job its page compares.
const RUNS: usize = 30;
/// What pages may load: files of this server, and nothing else.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The state that the pages are made from.
#[derive(Clone)]
pub(super) struct WebState {
    pub(super) api: ApiState,
    pub(super) known_hosts: KnownHosts,
    pub(super) capacity: CapacityHistory,
    pub(super) landing: LandingReader,
    pub(super) tables: TableReader,
    /// Proves that a form came from a page of this process.
    pub(super) form_token: Arc<str>,
    /// Fires when no new job is accepted.
    pub(super) draining: CancellationToken,
    /// Fires when open pages are not served any longer.
    pub(super) stop: CancellationToken,
}

pub(super) fn web_routes(state: WebState) -> Router {
    Router::new()
        .route("/", get(get_overview))
        .route("/jobs", get(get_jobs))
        .route("/jobs/{id}", get(get_job))
        .route("/jobs/{id}/log", get(get_log))
        .route("/jobs/{id}/stages", get(get_stages))
        .route("/jobs/{id}/kill", post(kill_job))
        .route("/tables", get(get_tables))
        .route("/tables/{id}", get(get_table))
        .route("/landing", get(get_landing))
        .route("/executors", get(get_executors))
        .with_state(state)
        .merge(asset_routes())
        .layer(from_fn(add_security_headers))
}

async fn add_security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Files that a browser has are not sent again.
fn asset_routes() -> Router {
    Router::new()
        .route("/assets/{name}", get(get_asset))
        .layer(from_fn(answer_if_changed))
}

async fn get_asset(Path(name): Path<String>) -> Response {
    let Some(asset) = find_asset(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, asset.text).into_response()
}

/// A page that can be asked for.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Overview,
    Jobs(JobsQuery),
    Job(String),
    Log(String),
    Stages(String),
    Tables,
    Table(String),
    Landing,
    Executors,
}

impl Target {
    /// The way from the page to the first page.
    fn root(&self) -> &'static str {
        match self {
            Self::Overview | Self::Jobs(_) | Self::Tables | Self::Landing | Self::Executors => "./",
            Self::Job(_) | Self::Table(_) => "../",
            Self::Log(_) | Self::Stages(_) => "../../",
        }
    }

    /// The job whose log the page shows, and how many of its lines.
    pub(super) fn shown_log(&self) -> Option<(&str, usize)> {
        match self {
            Self::Job(id) => Some((id, JOB_PAGE_LINES)),
            Self::Log(id) => Some((id, LOG_PAGE_LINES)),
            _ => None,
        }
    }

    /// Whether what the page shows does not change any longer.
    pub(super) async fn is_settled(&self, state: &WebState) -> bool {
        match self {
            Self::Job(id) | Self::Log(id) | Self::Stages(id) => state.api.jobs.is_settled(id).await,
            Self::Overview
            | Self::Jobs(_)
            | Self::Tables
            | Self::Table(_)
            | Self::Landing
            | Self::Executors => false,
        }
    }

    /// The page as it is now, or one that says why there is none. `log` is what it
    /// shows of a log; without it, the page has neither log nor job file: an open page
    /// has both.
    pub(super) async fn make_page(
        &self,
        state: &WebState,
        log: Option<LogPart>,
        now_ms: i64,
    ) -> Result<Page, (StatusCode, Page)> {
        let root = self.root();
        let api = &state.api;
        match self {
            Self::Overview => {
                let overview = Overview {
                    executors: ballista::list_executors(&api.ballista, &api.tracker).await,
                    capacity: state.capacity.samples(),
                    jobs: api.jobs.latest_jobs(CONSIDERED_JOBS),
                    counts: api.jobs.count_by_state(),
                    is_closed: state.draining.is_cancelled(),
                };
                Ok(overview_page(&overview, root, now_ms))
            }
            Self::Jobs(query) => list_jobs(state, query, root, now_ms),
            Self::Job(id) => {
                let job = api.jobs.find_job(id).map_err(|_| no_such_job(id))?;
                let latest = api.jobs.latest_jobs(CONSIDERED_JOBS);
                let of_same_name = latest.into_iter().filter(|other| other.name == job.name);
                let text = match &log {
                    Some(_) => api.jobs.read_text(&job.job_id).await.unwrap_or_default(),
                    None => None,
                };
                let view = JobView {
                    runs: of_same_name.take(RUNS).collect(),
                    log: log.unwrap_or_default(),
                    text,
                    form_token: state.form_token.to_string(),
                    job,
                };
                Ok(job_page(&view, root, now_ms))
            }
            Self::Log(id) => {
                let job = api.jobs.find_job(id).map_err(|_| no_such_job(id))?;
                Ok(log_page(&job, &log.unwrap_or_default(), root))
            }
            Self::Stages(id) => {
                let job = api.jobs.find_job(id).map_err(|_| no_such_job(id))?;
                let details = api.jobs.read_details(id).await;
                let details = details.map_err(|error| {
                    let page = message_page("This cannot be shown", &error.message);
                    (StatusCode::INTERNAL_SERVER_ERROR, page)
                })?;
                Ok(stages_page(&job, &details, root, now_ms))
            }
            Self::Tables => {
                let jobs = api.jobs.latest_jobs(CONSIDERED_JOBS);
                Ok(tables_page(&committed_tables(&jobs), root, now_ms))
            }
            Self::Table(id) => {
                let jobs = api.jobs.latest_jobs(CONSIDERED_JOBS);
                let tables = committed_tables(&jobs);
                let table = tables.iter().find(|table| table.id() == *id);
                let table = table.ok_or_else(|| {
                    let message = "No job on record has committed a table with this address.";
                    (
                        StatusCode::NOT_FOUND,
                        message_page("No such table", message),
                    )
                })?;
                let dataset = &table.dataset;
                let content = state
                    .tables
                    .read(
                        api.jobs.stores(),
                        api.jobs.gold_tables(),
                        &dataset.name,
                        &dataset.location,
                    )
                    .await;
                Ok(table_page(table, &content, &jobs, root, now_ms))
            }
            Self::Landing => {
                let folders = source_folders(&api.jobs.latest_jobs(CONSIDERED_JOBS));
                let locations: Vec<String> = folders
                    .iter()
                    .map(|folder| folder.input.location.clone())
                    .collect();
                let landed = state.landing.read_all(api.jobs.stores(), &locations).await;
                let folders: Vec<_> = folders.into_iter().zip(landed).collect();
                Ok(landing_page(&folders, root, now_ms))
            }
            Self::Executors => {
                let executors = ballista::list_executors(&api.ballista, &api.tracker).await;
                let lost = api.tracker.lost_executors();
                Ok(executors_page(&executors, &lost, now_ms))
            }
        }
    }
}

/// Answers with a page; a browser that asks for events gets its content now and
/// whenever it has changed.
async fn respond(state: WebState, headers: &HeaderMap, target: Target) -> Response {
    respond_from(state, headers, target, None).await
}

/// [`respond`] for a page with a log: a browser that asks for events has its lines up
/// to `log_from`.
async fn respond_from(
    state: WebState,
    headers: &HeaderMap,
    target: Target,
    log_from: Option<u64>,
) -> Response {
    let wants_events = headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.as_bytes() == b"text/event-stream");
    if wants_events {
        // A browser that connects again has the lines up to the last event.
        let last_event = headers
            .get("last-event-id")
            .and_then(|id| id.to_str().ok()?.parse().ok());
        return Sse::new(page_events(state, target, last_event.or(log_from)))
            .keep_alive(KeepAlive::default())
            .into_response();
    }
    // First, so that what is read afterwards is complete if this is true.
    let is_final = target.is_settled(&state).await;
    let log = read_shown_log(&state, &target).await;
    let now_ms = Utc::now().timestamp_millis();
    let (status, page) = match target.make_page(&state, Some(log), now_ms).await {
        Ok(page) => (StatusCode::OK, page),
        Err(failed) => failed,
    };
    let frame = Frame {
        root: target.root(),
        version: sluice_service::VERSION,
        time: format_time(now_ms),
        is_final,
    };
    let text = frame.document(&page);
    let text = state.api.secrets.redact(&text).into_owned();
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::VARY, "Accept"),
    ];
    (status, headers, text).into_response()
}

/// The end of the log that a page shows.
async fn read_shown_log(state: &WebState, target: &Target) -> LogPart {
    let Some((id, lines)) = target.shown_log() else {
        return LogPart::default();
    };
    let mut log = LogPart::default();
    let mut start = LogStart::LastLines(lines);
    // A log that cannot be read leaves the rest of the page as it is.
    while let Ok(part) = state.api.jobs.read_log_part(id, start).await
        && !part.lines.is_empty()
        && log.lines.len() < lines
    {
        start = LogStart::Offset(part.end);
        log.end = part.end;
        log.lines.extend(part.lines);
    }
    log
}

async fn get_overview(State(state): State<WebState>, headers: HeaderMap) -> Response {
    respond(state, &headers, Target::Overview).await
}

async fn get_jobs(
    State(state): State<WebState>,
    headers: HeaderMap,
    Query(query): Query<JobsQuery>,
) -> Response {
    respond(state, &headers, Target::Jobs(query)).await
}

async fn get_job(
    State(state): State<WebState>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Response {
    respond_from(state, &headers, Target::Job(id), query.log_from).await
}

async fn get_log(
    State(state): State<WebState>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Response {
    respond_from(state, &headers, Target::Log(id), query.log_from).await
}

async fn get_stages(
    State(state): State<WebState>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    respond(state, &headers, Target::Stages(id)).await
}

async fn get_tables(State(state): State<WebState>, headers: HeaderMap) -> Response {
    respond(state, &headers, Target::Tables).await
}

async fn get_table(
    State(state): State<WebState>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    respond(state, &headers, Target::Table(id)).await
}

async fn get_landing(State(state): State<WebState>, headers: HeaderMap) -> Response {
    respond(state, &headers, Target::Landing).await
}

async fn get_executors(State(state): State<WebState>, headers: HeaderMap) -> Response {
    respond(state, &headers, Target::Executors).await
}

/// The query parameter of a page with a log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct LogQuery {
    log_from: Option<u64>,
}

/// The query parameters of the list of jobs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct JobsQuery {
    text: String,
    state: String,
    after: String,
}

fn list_jobs(
    state: &WebState,
    query: &JobsQuery,
    root: &str,
    now_ms: i64,
) -> Result<Page, (StatusCode, Page)> {
    let wanted = match query.state.as_str() {
        "" => None,
        name => match name.parse::<JobState>() {
            Ok(wanted) => Some(wanted),
            Err(error) => return Err(bad_request(&error.to_string())),
        },
    };
    let request = ListJobsRequest {
        limit: PAGE_SIZE,
        page_token: query.after.clone(),
        states: wanted.into_iter().map(i32::from).collect(),
        text: query.text.clone(),
    };
    let page = state
        .api
        .jobs
        .list_jobs(&request)
        .map_err(|error| bad_request(&error.message))?;
    let list = JobList {
        jobs: page.jobs,
        text: query.text.clone(),
        state: wanted,
        next_page_token: page.next_page_token,
        is_first: query.after.is_empty(),
        usual: crate::pages::usual_durations(&state.api.jobs.latest_jobs(CONSIDERED_JOBS)),
    };
    Ok(jobs_page(&list, root, now_ms))
}

fn bad_request(message: &str) -> (StatusCode, Page) {
    let page = message_page("This cannot be shown", message);
    (StatusCode::BAD_REQUEST, page)
}

fn no_such_job(id: &str) -> (StatusCode, Page) {
    let page = message_page(
        "No such job",
        &format!("No job has the id {id}. Its record may have been removed."),
    );
    (StatusCode::NOT_FOUND, page)
}

/// What a form sends along.
#[derive(Debug, Deserialize)]
struct KillForm {
    #[serde(default)]
    token: String,
}

/// Only a page of this process has the token, so no page of another site can make
/// a browser send this; and none can read the token, because no other host is served.
async fn kill_job(
    State(state): State<WebState>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<KillForm>,
) -> Response {
    if let Err(refused) = state.known_hosts.check_page(&headers) {
        return refused.into_response();
    }
    if form.token != *state.form_token {
        let message = "Load the page of the job again: it was made by an earlier scheduler.";
        return (StatusCode::FORBIDDEN, message).into_response();
    }
    match state.api.jobs.cancel_job(&id, "from the web page") {
        Ok(job) => Redirect::to(&format!("../{}", job.job_id)).into_response(),
        Err(error) => (StatusCode::NOT_FOUND, error.message).into_response(),
    }
}
