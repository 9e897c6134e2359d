//! The progress of one attempt of a step.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use sluice_engine::source::SourceMetric;

use super::stage_details::StageDetails;

/// The counts of one attempt, which only grow. On a cluster they cover tasks
/// that have ended, where executors report counts only at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepProgress {
    /// Stages that ended.
    pub stages_done: u32,
    /// Stages of the plan.
    pub stages_total: u32,
    /// Tasks that succeeded.
    pub tasks_done: u32,
    /// Tasks on executors now.
    pub tasks_running: u32,
    /// Tasks that the plan needs.
    pub tasks_total: u32,
    /// Rows written to staging or gold.
    pub rows_written: u64,
    /// Bytes written to staging or gold.
    pub bytes_written: u64,
    /// What was read from each source.
    pub sources: BTreeMap<String, SourceStats>,
    /// What each stage does, on a cluster; read less often than the counts.
    pub stages: Arc<Vec<StageDetails>>,
}

/// What was read from one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceStats {
    /// Bytes of the files as they are stored, compressed or not.
    pub bytes: u64,
    /// Lines that were not blank.
    pub lines: u64,
    /// Lines that could not be read as the table declares.
    pub malformed: u64,
    /// Malformed lines that gave no row.
    pub dropped: u64,
}

impl StepProgress {
    /// Adds the counts of one set of operator metrics.
    pub(super) fn add_metrics(&mut self, metrics: &MetricsSet) {
        for metric in metrics.iter() {
            let MetricValue::Count { name, count } = metric.value() else {
                continue;
            };
            let value = count.value() as u64;
            match name.as_ref() {
                "staged_rows" | "rows_written" => self.rows_written += value,
                "staged_bytes" | "bytes_written" => self.bytes_written += value,
                other => self.add_source(other, value),
            }
        }
    }

    fn add_source(&mut self, name: &str, value: u64) {
        let Some((metric, source)) = SourceMetric::parse_name(name) else {
            return;
        };
        let stats = self.sources.entry(source.to_owned()).or_default();
        match metric {
            SourceMetric::Bytes => stats.bytes += value,
            SourceMetric::Lines => stats.lines += value,
            SourceMetric::Malformed => stats.malformed += value,
            SourceMetric::Dropped => stats.dropped += value,
        }
    }

    /// Adds the counts of every node of a plan that runs in this process.
    pub(super) fn add_plan(&mut self, plan: &dyn ExecutionPlan) {
        if let Some(metrics) = plan.metrics() {
            self.add_metrics(&metrics);
        }
        for child in plan.children() {
            self.add_plan(child.as_ref());
        }
    }
}

/// A plan as indented text, for logs and `--plan`.
pub(crate) fn plan_text(plan: &dyn ExecutionPlan) -> String {
    displayable(plan).indent(false).to_string()
}

/// The number of stages in which a cluster runs a plan, and the tasks of the
/// widest one.
pub(crate) fn plan_shape(plan: &dyn ExecutionPlan) -> (u32, u32) {
    use datafusion::physical_plan::ExecutionPlanProperties;
    let mut stages = 1;
    let mut widest = plan.output_partitioning().partition_count();
    let mut open = vec![plan];
    while let Some(node) = open.pop() {
        // Ballista cuts a plan into stages where rows move between tasks.
        if matches!(
            node.name(),
            "CoalescePartitionsExec" | "SortPreservingMergeExec" | "RepartitionExec"
        ) {
            stages += 1;
        }
        widest = widest.max(node.output_partitioning().partition_count());
        open.extend(node.children().into_iter().map(AsRef::as_ref));
    }
    (stages, u32::try_from(widest).unwrap_or(u32::MAX))
}
