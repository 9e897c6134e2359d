//! Running plans on the cluster, as jobs of the Ballista scheduler in this
//! process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::{JobStatus, SuccessfulJob, job_status, task_status};
use ballista_core::serde::scheduler::PartitionLocation;
use ballista_scheduler::state::execution_graph::ExecutionGraphBox;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionConfig;
use futures::TryStreamExt;
use sluice_proto::MAX_MESSAGE_BYTES;
use tokio::sync::{RwLock, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Capacity, RunError, Runner, StepProgress, StepRun, classify_error};
use crate::ballista::BallistaServer;

type SharedGraph = Arc<RwLock<ExecutionGraphBox>>;

/// How often a new job's graph is looked up, half a millisecond apart.
const MAX_GRAPH_LOOKUPS: u32 = 2_000;
/// How often the state of a running job is read, for progress and the watchdog.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);
/// How long a result of a few manifest rows may take to arrive: an executor
/// that is paused after its last task would otherwise block the job forever.
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a cancelled job may take to end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs plans on the executors that are registered with a scheduler.
#[derive(Clone)]
pub struct ClusterRunner {
    server: BallistaServer,
}

impl ClusterRunner {
    /// A runner on `server`, which must already be started.
    pub fn new(server: BallistaServer) -> Self {
        Self { server }
    }

    /// The status that Ballista reports for a job.
    async fn job_status(&self, id: &JobId) -> Option<job_status::Status> {
        let status = self.server.state.task_manager.get_job_status(id).await;
        status.ok().flatten().and_then(|status| status.status)
    }

    /// The job's graph, which stays readable after the job has ended.
    ///
    /// Ballista plans a job after it has accepted it, and drops it soon after
    /// its end, so this looks often.
    async fn find_graph(&self, id: &JobId) -> Option<SharedGraph> {
        for _ in 0..MAX_GRAPH_LOOKUPS {
            let jobs = self.server.state.task_manager.get_running_job_cache();
            if let Some(job) = jobs.get(id) {
                return Some(Arc::clone(&job.execution_graph));
            }
            if matches!(
                self.job_status(id).await,
                Some(job_status::Status::Failed(_) | job_status::Status::Successful(_))
            ) {
                return None;
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        None
    }

    /// Cancels the job and waits until Ballista reports its end.
    async fn cancel_and_wait(&self, id: &JobId, updates: &mut mpsc::Receiver<JobStatus>) {
        // A cancel that arrives while the job is being planned is lost, so it
        // is repeated until the job has ended.
        let deadline = Instant::now() + CANCEL_TIMEOUT;
        while Instant::now() < deadline {
            if let Err(error) = self.server.cancel_job(id.clone()).await {
                warn!(ballista_job = %id, %error, "cannot cancel");
            }
            let _ = tokio::time::timeout(SAMPLE_INTERVAL, updates.recv()).await;
            if matches!(
                self.job_status(id).await,
                None | Some(job_status::Status::Failed(_) | job_status::Status::Successful(_))
            ) {
                return;
            }
        }
        warn!(ballista_job = %id, "the job did not end in time after it was cancelled");
    }

    async fn fetch_result(&self, job: SuccessfulJob) -> Result<Vec<RecordBatch>, RunError> {
        let mut batches = Vec::new();
        for location in job.partition_location {
            let location: PartitionLocation =
                location.try_into().map_err(|error: BallistaError| {
                    classify_error(&format!("the job's result has no location: {error}"))
                })?;
            let fetched = tokio::time::timeout(FETCH_TIMEOUT, fetch_partition(&location)).await;
            batches.extend(fetched.unwrap_or_else(|_| {
                Err(RunError::Failed {
                    kind: sluice_proto::v1::ErrorKind::Transient,
                    message: format!(
                        "executor {} did not deliver a result within {} s",
                        location.executor_meta.id,
                        FETCH_TIMEOUT.as_secs()
                    ),
                })
            })?);
        }
        Ok(batches)
    }
}

#[async_trait]
impl Runner for ClusterRunner {
    async fn capacity(&self) -> Capacity {
        let executors = self
            .server
            .state
            .executor_manager
            .get_executors_state()
            .await
            .unwrap_or_default();
        Capacity {
            executors: saturating_u32(executors.len()),
            vcores: executors
                .iter()
                .map(|(executor, ..)| executor.specification.vcores)
                .sum(),
        }
    }

    fn configure_session(&self, config: SessionConfig) -> SessionConfig {
        config
    }

    async fn run_plan(
        &self,
        run: StepRun,
        progress: watch::Sender<StepProgress>,
        cancel: CancellationToken,
    ) -> Result<Vec<RecordBatch>, RunError> {
        let (sender, mut updates) = mpsc::channel(256);
        let submitted = self.server.submit_physical_plan(
            &run.name,
            Arc::clone(&run.context),
            Arc::clone(&run.plan),
            Some(sender),
        );
        let id = submitted
            .await
            .map_err(|error| classify_error(&error.to_string()))?;
        debug!(ballista_job = %id, step = run.name, "submitted");
        let graph = self.find_graph(&id).await;
        let mut ticks = tokio::time::interval(SAMPLE_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut watchdog = Watchdog::new(run.stall_timeout);
        let status = loop {
            let status = tokio::select! {
                () = cancel.cancelled() => {
                    self.cancel_and_wait(&id, &mut updates).await;
                    self.server.state.executor_manager.clean_up_job_data(id);
                    return Err(RunError::Cancelled);
                }
                update = updates.recv() => match update {
                    Some(update) => update.status,
                    // The channel drops updates when it is full, and closes
                    // with the job: only the state itself is reliable.
                    None => {
                        ticks.tick().await;
                        self.job_status(&id).await
                    }
                },
                _ = ticks.tick() => {
                    if let Some(graph) = &graph {
                        let (sample, pulse) = sample_graph(graph).await;
                        progress.send_replace(sample);
                        if self.capacity().await.vcores > 0 && watchdog.has_stalled(pulse, Instant::now()) {
                            self.cancel_and_wait(&id, &mut updates).await;
                            self.server.state.executor_manager.clean_up_job_data(id);
                            return Err(RunError::Stalled { seconds: run.stall_timeout.as_secs() });
                        }
                    }
                    self.job_status(&id).await
                }
            };
            if let Some(
                ended @ (job_status::Status::Failed(_) | job_status::Status::Successful(_)),
            ) = status
            {
                break ended;
            }
        };
        if let Some(graph) = &graph {
            progress.send_replace(sample_graph(graph).await.0);
        }
        let result = match status {
            job_status::Status::Successful(job) => self.fetch_result(job).await,
            job_status::Status::Failed(job) => Err(classify_error(&job.error)),
            _ => Err(classify_error("the job ended without a final state")),
        };
        // The rows have arrived: nothing reads the job's shuffle files any more.
        self.server
            .state
            .executor_manager
            .clean_up_job_data(id.clone());
        info!(ballista_job = %id, step = run.name, ok = result.is_ok(), "ended");
        result
    }

    fn remove_staged(&self, token: &str) {
        self.server
            .state
            .executor_manager
            .clean_up_job_data(JobId::from(token));
    }
}

/// The progress of a job, and a number that changes with every task that
/// starts or ends.
async fn sample_graph(graph: &SharedGraph) -> (StepProgress, u64) {
    let graph = graph.read().await;
    let mut progress = StepProgress::default();
    let mut event_count = 0;
    for stage in graph.stages().values() {
        add_stage_progress(&mut progress, &mut event_count, stage);
    }
    (progress, event_count)
}

fn add_stage_progress(progress: &mut StepProgress, event_count: &mut u64, stage: &ExecutionStage) {
    progress.stages_total += 1;
    match stage {
        ExecutionStage::UnResolved(_) => {}
        ExecutionStage::Resolved(stage) => progress.tasks_total += saturating_u32(stage.partitions),
        ExecutionStage::Running(stage) => {
            progress.tasks_total += saturating_u32(stage.partitions);
            for task in &stage.task_infos {
                match task.task_status {
                    task_status::Status::Running(_) => progress.tasks_running += 1,
                    task_status::Status::Successful(_) => progress.tasks_done += 1,
                    task_status::Status::Failed(_) => {}
                }
                *event_count +=
                    1 + u64::from(!matches!(task.task_status, task_status::Status::Running(_)));
            }
            for metrics in stage.stage_metrics.iter().flatten() {
                progress.add_metrics(metrics);
            }
        }
        ExecutionStage::Successful(stage) => {
            progress.stages_done += 1;
            progress.tasks_total += saturating_u32(stage.partitions);
            progress.tasks_done += saturating_u32(stage.partitions);
            *event_count += 2 * stage.task_infos.len() as u64 + 1;
            for metrics in &stage.stage_metrics {
                progress.add_metrics(metrics);
            }
        }
        ExecutionStage::Failed(stage) => progress.tasks_total += saturating_u32(stage.partitions),
    }
}

fn saturating_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Detects that the number of task events no longer changes.
struct Watchdog {
    limit: Duration,
    event_count: u64,
    last_change: Instant,
}

impl Watchdog {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            event_count: 0,
            last_change: Instant::now(),
        }
    }

    fn has_stalled(&mut self, event_count: u64, now: Instant) -> bool {
        if event_count != self.event_count {
            (self.event_count, self.last_change) = (event_count, now);
        }
        now.duration_since(self.last_change) >= self.limit
    }
}

async fn fetch_partition(location: &PartitionLocation) -> Result<Vec<RecordBatch>, RunError> {
    let executor = &location.executor_meta;
    let failed = |error: &dyn std::fmt::Display| RunError::Failed {
        kind: sluice_proto::v1::ErrorKind::Transient,
        message: format!(
            "cannot fetch a result from executor {} at {}:{}: {error}",
            executor.id, executor.host, executor.port
        ),
    };
    let client = BallistaClient::try_new(
        &executor.host,
        executor.port,
        MAX_MESSAGE_BYTES,
        false,
        None,
        1,
        100,
        0,
        0,
    );
    let mut client = client.await.map_err(|error| failed(&error))?;
    let stream = client
        .fetch_partition(
            &executor.id,
            &location.partition_id,
            location.file_id,
            location.layout(),
            false,
        )
        .await
        .map_err(|error| failed(&error))?;
    stream.try_collect().await.map_err(|error| failed(&error))
}
