//! What the stages of a step did: tasks with their times, operators with their
//! counts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::task_status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use serde::{Deserialize, Serialize};
use sluice_service::format::plain_line;
use utoipa::ToSchema;

/// How often the stages of a running job are read in detail.
const DETAILS_INTERVAL: Duration = Duration::from_secs(1);
/// How much of an operator's text is kept: some name thousands of files.
const MAX_TEXT_CHARS: usize = 400;

/// One stage of a step: the same plan for several parts of its input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageDetails {
    pub stage: u64,
    pub state: StageState,
    /// Parts of its input that no task has been given yet.
    pub waiting_parts: u64,
    /// Every task that was started, repeated ones too.
    pub tasks: Vec<TaskDetails>,
    /// The plan from its end to its sources; `depth` says which reads which.
    pub operators: Vec<OperatorDetails>,
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// Stages that it reads have not ended.
    Waiting,
    Running,
    Done,
    Failed,
}

/// One task of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskDetails {
    /// The executor's address, or its id; empty where neither is known.
    pub executor: String,
    pub state: TaskState,
    /// How many parts of the stage's input it takes.
    pub parts: u64,
    /// When it was given to its executor, milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// When its end was reported; 0 before.
    pub end_ms: u64,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    Running,
    Done,
    Failed,
}

/// One operator of a stage, with the sums over its tasks that have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorDetails {
    pub depth: u64,
    pub name: String,
    /// The operator with its expressions, cut off where it is long.
    pub text: String,
    /// Rows that it gave.
    #[schema(required = true)]
    pub rows: Option<u64>,
    /// The time that it computed, over all tasks, in microseconds.
    #[schema(required = true)]
    pub compute_us: Option<u64>,
    /// Bytes that it wrote to disk for want of memory.
    pub spilled_bytes: u64,
}

/// The stages of a job as they were read last.
#[derive(Default)]
pub(super) struct WatchedStages {
    pub(super) stages: Arc<Vec<StageDetails>>,
    /// Of all executors that were seen, by id: one may be lost before the end.
    pub(super) addresses: HashMap<String, String>,
    read_at: Option<Instant>,
    event_count: u64,
}

impl WatchedStages {
    /// Whether the stages should be read again: something has happened since, and
    /// the last time is long enough ago.
    pub(super) fn is_due(&mut self, event_count: u64, now: Instant) -> bool {
        let is_due = event_count != self.event_count
            && self
                .read_at
                .is_none_or(|read_at| now.duration_since(read_at) >= DETAILS_INTERVAL);
        if is_due {
            (self.read_at, self.event_count) = (Some(now), event_count);
        }
        is_due
    }

    pub(super) fn read(&mut self, graph: &dyn ExecutionGraph, addresses: HashMap<String, String>) {
        self.addresses.extend(addresses);
        self.stages = Arc::new(read_stages(graph, &self.addresses));
    }
}

/// The stages of a plan that runs or has run, in the order of their numbers;
/// `addresses` are those of executors, by id.
pub(super) fn read_stages(
    graph: &dyn ExecutionGraph,
    addresses: &HashMap<String, String>,
) -> Vec<StageDetails> {
    let mut stages: Vec<StageDetails> = graph
        .stages()
        .iter()
        .map(|(id, stage)| read_stage(*id as u64, stage, addresses))
        .collect();
    stages.sort_by_key(|stage| stage.stage);
    stages
}

fn read_stage(
    id: u64,
    stage: &ExecutionStage,
    addresses: &HashMap<String, String>,
) -> StageDetails {
    let (state, parts, tasks, metrics): (_, _, &[TaskInfo], &[MetricsSet]) = match stage {
        ExecutionStage::UnResolved(_) => (StageState::Waiting, 0, &[], &[]),
        ExecutionStage::Resolved(stage) => (StageState::Waiting, stage.partitions, &[], &[]),
        ExecutionStage::Running(stage) => (
            StageState::Running,
            stage.partitions,
            &stage.task_infos,
            stage.stage_metrics.as_deref().unwrap_or_default(),
        ),
        ExecutionStage::Successful(stage) => (
            StageState::Done,
            stage.partitions,
            &stage.task_infos,
            &stage.stage_metrics,
        ),
        ExecutionStage::Failed(stage) => (
            StageState::Failed,
            stage.partitions,
            &stage.task_infos,
            stage.stage_metrics.as_deref().unwrap_or_default(),
        ),
    };
    let tasks: Vec<TaskDetails> = tasks
        .iter()
        .map(|task| read_task(task, addresses))
        .collect();
    let taken: u64 = tasks
        .iter()
        .filter(|task| task.state != TaskState::Failed)
        .map(|task| task.parts)
        .sum();
    StageDetails {
        stage: id,
        state,
        waiting_parts: (parts as u64).saturating_sub(taken),
        tasks,
        operators: read_operators(stage.plan(), metrics),
    }
}

fn read_task(info: &TaskInfo, addresses: &HashMap<String, String>) -> TaskDetails {
    let (state, executor) = match &info.task_status {
        task_status::Status::Running(task) => (TaskState::Running, task.executor_id.as_str()),
        task_status::Status::Successful(task) => (TaskState::Done, task.executor_id.as_str()),
        task_status::Status::Failed(_) => (TaskState::Failed, ""),
    };
    let milliseconds = |time: u128| u64::try_from(time).unwrap_or_default();
    TaskDetails {
        executor: addresses
            .get(executor)
            .map_or(executor, String::as_str)
            .to_owned(),
        state,
        parts: info.global_input_partition_ids.len() as u64,
        start_ms: milliseconds(info.scheduled_time),
        end_ms: match state {
            TaskState::Running => 0,
            TaskState::Done | TaskState::Failed => milliseconds(info.finish_time),
        },
    }
}

/// The operators of a plan. Ballista keeps the metrics of those that have any, in
/// the order of this walk.
fn read_operators(plan: &dyn ExecutionPlan, metrics: &[MetricsSet]) -> Vec<OperatorDetails> {
    let mut operators = Vec::new();
    let mut with_metrics = Vec::new();
    add_operators(plan, 0, &mut operators, &mut with_metrics);
    // With another number of sets it is not known whose they are.
    if with_metrics.len() == metrics.len() {
        for (at, set) in with_metrics.into_iter().zip(metrics) {
            add_counts(&mut operators[at], set);
        }
    }
    operators
}

fn add_operators(
    plan: &dyn ExecutionPlan,
    depth: u64,
    operators: &mut Vec<OperatorDetails>,
    with_metrics: &mut Vec<usize>,
) {
    if plan.metrics().is_some() {
        with_metrics.push(operators.len());
    }
    let text = displayable(plan).one_line().to_string();
    operators.push(OperatorDetails {
        depth,
        name: plan.name().to_owned(),
        text: plain_line(text.trim(), MAX_TEXT_CHARS),
        rows: None,
        compute_us: None,
        spilled_bytes: 0,
    });
    for child in plan.children() {
        add_operators(child.as_ref(), depth + 1, operators, with_metrics);
    }
}

fn add_counts(operator: &mut OperatorDetails, metrics: &MetricsSet) {
    for metric in metrics.iter() {
        match metric.value() {
            MetricValue::OutputRows(rows) => {
                *operator.rows.get_or_insert(0) += rows.value() as u64;
            }
            MetricValue::ElapsedCompute(time) => {
                *operator.compute_us.get_or_insert(0) += time.value() as u64 / 1_000;
            }
            MetricValue::SpilledBytes(bytes) => operator.spilled_bytes += bytes.value() as u64,
            _ => {}
        }
    }
}
