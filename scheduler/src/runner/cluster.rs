//! Running plans on the cluster, as jobs of the Ballista scheduler in this
//! process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::serde::protobuf::{JobStatus, job_status, task_status};
use ballista_scheduler::state::execution_graph::{ExecutionGraph, ExecutionGraphBox};
use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionConfig;
use sluice_engine::distributed::fidelity::check_fidelity;
use sluice_engine::distributed::plan_size::check_plan_size;
use tokio::sync::{RwLock, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::job_result::fetch_result;
use super::stage_details::{WatchedStages, read_stages};
use super::stage_spans::record_stages;
use super::{Capacity, RunError, Runner, StepProgress, StepRun, classify_error};
use crate::ballista::{
    self, BallistaJobs, BallistaServer, ExecutorInfo, ExecutorTracker, TaskReports, count_restarts,
    find_deadlock, find_wrong_input,
};

type SharedGraph = Arc<RwLock<ExecutionGraphBox>>;

/// How often the graph of a job that has ended is looked up, and the pause between.
/// Ballista reports the end shortly before it files the graph.
const MAX_GRAPH_LOOKUPS: u32 = 5_000;
/// The same for a job that has failed: its stages are only for people.
const MAX_FAILED_LOOKUPS: u32 = 250;
const GRAPH_LOOKUP_PAUSE: Duration = Duration::from_millis(2);
/// How often the state of a running job is read, for progress and the watchdog.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);
/// In how many samples in a row a job must be deadlocked: it may look so while a
/// report is applied.
const DEADLOCK_SAMPLES: u32 = 3;
/// How long a cancelled job may take to end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs plans on the executors that are registered with a scheduler.
#[derive(Clone)]
pub struct ClusterRunner {
    server: BallistaServer,
    jobs: BallistaJobs,
    reports: TaskReports,
    tracker: ExecutorTracker,
    /// How long running steps wait for an executor that can run them.
    no_executor_timeout: Duration,
}

impl ClusterRunner {
    /// A runner on `server`, which must already be started and keeps its jobs in
    /// `jobs`. The reports of its executors are checked by `reports`, and `tracker`
    /// follows their tasks.
    pub(crate) fn new(
        server: BallistaServer,
        jobs: BallistaJobs,
        reports: TaskReports,
        tracker: ExecutorTracker,
        no_executor_timeout: Duration,
    ) -> Self {
        Self {
            server,
            jobs,
            reports,
            tracker,
            no_executor_timeout,
        }
    }

    /// The status that Ballista reports for a job.
    async fn job_status(&self, id: &JobId) -> Option<job_status::Status> {
        let status = self.server.state.task_manager.get_job_status(id).await;
        status.ok().flatten().and_then(|status| status.status)
    }

    /// The graph of a job that runs; `None` before Ballista has planned the job and
    /// after its end.
    fn find_running_graph(&self, id: &JobId) -> Option<SharedGraph> {
        let jobs = self.server.state.task_manager.get_running_job_cache();
        jobs.get(id).map(|job| Arc::clone(&job.execution_graph))
    }

    /// The counts of a job that has succeeded, from what Ballista has filed: a short
    /// job may have ended before anything was seen of it.
    ///
    /// # Errors
    /// When the job's rows are not those of its plan, or cannot be known to be.
    async fn check_ended_job(
        &self,
        id: &JobId,
        addresses: &HashMap<String, String>,
    ) -> Result<StepProgress, RunError> {
        let unknown = |reason: &str| RunError::WrongInput {
            message: format!("what its tasks have read is not known: {reason}"),
        };
        for _ in 0..MAX_GRAPH_LOOKUPS {
            match self.jobs.get_execution_graph(id).await {
                Ok(Some(graph)) => {
                    if let Some(message) = find_wrong_input(graph.as_ref()) {
                        return Err(RunError::WrongInput { message });
                    }
                    let mut progress = sample_graph(graph.as_ref()).progress;
                    progress.stages = Arc::new(read_stages(graph.as_ref(), addresses));
                    return Ok(progress);
                }
                Ok(None) => tokio::time::sleep(GRAPH_LOOKUP_PAUSE).await,
                Err(error) => return Err(unknown(&error.to_string())),
            }
        }
        Err(unknown("Ballista has not filed the job"))
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

    /// Cancels the job, waits for its end, and has its files deleted.
    async fn give_up_job(&self, id: JobId, updates: &mut mpsc::Receiver<JobStatus>) {
        self.cancel_and_wait(&id, updates).await;
        self.forget_job(id, false);
    }

    fn forget_job(&self, id: JobId, succeeded: bool) {
        self.tracker.on_job_ended(id.as_str(), succeeded);
        self.reports.take_refusal(id.as_str());
        self.server.state.executor_manager.clean_up_job_data(id);
    }

    /// Publishes the job's progress, and finds out why it will not end by
    /// itself, if so.
    async fn find_blockage(
        &self,
        id: &JobId,
        watch: &mut JobWatch,
        progress: &watch::Sender<StepProgress>,
    ) -> Option<RunError> {
        if let Some(reason) = self.reports.take_refusal(id.as_str()) {
            return Some(classify_error(&reason));
        }
        if let Some(poison) = self.tracker.find_poison(id.as_str()) {
            return Some(poison.into());
        }
        if let Some(error) = self.find_common_problem(watch, Instant::now()) {
            return Some(error);
        }
        if watch.graph.is_none() {
            watch.graph = self.find_running_graph(id);
        }
        let graph = watch.graph.as_ref()?.read().await;
        let mut sample = sample_graph(graph.as_ref());
        let restarts = count_restarts(graph.as_ref());
        if restarts != watch.restarts {
            watch.restarts = restarts;
            if let Some(message) = find_wrong_input(graph.as_ref()) {
                return Some(RunError::WrongInput { message });
            }
        }
        if watch.details.is_due(sample.event_count, Instant::now()) {
            watch.details.read(graph.as_ref(), self.tracker.addresses());
        }
        drop(graph);
        sample.progress.stages = Arc::clone(&watch.details.stages);
        progress.send_replace(sample.progress);
        match sample.deadlock {
            None => watch.deadlock_samples = 0,
            Some(reason) => {
                watch.deadlock_samples += 1;
                if watch.deadlock_samples >= DEADLOCK_SAMPLES {
                    return Some(classify_error(&reason));
                }
            }
        }
        let stalled = self.capacity().await.vcores > 0
            && watch
                .watchdog
                .has_stalled(sample.event_count, Instant::now());
        stalled.then_some(RunError::Stalled {
            seconds: watch.watchdog.limit.as_secs(),
        })
    }

    /// Whether no executor has been able to run anything for too long.
    fn find_common_problem(&self, watch: &mut JobWatch, now: Instant) -> Option<RunError> {
        let Some(message) = self.tracker.common_problem() else {
            watch.unusable_since = None;
            return None;
        };
        let since = *watch.unusable_since.get_or_insert(now);
        (now.duration_since(since) >= self.no_executor_timeout)
            .then_some(RunError::ExecutorDisk { message })
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
        let usable: Vec<u32> = executors
            .iter()
            .filter(|(executor, ..)| !self.tracker.is_quarantined(&executor.id))
            .map(|(executor, ..)| executor.specification.vcores)
            .collect();
        Capacity {
            executors: saturating_u32(usable.len()),
            vcores: usable.iter().sum(),
        }
    }

    async fn list_executors(&self) -> Vec<ExecutorInfo> {
        ballista::list_executors(&self.server, &self.tracker).await
    }

    fn lost_executors(&self) -> u64 {
        self.tracker.lost_executor_count()
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
        let trace = run.trace.clone();
        let result = self.run_to_end(run, &progress, cancel).await;
        record_stages(&progress.borrow().stages, trace.as_ref());
        result
    }

    fn remove_staged(&self, token: &str) {
        self.server
            .state
            .executor_manager
            .clean_up_job_data(JobId::from(token));
    }
}

impl ClusterRunner {
    /// See [`Runner::run_plan`].
    async fn run_to_end(
        &self,
        run: StepRun,
        progress: &watch::Sender<StepProgress>,
        cancel: CancellationToken,
    ) -> Result<Vec<RecordBatch>, RunError> {
        check_plan(&run).await?;
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
        self.tracker.on_step_submitted(&run.key, id.as_str());
        debug!(ballista_job = %id, step = run.name, "submitted");
        let mut watch = JobWatch {
            graph: None,
            watchdog: Watchdog::new(run.stall_timeout),
            details: WatchedStages::default(),
            deadlock_samples: 0,
            restarts: 0,
            unusable_since: None,
        };
        let mut ticks = tokio::time::interval(SAMPLE_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let status = loop {
            let status = tokio::select! {
                () = cancel.cancelled() => {
                    self.publish_stages(&id, &watch, progress, 0).await;
                    self.give_up_job(id, &mut updates).await;
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
                    if let Some(error) = self.find_blockage(&id, &mut watch, progress).await {
                        warn!(ballista_job = %id, step = run.name, %error, "given up");
                        self.publish_stages(&id, &watch, progress, 0).await;
                        self.give_up_job(id, &mut updates).await;
                        return Err(error);
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
        watch.details.addresses.extend(self.tracker.addresses());
        let addresses = &watch.details.addresses;
        let result = match status {
            job_status::Status::Successful(job) => {
                match self.check_ended_job(&id, addresses).await {
                    Ok(counts) => {
                        progress.send_replace(counts);
                        fetch_result(job).await
                    }
                    Err(error) => Err(error),
                }
            }
            job_status::Status::Failed(job) => {
                self.publish_stages(&id, &watch, progress, MAX_FAILED_LOOKUPS)
                    .await;
                Err(classify_error(&job.error))
            }
            _ => Err(classify_error("the job ended without a final state")),
        };
        // The rows have arrived: nothing reads the job's shuffle files any more.
        self.forget_job(id.clone(), result.is_ok());
        info!(ballista_job = %id, step = run.name, ok = result.is_ok(), "ended");
        result
    }

    /// Publishes what the stages of a job did that does not end well. A job that has
    /// ended is looked up so often.
    async fn publish_stages(
        &self,
        id: &JobId,
        watch: &JobWatch,
        progress: &watch::Sender<StepProgress>,
        lookups: u32,
    ) {
        let addresses = &watch.details.addresses;
        let graph = watch.graph.clone().or_else(|| self.find_running_graph(id));
        let stages = match graph {
            Some(graph) => Some(read_stages(graph.read().await.as_ref(), addresses)),
            None => {
                let ended = self.find_ended_graph(id, lookups).await;
                ended.map(|graph| read_stages(graph.as_ref(), addresses))
            }
        };
        if let Some(stages) = stages.map(Arc::new) {
            progress.send_modify(|progress| progress.stages = stages);
        }
    }

    /// The graph of a job that has ended before anything was seen of it.
    async fn find_ended_graph(&self, id: &JobId, lookups: u32) -> Option<ExecutionGraphBox> {
        for _ in 0..lookups {
            match self.jobs.get_execution_graph(id).await {
                Ok(Some(graph)) => return Some(graph),
                Ok(None) => tokio::time::sleep(GRAPH_LOOKUP_PAUSE).await,
                Err(_) => return None,
            }
        }
        None
    }
}

/// Checks that executors can run the plan, on a thread of its own: it is encoded, which
/// takes a while for a wide plan or many files.
async fn check_plan(run: &StepRun) -> Result<(), RunError> {
    let (plan, context) = (Arc::clone(&run.plan), run.context.task_ctx());
    let checked = tokio::task::spawn_blocking(move || {
        check_fidelity(&plan, &context).map_err(|error| RunError::NotOnCluster {
            message: error.to_string(),
        })?;
        check_plan_size(&plan).map_err(|error| RunError::PlanTooLarge {
            message: error.to_string(),
        })
    });
    checked.await.unwrap_or_else(|panic| {
        Err(classify_error(&format!(
            "the check of a plan panicked: {panic}"
        )))
    })
}

/// A look at a running job.
struct GraphSample {
    progress: StepProgress,
    /// Changes with every task that starts or ends.
    event_count: u64,
    /// Why the job cannot continue.
    deadlock: Option<String>,
}

fn sample_graph(graph: &dyn ExecutionGraph) -> GraphSample {
    let mut progress = StepProgress::default();
    let mut event_count = 0;
    for stage in graph.stages().values() {
        add_stage_progress(&mut progress, &mut event_count, stage);
    }
    GraphSample {
        progress,
        event_count,
        deadlock: find_deadlock(graph),
    }
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

/// What is observed of a job while it runs.
struct JobWatch {
    graph: Option<SharedGraph>,
    watchdog: Watchdog,
    details: WatchedStages,
    /// How many samples in a row showed a deadlock.
    deadlock_samples: u32,
    /// How often stages had been started again when their inputs were checked last.
    restarts: usize,
    /// Since when no executor can run tasks, although some are registered.
    unusable_since: Option<Instant>,
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
