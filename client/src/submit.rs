//! Submits a job and, in client mode, follows it to its end.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use sluice_jobfile::JobFile;
use sluice_proto::v1::{
    CancelJobRequest, ErrorKind, JobError, PlanJobRequest, RunScope, SubmitJobRequest,
    SubmitJobResponse,
};
use sluice_service::secrets::redact_values;
use sluice_traces::TraceContext;
use tokio::time::Instant;

use crate::cli::DeployMode;
use crate::follower::{FollowOutcome, Interrupts, JobFollower};
use crate::invocation::{DisplayOptions, JobSubmission};
use crate::job_client::JobClient;
use crate::limits::ClientLimits;
use crate::progress::ProgressDisplay;
use crate::report::ResultReporter;
use crate::trace::SubmitTrace;

pub(crate) struct Submitter {
    pub(crate) api: Arc<JobClient>,
    pub(crate) reporter: ResultReporter,
    pub(crate) display: DisplayOptions,
    pub(crate) limits: ClientLimits,
    /// The command that starts an executor; none for a local run.
    pub(crate) executor_hint: Option<String>,
}

/// The request for a job. A missing submission id is generated here, so that a
/// call that is repeated after a lost response still starts only one job.
pub(crate) fn build_request(
    submission: &JobSubmission,
    job_file: &JobFile,
    user: &str,
) -> SubmitJobRequest {
    let millis = |limit: Duration| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    SubmitJobRequest {
        submission_id: submission
            .submission_id
            .clone()
            .unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
        name: submission.name.clone(),
        file_name: job_file.file_name().to_owned(),
        text: job_file.text().to_owned(),
        params: submission.params.clone(),
        conf: submission.conf.clone(),
        timeout_ms: submission.timeout.map_or(0, millis),
        client_version: env!("CARGO_PKG_VERSION").to_owned(),
        user: user.to_owned(),
        scope: scope_of(submission),
    }
}

/// The datasets that the options name; `None` for all.
fn scope_of(submission: &JobSubmission) -> Option<RunScope> {
    let scope = RunScope {
        refresh: submission.refresh.clone(),
        full_refresh: submission.full_refresh.clone(),
        full_refresh_all: submission.full_refresh_all,
    };
    (scope != RunScope::default()).then_some(scope)
}

/// The effective settings, for `--verbose`, without secrets.
pub(crate) fn settings_text(master: &str, request: &SubmitJobRequest) -> String {
    let mut lines = vec![
        format!("master        {master}"),
        format!("name          {}", request.name),
        format!("job file      {}", request.file_name),
        format!("submission id {}", request.submission_id),
    ];
    if request.timeout_ms > 0 {
        let limit = Duration::from_millis(request.timeout_ms);
        lines.push(format!(
            "timeout       {}",
            humantime::format_duration(limit)
        ));
    }
    let scope = request.scope.clone().unwrap_or_default();
    let named = [
        ("refresh", scope.refresh),
        ("full refresh", scope.full_refresh),
    ];
    for (what, names) in named.into_iter().filter(|(_, names)| !names.is_empty()) {
        lines.push(format!("{what:13} {}", names.join(", ")));
    }
    if scope.full_refresh_all {
        lines.push("full refresh  of all datasets".to_owned());
    }
    for (what, values) in [("parameter", &request.params), ("setting", &request.conf)] {
        for (key, value) in redact_values(values) {
            lines.push(format!("{what:13} {key}={value}"));
        }
    }
    lines.join("\n")
}

impl Submitter {
    /// Submits and, in client mode, waits until the job has ended. Returns the exit
    /// code; errors are those of jobs that never started.
    pub(crate) async fn submit_and_follow(
        &self,
        request: SubmitJobRequest,
        mode: DeployMode,
        interrupts: &mut Interrupts,
        trace: &mut SubmitTrace,
    ) -> Result<u8, JobError> {
        let time_limit = Duration::from_millis(request.timeout_ms);
        let deadline = (request.timeout_ms > 0).then(|| Instant::now() + time_limit);
        let answer = self
            .send_submission(request, interrupts, trace.context())
            .await?;
        let job = answer.job.ok_or_else(|| {
            JobError::new(
                ErrorKind::Internal,
                "the scheduler accepted the job without naming it",
            )
        })?;
        trace.add_job(&job);
        if self.display.verbose && !job.trace_id.is_empty() {
            let console = &self.reporter.console;
            console.print_err(&format!("trace         {}", job.trace_id));
        }
        if answer.existing {
            self.reporter.console.print_err(&format!(
                "submission {} already exists as job {}",
                job.submission_id, job.job_id
            ));
        }
        let printed_warnings = job.warnings.clone();
        self.reporter.print_diagnostics(&printed_warnings);
        if mode == DeployMode::Cluster {
            return Ok(self.reporter.report_accepted(&job));
        }
        if job.state().is_final() {
            return Ok(self.reporter.report_end(&job, &printed_warnings));
        }
        let mut progress = ProgressDisplay::new(
            self.reporter.console.clone(),
            self.display.progress,
            self.display.verbose,
            self.executor_hint.clone(),
        );
        progress.show_accepted(&job);
        let outcome = JobFollower {
            api: Arc::clone(&self.api),
            job_id: job.job_id,
            deadline,
            limits: self.limits,
            progress: &mut progress,
            interrupts,
        }
        .follow_to_end()
        .await;
        Ok(match outcome {
            FollowOutcome::Ended(job) => self.reporter.report_end(&job, &printed_warnings),
            FollowOutcome::Detached(error) => self.reporter.report_error(&error),
        })
    }

    /// Sends the request. On a signal in the meantime the job is cancelled, in case
    /// the request arrived.
    async fn send_submission(
        &self,
        request: SubmitJobRequest,
        interrupts: &mut Interrupts,
        trace: Option<&TraceContext>,
    ) -> Result<SubmitJobResponse, JobError> {
        let id = request.submission_id.clone();
        tokio::select! {
            answer = self.api.submit_job(request, trace) => answer.map_err(|error| {
                if error.kind() == ErrorKind::Unavailable && error.next_step.is_empty() {
                    error.with_next_step(format!(
                        "the job may have been accepted: check with --status {id}, \
                         or submit again with --submission-id {id}"
                    ))
                } else {
                    error
                }
            }),
            Some(signal) = interrupts.next() => {
                let cancel = CancelJobRequest {
                    id,
                    reason: format!("cancelled by {signal} at submit-job"),
                };
                // An unknown id means that the request never arrived, which is fine.
                let limit = self.limits.submit_cancel;
                let _ = tokio::time::timeout(limit, self.api.cancel_job(cancel)).await;
                Err(JobError::new(
                    ErrorKind::Killed,
                    format!("{signal} while the job was being submitted"),
                ))
            }
        }
    }

    /// Prints what the job would do.
    pub(crate) async fn show_plan(&self, request: SubmitJobRequest) -> Result<u8, JobError> {
        let plan = self
            .api
            .plan_job(PlanJobRequest { job: Some(request) })
            .await?;
        Ok(self.reporter.report_plan(&plan))
    }
}
