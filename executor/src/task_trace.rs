//! The span of a task, below the stage that it belongs to.

use std::sync::Arc;

use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{FailedTask, SuccessfulTask, task_status};
use ballista_core::serde::scheduler::TaskDefinition;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use sluice_engine::operator_spans::record_operators;
use sluice_engine::task_failure::TaskFailure;
use sluice_engine::task_trace::find_traceparent;
use sluice_proto::heartbeat::TaskName;
use sluice_traces::{Span, TraceContext};

/// The span of a task; of none when its job is in no trace.
pub(crate) struct TaskTrace {
    span: Span,
}

impl TaskTrace {
    pub(crate) fn begin(definition: &TaskDefinition, name: &TaskName, executor: &str) -> Self {
        let step = find_traceparent(&definition.session_config).and_then(TraceContext::parse);
        let stage = step.map(|step| step.part(name.stage as u64));
        let mut span = Span::child("task", stage.as_ref());
        if span.is_recording() {
            span.set_text("sluice.executor", executor);
            span.set_text("sluice.ballista_job", name.job.as_str());
            span.set_count("sluice.stage", name.stage as u64);
            span.set_count("sluice.stage.attempt", name.attempt as u64);
            span.set_count("sluice.task", name.task as u64);
            span.set_count("sluice.task.attempt", definition.task_attempt_num as u64);
            let partitions = definition.global_output_partition_ids.iter();
            let partitions: Vec<String> = partitions.take(8).map(ToString::to_string).collect();
            span.set_text("sluice.partitions", partitions.join(","));
        }
        Self { span }
    }

    /// The span as the parent of what the task does.
    pub(crate) fn context(&self) -> Option<TraceContext> {
        self.span.context().cloned()
    }

    /// Ends it with what is reported of the task.
    pub(crate) fn end(&mut self, status: Option<&task_status::Status>) {
        match status {
            Some(task_status::Status::Successful(task)) => self.add_output(task),
            Some(task_status::Status::Failed(task)) => self.span.set_failed(failure_name(task)),
            Some(task_status::Status::Running(_)) | None => {}
        }
        self.span.end();
    }

    fn add_output(&mut self, task: &SuccessfulTask) {
        let partitions = &task.partitions;
        let rows = partitions.iter().map(|partition| partition.num_rows).sum();
        let bytes = partitions.iter().map(|partition| partition.num_bytes).sum();
        self.span.set_count("sluice.rows", rows);
        self.span.set_count("sluice.bytes", bytes);
    }
}

/// The kind of a failure: its message may quote rows.
fn failure_name(task: &FailedTask) -> &'static str {
    if let Some(failure) = TaskFailure::find_in_text(&task.error) {
        return failure.kind.name();
    }
    match &task.failed_reason {
        Some(FailedReason::TaskKilled(_)) => "cancelled",
        Some(FailedReason::FetchPartitionError(_)) => "fetch",
        _ => "execution",
    }
}

/// What a task's operators did, once it has ended.
pub(crate) struct OperatorTrace {
    plan: Arc<dyn ExecutionPlan>,
    task: TraceContext,
}

impl OperatorTrace {
    /// `None` when nothing is exported of the task.
    pub(crate) fn new(plan: &Arc<dyn ExecutionPlan>, task: Option<&TraceContext>) -> Option<Self> {
        let task = task.filter(|task| task.is_sampled() && sluice_traces::is_exporting())?;
        Some(Self {
            plan: Arc::clone(plan),
            task: task.clone(),
        })
    }

    pub(crate) fn record(&self, metrics: &[MetricsSet]) {
        record_operators(self.plan.as_ref(), metrics, Some(&self.task));
    }
}
