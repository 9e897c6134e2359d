use std::collections::HashMap;

use ballista_core::serde::protobuf::operator_metric::Metric;
use ballista_core::serde::protobuf::{
    FailedTask, FetchPartitionError, NamedCount, OperatorMetric, SuccessfulTask,
};
use ballista_scheduler::planner::DefaultDistributedPlanner;
use ballista_scheduler::state::execution_graph::StaticExecutionGraph;
use ballista_scheduler::state::execution_stage::{PendingPartitions, StageOutput, TaskInfo};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::union::UnionExec;
use sluice_engine::session::base_config;

use super::*;

/// A plan of two partitions; each of its three nodes has metrics.
fn two_tables() -> Arc<dyn ExecutionPlan> {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, true)]));
    let table = || -> Arc<dyn ExecutionPlan> {
        MemorySourceConfig::try_new_exec(&[vec![]], Arc::clone(&schema), None).unwrap()
    };
    UnionExec::try_new(vec![table(), table()]).unwrap()
}

fn successful_task(task_id: usize) -> TaskInfo {
    TaskInfo {
        task_id,
        scheduled_time: 0,
        launch_time: 0,
        start_exec_time: 0,
        end_exec_time: 0,
        finish_time: 0,
        task_status: Status::Successful(SuccessfulTask::default()),
        global_input_partition_ids: vec![task_id],
        vcores_consumed: 1,
    }
}

/// Stage 2 of two tasks, which reads from stage 1.
fn running_stage() -> RunningStage {
    let inputs = HashMap::from([(1, StageOutput::new())]);
    let config = Arc::new(base_config());
    let mut stage = RunningStage::new(2, 1, two_tables(), 2, vec![], inputs, config);
    stage.task_infos = vec![successful_task(0), successful_task(1)];
    stage
}

fn report(task_id: u32, status: Status) -> TaskStatus {
    TaskStatus {
        task_id,
        job_id: "j".to_owned(),
        stage_id: 2,
        stage_attempt_num: 1,
        status: Some(status),
        ..TaskStatus::default()
    }
}

fn success(task_id: u32, metrics: Vec<OperatorMetricsSet>) -> TaskStatus {
    TaskStatus {
        metrics,
        ..report(task_id, Status::Successful(SuccessfulTask::default()))
    }
}

fn count(value: u64) -> OperatorMetricsSet {
    let metric = Metric::Count(NamedCount {
        name: "rows_written".to_owned(),
        value,
    });
    OperatorMetricsSet {
        metrics: vec![OperatorMetric {
            partition: Some(0),
            metric: Some(metric),
        }],
    }
}

fn check(status: TaskStatus) -> Result<TaskStatus, String> {
    check_report(Some(&ExecutionStage::Running(running_stage())), status)
}

/// When this fails, Ballista no longer drops the report, and `fit_metrics` can go.
#[test]
fn ballista_drops_the_report_of_a_task_with_another_number_of_metrics() {
    let mut stage = running_stage();
    stage.update_task_metrics(0, vec![count(1); 3]).unwrap();
    let error = stage.update_task_metrics(1, vec![count(1); 2]).unwrap_err();
    assert!(error.to_string().contains("does not equal"), "{error}");
}

#[test]
fn every_number_of_metrics_can_be_applied_and_no_count_is_lost() {
    let mut stage = running_stage();
    for (task, sets) in [(0, 4), (1, 2)] {
        let running = ExecutionStage::Running(stage.clone());
        let status = check_report(Some(&running), success(task, vec![count(5); sets])).unwrap();
        stage
            .update_task_metrics(task as usize, status.metrics)
            .unwrap();
    }
    let sets = stage.stage_metrics.unwrap();
    let total: usize = sets
        .iter()
        .filter_map(|set| set.sum_by_name("rows_written"))
        .map(|value| value.as_usize())
        .sum();
    assert_eq!((sets.len(), total), (3, 6 * 5));
}

#[test]
fn metrics_that_fit_stay_where_they_are() {
    let metrics = vec![count(1), count(2), count(3)];
    let status = check(success(0, metrics.clone())).unwrap();
    assert_eq!(status.metrics, metrics);
    assert!(check(success(0, vec![])).unwrap().metrics.is_empty());
}

#[test]
fn what_ballista_cannot_apply_is_refused() {
    assert!(check_report(None, success(0, vec![])).is_err());
    assert!(check(success(2, vec![])).is_err());
    let empty = TaskStatus {
        status: None,
        ..success(0, vec![])
    };
    assert!(check(empty).is_err());
}

#[test]
fn a_failed_fetch_is_applied_only_from_a_stage_that_is_read() {
    let failed_fetch = |stage| {
        let fetch = FetchPartitionError {
            executor_id: "e".to_owned(),
            map_stage_id: stage,
            map_partition_id: 0,
        };
        let failed = FailedTask {
            error: "gone".to_owned(),
            failed_reason: Some(FailedReason::FetchPartitionError(fetch)),
            ..FailedTask::default()
        };
        report(0, Status::Failed(failed))
    };
    assert!(check(failed_fetch(1)).is_ok());
    let reason = check(failed_fetch(7)).unwrap_err();
    assert!(
        reason.contains("stage 7") && reason.contains("gone"),
        "{reason}"
    );
}

#[test]
fn what_ballista_ignores_is_passed_on() {
    let stale = TaskStatus {
        stage_attempt_num: 0,
        ..success(9, vec![])
    };
    assert!(check(stale).is_ok());
    let ended = ExecutionStage::Successful(running_stage().to_successful());
    assert!(check_report(Some(&ended), success(9, vec![])).is_ok());
}

#[test]
fn a_job_is_deadlocked_when_a_stage_has_ended_and_does_not_know_it() {
    let config = Arc::new(base_config());
    let plan = Arc::new(CoalescePartitionsExec::new(two_tables()));
    let mut graph = StaticExecutionGraph::new(
        "s",
        &JobId::from("j"),
        "",
        "",
        plan,
        0,
        config,
        &mut DefaultDistributedPlanner::new(),
        None,
    )
    .unwrap();
    assert_eq!(find_deadlock(&graph), None);
    graph.revive();
    assert_eq!(find_deadlock(&graph), None);
    let stage = graph.fetch_running_stage(&[]).unwrap();
    stage.task_infos = vec![successful_task(0), successful_task(1)];
    stage.pending = PendingPartitions::empty(2);
    let reason = find_deadlock(&graph).unwrap();
    assert!(reason.starts_with("stage 1 does not end"), "{reason}");
}
