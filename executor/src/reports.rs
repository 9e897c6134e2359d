//! Reports of tasks that have ended, kept until the scheduler has acknowledged
//! them.
//!
//! A report that is lost would leave its task running for the scheduler, and its
//! job waiting. The scheduler ignores a report that it gets twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    ExecutionError, FailedTask, TaskStatus, UpdateTaskStatusParams, task_status,
};
use parking_lot::Mutex;
use sluice_engine::task_failure::{FailureKind, TaskFailure};
use sluice_proto::heartbeat::{TaskName, write_unhealthy};
use sluice_service::outage::{Outage, OutageNote};
use tokio::sync::Notify;
use tonic::Code;
use tonic::transport::Channel;

use crate::disk_health::DiskHealth;

/// An attempt to report that takes longer has failed.
const REPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many reports are sent at a time.
const MAX_BATCH: usize = 256;
const RETRY_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(1))
    .with_jitter()
    .without_max_times();

/// The reports that the scheduler has not acknowledged. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct PendingReports {
    queue: Arc<Mutex<VecDeque<TaskStatus>>>,
    arrived: Arc<Notify>,
}

impl PendingReports {
    pub(crate) fn push(&self, report: TaskStatus) {
        self.queue.lock().push_back(report);
        self.arrived.notify_one();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().is_empty()
    }

    /// The tasks whose reports are not acknowledged.
    pub(crate) fn names(&self) -> Vec<TaskName> {
        self.queue.lock().iter().map(task_name).collect()
    }

    fn first(&self, count: usize) -> Vec<TaskStatus> {
        self.queue.lock().iter().take(count).cloned().collect()
    }

    fn remove_first(&self, count: usize) {
        self.queue.lock().drain(..count);
    }

    /// Replaces the first report by a failure of its task, or drops it when it is
    /// one already.
    fn replace_first(&self, reason: &str) {
        let mut queue = self.queue.lock();
        let Some(report) = queue.pop_front() else {
            return;
        };
        let task = task_name(&report);
        if matches!(report.status, Some(task_status::Status::Failed(_))) {
            tracing::error!(%task, "the scheduler does not accept the report of the task: {reason}");
            return;
        }
        tracing::warn!(%task, "the scheduler does not accept the report of the task, which fails: {reason}");
        queue.push_front(unreportable(report, reason));
    }
}

fn task_name(report: &TaskStatus) -> TaskName {
    TaskName {
        job: report.job_id.clone(),
        stage: report.stage_id as usize,
        attempt: report.stage_attempt_num as usize,
        task: report.task_id as usize,
    }
}

/// The report of a task whose own report cannot be sent.
fn unreportable(report: TaskStatus, reason: &str) -> TaskStatus {
    let failure = TaskFailure::new(
        FailureKind::Internal,
        format!("the end of the task cannot be reported: {reason}"),
    );
    TaskStatus {
        metrics: Vec::new(),
        status: Some(task_status::Status::Failed(FailedTask {
            error: failure.encode(),
            retryable: false,
            count_to_failures: false,
            failed_reason: Some(FailedReason::ExecutionError(ExecutionError {})),
        })),
        ..report
    }
}

/// Whether the same report would fail again.
fn is_permanent(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument | Code::OutOfRange | Code::ResourceExhausted
    )
}

/// Sends reports to the scheduler.
pub(crate) struct Reporter {
    pub(crate) client: SchedulerGrpcClient<Channel>,
    pub(crate) executor_id: String,
    pub(crate) reports: PendingReports,
    pub(crate) disk: DiskHealth,
}

impl Reporter {
    /// Sends reports until dropped.
    pub(crate) async fn run_until_dropped(mut self) {
        let mut outage = Outage::default();
        let mut pauses = RETRY_PAUSES.build();
        let mut batch_size = MAX_BATCH;
        loop {
            let batch = self.reports.first(batch_size);
            if batch.is_empty() {
                self.reports.arrived.notified().await;
                continue;
            }
            let sent = batch.len();
            let Err(status) = self.send_reports(batch).await else {
                self.reports.remove_first(sent);
                batch_size = MAX_BATCH;
                pauses = RETRY_PAUSES.build();
                if let Some(note) = outage.on_ended(Instant::now()) {
                    tracing::info!("the scheduler accepts reports of tasks again ({note})");
                }
                continue;
            };
            if is_permanent(status.code()) {
                // Only one report at a time shows which of them it is.
                if sent == 1 {
                    self.reports.replace_first(status.message());
                }
                batch_size = 1;
                continue;
            }
            if let Some(note) = outage.on_seen(Instant::now()) {
                log_outage(note, status.message());
            }
            tokio::time::sleep(pauses.next().unwrap_or_default()).await;
        }
    }

    async fn send_reports(&mut self, batch: Vec<TaskStatus>) -> Result<(), tonic::Status> {
        let mut request = tonic::Request::new(UpdateTaskStatusParams {
            executor_id: self.executor_id.clone(),
            task_status: batch,
        });
        request.set_timeout(REPORT_TIMEOUT);
        write_unhealthy(request.metadata_mut(), self.disk.problem().as_deref());
        let answer = self.client.update_task_status(request);
        match tokio::time::timeout(REPORT_TIMEOUT, answer).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(tonic::Status::deadline_exceeded("no answer in time")),
        }
    }
}

fn log_outage(note: OutageNote, reason: &str) {
    tracing::warn!("cannot report ended tasks to the scheduler, retrying: {reason} ({note})");
}

#[cfg(test)]
mod tests {
    use ballista_core::serde::protobuf::SuccessfulTask;

    use super::*;

    fn success(task_id: u32) -> TaskStatus {
        TaskStatus {
            job_id: "j".to_owned(),
            task_id,
            status: Some(task_status::Status::Successful(SuccessfulTask::default())),
            ..TaskStatus::default()
        }
    }

    #[test]
    fn reports_stay_until_they_are_acknowledged() {
        let reports = PendingReports::default();
        for task in 0..3 {
            reports.push(success(task));
        }
        assert_eq!(reports.first(2).len(), 2);
        assert_eq!(reports.names().len(), 3);
        reports.remove_first(2);
        assert_eq!(reports.first(2)[0].task_id, 2);
        reports.remove_first(1);
        assert!(reports.is_empty());
    }

    #[test]
    fn a_report_that_is_never_accepted_fails_its_task_and_blocks_no_other() {
        let reports = PendingReports::default();
        reports.push(success(0));
        reports.push(success(1));
        reports.replace_first("too large");
        let Some(task_status::Status::Failed(failed)) = &reports.first(1)[0].status else {
            panic!("not a failure");
        };
        let failure = TaskFailure::find_in_text(&failed.error).unwrap();
        assert!(failure.message.ends_with("too large"), "{failure}");
        reports.replace_first("too large");
        assert_eq!(reports.first(2), [success(1)]);
    }

    #[test]
    fn only_what_would_fail_again_is_permanent() {
        assert!(is_permanent(Code::OutOfRange));
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Internal] {
            assert!(!is_permanent(code), "{code:?}");
        }
    }
}
