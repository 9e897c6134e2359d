//! What executors report about tasks, checked before Ballista applies it.
//!
//! Ballista applies a report in its own event loop. When it cannot, it logs an
//! error and drops the report, partly after it has counted the task as
//! finished: the job then waits forever, or succeeds without the task's rows
//! (datafusion-ballista #2184). So a report that Ballista would drop is
//! repaired or refused here, and a refusal fails the job at once.

use std::collections::HashMap;
use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::task_status::Status;
use ballista_core::serde::protobuf::{OperatorMetricsSet, TaskStatus};
use ballista_core::utils::collect_plan_metrics;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, RunningStage};
use parking_lot::Mutex;

use super::server::BallistaServer;

/// Checks reports, and keeps the reason of each refusal until the job's runner
/// takes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaskReports {
    /// By Ballista's job.
    refusals: Arc<Mutex<HashMap<String, String>>>,
}

impl TaskReports {
    /// The reports that Ballista can apply.
    pub(crate) async fn accept_reports(
        &self,
        server: &BallistaServer,
        statuses: Vec<TaskStatus>,
    ) -> Vec<TaskStatus> {
        if statuses.is_empty() {
            return statuses;
        }
        let jobs = server.state.task_manager.get_running_job_cache();
        let mut accepted = Vec::with_capacity(statuses.len());
        for status in statuses {
            let Some(job) = jobs.get(&JobId::from(status.job_id.as_str())) else {
                // The job has ended: Ballista ignores the report.
                accepted.push(status);
                continue;
            };
            let graph = job.execution_graph.read().await;
            let stage = graph.stages().get(&(status.stage_id as usize));
            let (job_id, task_id, stage_id) =
                (status.job_id.clone(), status.task_id, status.stage_id);
            match check_report(stage, status) {
                Ok(status) => accepted.push(status),
                Err(reason) => {
                    tracing::error!(ballista_job = job_id, "report refused: {reason}");
                    self.refusals.lock().entry(job_id).or_insert_with(|| {
                        format!(
                            "the report of task {task_id} of stage {stage_id} cannot be applied: {reason}"
                        )
                    });
                }
            }
        }
        accepted
    }

    /// Why a report of the job was refused. The reason is given once.
    pub(crate) fn take_refusal(&self, job: &str) -> Option<String> {
        self.refusals.lock().remove(job)
    }
}

/// The report in the form that Ballista can apply, or why it cannot.
fn check_report(
    stage: Option<&ExecutionStage>,
    mut status: TaskStatus,
) -> Result<TaskStatus, String> {
    let stage = stage.ok_or("the job has no such stage")?;
    // Ballista ignores reports about stages that do not run, and those of
    // earlier attempts.
    let ExecutionStage::Running(stage) = stage else {
        return Ok(status);
    };
    if (status.stage_attempt_num as usize) < stage.stage_attempt_num {
        return Ok(status);
    }
    if status.task_id as usize >= stage.task_infos.len() {
        return Err("the stage has no such task".to_owned());
    }
    match &status.status {
        None => return Err("it has no state".to_owned()),
        Some(Status::Running(_)) => {}
        Some(Status::Successful(_)) => {
            status.metrics = fit_metrics(std::mem::take(&mut status.metrics), stage);
        }
        Some(Status::Failed(failed)) => {
            if let Some(FailedReason::FetchPartitionError(fetch)) = &failed.failed_reason
                && !stage.inputs.contains_key(&(fetch.map_stage_id as usize))
            {
                return Err(format!(
                    "rows of stage {} on executor {} cannot be read, and the stage does not read from it: {}",
                    fetch.map_stage_id, fetch.executor_id, failed.error
                ));
            }
        }
    }
    Ok(status)
}

/// As many sets of metrics as Ballista expects. Ballista adds up the sets of the
/// tasks of a stage one by one, and drops the report of a task whose number of
/// sets differs. It differs where a task's slice of the plan has other nodes
/// than the whole: a constant branch of a union that is not in the task's slice
/// becomes an in-memory table, which has metrics. All counts are kept, because
/// they are summed by name.
fn fit_metrics(metrics: Vec<OperatorMetricsSet>, stage: &RunningStage) -> Vec<OperatorMetricsSet> {
    let expected = stage
        .stage_metrics
        .as_ref()
        .map_or_else(|| collect_plan_metrics(stage.plan.as_ref()).len(), Vec::len);
    if metrics.is_empty() || metrics.len() == expected {
        return metrics;
    }
    let all = OperatorMetricsSet {
        metrics: metrics.into_iter().flat_map(|set| set.metrics).collect(),
    };
    let mut fitted = vec![OperatorMetricsSet::default(); expected];
    match fitted.first_mut() {
        Some(first) => *first = all,
        None => fitted.push(all),
    }
    fitted
}

/// Why a running job cannot continue although nothing has failed: no task runs
/// or waits, and a stage is not complete. Ballista reports this nowhere except
/// in its log. A job may be in this state for a moment, while a report is
/// applied.
pub(crate) fn find_deadlock(graph: &dyn ExecutionGraph) -> Option<String> {
    let mut waiting = Vec::new();
    for stage in graph.stages().values() {
        match stage {
            ExecutionStage::Successful(_) => {}
            // Ends the job.
            ExecutionStage::Failed(_) | ExecutionStage::Resolved(_) => return None,
            ExecutionStage::Running(stage) => {
                let has_running_task = !stage.running_tasks().is_empty();
                if has_running_task || stage.available_tasks() > 0 {
                    return None;
                }
                waiting.push(format!("stage {} does not end", stage.stage_id));
            }
            ExecutionStage::UnResolved(stage) => {
                if stage.resolvable()
                    && let Err(error) = stage.to_resolved(stage.session_config.options())
                {
                    return Some(format!(
                        "stage {} cannot be planned over its inputs: {error}",
                        stage.stage_id
                    ));
                }
                waiting.push(format!("stage {} cannot start", stage.stage_id));
            }
        }
    }
    waiting.sort();
    waiting.into_iter().next()
}

#[cfg(test)]
mod tests;
