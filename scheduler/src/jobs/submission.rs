//! From a submission to a checked job and its first record.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use sluice_proto::v1::{ErrorKind, Job, JobError, JobState, SubmitJobRequest};
use sluice_service::secrets::redact_values;

use super::id::{is_valid_submission_id, new_job_id};
use crate::driver::CheckedSubmission;
use crate::job_settings::JobSettings;

/// Checks the job file, its parameters and settings.
pub(super) fn check_submission(request: &SubmitJobRequest) -> Result<CheckedSubmission, JobError> {
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
            JobError::new(ErrorKind::Invalid, "the job does not name the folder of its tables").with_next_step("declare the variable in the job file (DECLARE VARIABLE gold STRING;) and give it with --gold FOLDER")
        })?;
    let settings = JobSettings::new(&job, request.conf.clone()).map_err(|error| {
        JobError::new(ErrorKind::Invalid, error.to_string())
            .with_next_step("correct --conf or the SET statement and submit again")
    })?;
    Ok(CheckedSubmission {
        job,
        gold,
        settings,
    })
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
        name: request.name.clone(),
        file_name: request.file_name.clone(),
        state: JobState::Accepted.into(),
        submitted_ms: now.timestamp_millis(),
        params: redact_values(&request.params),
        user: request.user.clone(),
        timeout_ms: match (request.timeout_ms, default_timeout) {
            (0, Some(limit)) => u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            (limit, _) => limit,
        },
        ..Job::default()
    })
}
