//! From a submission to a checked job and its first record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sluice_jobfile::{RunScope, ScopeRequest};
use sluice_proto::v1::{ErrorKind, Job, JobError, JobState, SubmitJobRequest};
use sluice_service::format::{format_duration, plain_line};
use sluice_service::secrets::redact_values;

use super::id::{is_valid_submission_id, new_job_id};
use crate::driver::CheckedSubmission;
use crate::job_settings::JobSettings;

/// The longest name of a job or a user; a longer one is cut.
const MAX_NAME_CHARS: usize = 200;
/// The longest path of a job file; a longer one is cut.
const MAX_FILE_NAME_CHARS: usize = 1_000;

/// Checks the job file, its parameters and settings on a thread of its own: a job file
/// of a megabyte takes a while. Also gives the request back.
pub(super) async fn check_apart(
    request: SubmitJobRequest,
) -> Result<(SubmitJobRequest, Arc<CheckedSubmission>), JobError> {
    let checked = tokio::task::spawn_blocking(move || {
        let submission = check_submission(&request)?;
        Ok((request, Arc::new(submission)))
    });
    checked.await.unwrap_or_else(|panic| {
        Err(JobError::new(
            ErrorKind::Internal,
            format!("the check of the job file panicked: {panic}"),
        )
        .with_next_step("this is a fault in sluice; report it with the job file"))
    })
}

fn check_submission(request: &SubmitJobRequest) -> Result<CheckedSubmission, JobError> {
    let text = &request.text;
    let invalid_job =
        |diagnostics: sluice_jobfile::Diagnostics| JobError::invalid_job_file(&diagnostics, text);
    let file = sluice_jobfile::parse_job_file(&request.file_name, text).map_err(invalid_job)?;
    let params: BTreeMap<String, String> = request
        .params
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let job = file.bind_parameters(&params).map_err(invalid_job)?;
    let gold = job.gold_location().map(str::to_owned).ok_or_else(|| {
        JobError::new(
            ErrorKind::Invalid,
            "the job does not name the folder of its tables",
        )
        .with_next_step("add --gold FOLDER to the command")
    })?;
    let settings = JobSettings::new(&job, request.conf.clone()).map_err(|error| {
        JobError::new(ErrorKind::Invalid, error.to_string())
            .with_next_step("correct --conf or the SET statement and submit again")
    })?;
    let scope = RunScope::resolve(&scope_request(request), &job).map_err(|error| {
        JobError::new(ErrorKind::Invalid, error.to_string())
            .with_next_step("nothing was started; correct the options and submit again")
    })?;
    Ok(CheckedSubmission {
        job,
        gold,
        settings,
        scope,
        columns: BTreeMap::new(),
    })
}

fn scope_request(request: &SubmitJobRequest) -> ScopeRequest {
    let scope = request.scope.clone().unwrap_or_default();
    ScopeRequest {
        refresh: scope.refresh,
        full_refresh: scope.full_refresh,
        full_refresh_all: scope.full_refresh_all,
    }
}

/// The record of a job that was just submitted. `default_timeout` applies when
/// the submission sets no time limit.
pub(super) fn new_record(
    request: &SubmitJobRequest,
    default_timeout: Option<Duration>,
) -> Result<Job, JobError> {
    let id = &request.submission_id;
    if !id.is_empty() && !is_valid_submission_id(id) {
        return Err(
            JobError::new(ErrorKind::Invalid, "the submission id is not valid").with_next_step(
                "use up to 128 letters, digits and -_.:+, beginning with a letter or digit",
            ),
        );
    }
    let now = Utc::now();
    let job_id = new_job_id(now, uuid::Uuid::new_v4().as_fields().0);
    Ok(Job {
        submission_id: if id.is_empty() {
            job_id.clone()
        } else {
            id.clone()
        },
        job_id,
        name: plain_line(&request.name, MAX_NAME_CHARS),
        file_name: plain_line(&request.file_name, MAX_FILE_NAME_CHARS),
        state: JobState::Accepted.into(),
        submitted_ms: now.timestamp_millis(),
        params: redact_values(&request.params),
        user: plain_line(&request.user, MAX_NAME_CHARS),
        timeout_ms: match (request.timeout_ms, default_timeout) {
            (0, Some(limit)) => u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            (limit, _) => limit,
        },
        scope: request.scope.clone(),
        ..Job::default()
    })
}

/// The error of a job that has not ended within its time limit, which counts from its
/// submission. It says how much of the time the job waited.
pub(super) fn timeout_error(job: &Job, now: DateTime<Utc>) -> JobError {
    let seconds = |ms: i64| format_duration(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    let limit = format_duration(Duration::from_millis(job.timeout_ms));
    let (message, next_step) = if job.started_ms == 0 {
        (
            format!("the job waited for its limit of {limit} and did not begin to run"),
            "other jobs took the cluster, or it has no executors; give the job more time with --timeout, or the cluster more executors; gold is unchanged",
        )
    } else {
        (
            format!(
                "the job did not end within its limit of {limit}: it waited {} and ran {}",
                seconds(job.started_ms - job.submitted_ms),
                seconds(now.timestamp_millis() - job.started_ms)
            ),
            "give it more time with --timeout; gold is unchanged",
        )
    };
    JobError::new(ErrorKind::TimedOut, message).with_next_step(next_step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_says_how_long_the_job_waited() {
        let now = DateTime::from_timestamp_millis(60_000).unwrap();
        let mut job = Job {
            submitted_ms: 50_000,
            timeout_ms: 10_000,
            ..Job::default()
        };
        let error = timeout_error(&job, now);
        assert!(
            error.message.contains("waited for its limit of 10.0 s"),
            "{error:?}"
        );
        job.started_ms = 52_000;
        let error = timeout_error(&job, now);
        assert!(
            error.message.ends_with("it waited 2.00 s and ran 8.00 s"),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn names_are_one_line_of_a_record() {
        let request = SubmitJobRequest {
            name: "a\u{1b}]0;x".repeat(100),
            user: "b\nc".to_owned(),
            ..SubmitJobRequest::default()
        };
        let job = new_record(&request, None).unwrap();
        assert_eq!(job.name.chars().count(), MAX_NAME_CHARS);
        assert!(!job.name.chars().any(char::is_control));
        assert_eq!(job.user, "b\u{fffd}c");
    }
}
