//! What requests may say.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sluice_proto::json;
use sluice_proto::v1::{ErrorKind, JobState, ListJobsRequest};
use utoipa::IntoParams;

use super::ApiState;

/// The most jobs on one page.
const MAX_PAGE_SIZE: u32 = 1000;

/// The query of a request; parameters that are not known are refused.
pub(super) struct ApiQuery<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for ApiQuery<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Response> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let cause = rejection.body_text();
                let message = format!("{cause}; /api/v1/openapi.json lists the parameters");
                Err(api.respond_error(ErrorKind::Invalid, message))
            }
        }
    }
}

/// The id in the path.
pub(super) struct JobId(pub(super) String);

impl FromRequestParts<ApiState> for JobId {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Response> {
        match Path::from_request_parts(parts, api).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(rejection) => {
                let cause = rejection.body_text();
                let message = format!("{cause}; list the ids of jobs at /api/v1/jobs");
                Err(api.respond_error(ErrorKind::Invalid, message))
            }
        }
    }
}

/// The id in the path, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "describes `JobId`")]
pub(super) struct JobIdParameter {
    /// The id of a job, or its submission id.
    id: String,
}

/// What [`super::super::etag`] reads, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "describes what a middleware reads")]
pub(super) struct Revalidation {
    /// ETags of earlier answers: the answer is 304 if it would be one of them.
    #[param(rename = "If-None-Match", value_type = String, required = false)]
    if_none_match: Option<String>,
}

/// The query of a route that has no parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// The query of a list of jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// How many jobs the page has at most; 0 for as many as without it.
    #[serde(default)]
    #[param(minimum = 0, maximum = 1000, default = json!(100))]
    limit: u32,
    /// `next_page_token` of the page before; empty for the first page.
    #[serde(default)]
    page_token: String,
    /// Only jobs in one of these states, whose names are separated by commas.
    #[param(
        value_type = Vec<json::JobState>, style = Form, explode = false, required = false,
        min_items = 1
    )]
    state: Option<String>,
    /// Only jobs whose id, name, file name or user contains this text, in upper or lower
    /// case.
    #[serde(default)]
    text: String,
}

impl ListQuery {
    pub(super) fn into_list_request(self) -> Result<ListJobsRequest, String> {
        if self.limit > MAX_PAGE_SIZE {
            return Err(format!(
                "limit is at most {MAX_PAGE_SIZE}; ask for the next page with page_token"
            ));
        }
        let names = self.state.as_deref().map(|names| names.split(','));
        let states = names.into_iter().flatten().map(|name| {
            let state: JobState = name
                .parse()
                .map_err(|error| format!("{error}; separate several by commas"))?;
            Ok(i32::from(state))
        });
        Ok(ListJobsRequest {
            limit: self.limit,
            page_token: self.page_token,
            states: states.collect::<Result<_, String>>()?,
            text: self.text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query<'a>(limit: u32, state: impl Into<Option<&'a str>>) -> ListQuery {
        ListQuery {
            limit,
            page_token: "t".to_owned(),
            state: state.into().map(str::to_owned),
            text: String::new(),
        }
    }

    #[test]
    fn queries_become_requests_or_say_what_is_wrong() {
        let running = JobState::Running.name();
        let request = query(5, format!("{running},{}", running.to_lowercase()).as_str())
            .into_list_request()
            .unwrap();
        assert_eq!(request.limit, 5);
        assert_eq!(request.states, [i32::from(JobState::Running); 2]);
        assert_eq!(
            query(0, None).into_list_request().unwrap().states,
            Vec::<i32>::new()
        );
        for (limit, state, part) in [
            (1001, "", "at most 1000"),
            (1, "gone", running),
            (1, "", "unknown job state ``"),
            (1, "running,", "unknown job state ``"),
            (1, "running,,failed", "unknown job state ``"),
        ] {
            let error = query(limit, state).into_list_request().unwrap_err();
            assert!(error.contains(part), "{state}: {error}");
        }
    }

    #[test]
    fn the_document_says_the_limit_that_is_checked() {
        let parameters = ListQuery::into_params(|| None);
        let limit = serde_json::to_value(&parameters[0]).unwrap();
        assert_eq!(limit["name"], "limit");
        assert_eq!(limit["schema"]["maximum"], MAX_PAGE_SIZE);
    }
}
