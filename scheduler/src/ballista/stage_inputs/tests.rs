use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::execution_plans::compute_global_output_partition_ids;
use ballista_core::serde::protobuf::{
    FailedTask, RunningTask, ShuffleWritePartition, SuccessfulTask, TaskStatus,
};
use ballista_core::serde::scheduler::{
    ExecutorMetadata, ExecutorOperatingSystemSpecification, ExecutorSpecification,
};
use ballista_scheduler::planner::DefaultDistributedPlanner;
use ballista_scheduler::state::execution_graph::StaticExecutionGraph;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use sluice_engine::session::base_config;

use super::*;

/// Two shuffles with two partitions each, whose rows are collected by one task.
fn two_shuffles() -> StaticExecutionGraph {
    let field = |name| Field::new(name, DataType::Int32, true);
    let schema = Arc::new(Schema::new(vec![field("a"), field("b")]));
    let mut plan: Arc<dyn ExecutionPlan> =
        MemorySourceConfig::try_new_exec(&[vec![], vec![]], schema, None).unwrap();
    for (at, name) in ["a", "b"].into_iter().enumerate() {
        let key = Arc::new(Column::new(name, at));
        let repartition = RepartitionExec::try_new(plan, Partitioning::Hash(vec![key], 2));
        plan = Arc::new(repartition.unwrap());
    }
    let mut graph = StaticExecutionGraph::new(
        "s",
        &JobId::from("j"),
        "",
        "",
        Arc::new(CoalescePartitionsExec::new(plan)),
        0,
        Arc::new(base_config()),
        &mut DefaultDistributedPlanner::new(),
        None,
    )
    .unwrap();
    graph.revive();
    graph
}

fn executor(id: &str) -> ExecutorMetadata {
    ExecutorMetadata {
        id: id.to_owned(),
        host: "h".to_owned(),
        port: 1,
        grpc_port: 2,
        specification: ExecutorSpecification::default(),
        os_info: ExecutorOperatingSystemSpecification::default(),
    }
}

/// Runs the next task on an executor, and gives its stage.
fn run_task(graph: &mut StaticExecutionGraph, on: &str) -> Option<usize> {
    graph.revive();
    let stage = graph.fetch_running_stage(&[])?;
    let [partition] = stage.pending.next_slice(1)[..] else {
        return None;
    };
    let task_id = stage.task_infos.len();
    let running = Status::Running(RunningTask {
        executor_id: on.to_owned(),
    });
    stage.task_infos.push(task(task_id, &[partition], running));
    let partitions = compute_global_output_partition_ids(&stage.plan, &[partition]);
    let outputs = partitions
        .into_iter()
        .map(|partition| ShuffleWritePartition {
            partition_id: partition as u64,
            file_id: Some(task_id as u64),
            ..ShuffleWritePartition::default()
        });
    let success = SuccessfulTask {
        executor_id: on.to_owned(),
        partitions: outputs.collect(),
        ..SuccessfulTask::default()
    };
    let stage_id = stage.stage_id;
    let report = TaskStatus {
        task_id: task_id as u32,
        job_id: "j".to_owned(),
        stage_id: stage_id as u32,
        stage_attempt_num: stage.stage_attempt_num as u32,
        status: Some(Status::Successful(success)),
        ..TaskStatus::default()
    };
    graph
        .update_task_status(&executor(on), vec![report], 4, 4)
        .unwrap();
    Some(stage_id)
}

fn task(task_id: usize, partitions: &[usize], task_status: Status) -> TaskInfo {
    TaskInfo {
        task_id,
        scheduled_time: 0,
        launch_time: 0,
        start_exec_time: 0,
        end_exec_time: 0,
        finish_time: 0,
        task_status,
        global_input_partition_ids: partitions.to_vec(),
        vcores_consumed: 1,
    }
}

/// Runs tasks in turns on two executors until a task of `stage` has ended on the
/// first one.
fn run_until(graph: &mut StaticExecutionGraph, stage: usize) {
    for on in ["b", "a"].into_iter().cycle() {
        let ran = run_task(graph, on).unwrap();
        if ran == stage && on == "b" {
            return;
        }
    }
}

fn run_to_end(graph: &mut StaticExecutionGraph, on: &str) {
    while run_task(graph, on).is_some() {}
    assert!(graph.is_successful());
}

#[test]
fn an_undisturbed_job_reads_every_output_once() {
    let mut graph = two_shuffles();
    while !graph.is_successful() {
        run_task(&mut graph, "a").unwrap();
        assert_eq!(find_wrong_input(&graph), None);
    }
    assert_eq!(count_restarts(&graph), 0);
}

#[test]
fn a_lost_stage_that_nothing_has_read_is_repaired() {
    let mut graph = two_shuffles();
    run_until(&mut graph, 1);
    run_task(&mut graph, "a").unwrap();
    graph.reset_stages_on_lost_executor("a").unwrap();
    assert_eq!(find_wrong_input(&graph), None);
    run_to_end(&mut graph, "b");
    assert_eq!(find_wrong_input(&graph), None);
}

/// When this fails, Ballista removes the outputs of a stage that starts again, and the
/// module can go.
#[test]
fn ballista_leaves_outputs_of_a_stage_that_starts_again() {
    let mut graph = two_shuffles();
    run_until(&mut graph, 2);
    assert_eq!(
        (find_wrong_input(&graph), count_restarts(&graph)),
        (None, 0)
    );

    graph.reset_stages_on_lost_executor("a").unwrap();
    assert_ne!(count_restarts(&graph), 0);
    let early = find_wrong_input(&graph).unwrap();
    assert_eq!(early, "stage 3 reads rows of an earlier run of stage 2");

    run_to_end(&mut graph, "b");
    let at_the_end = find_wrong_input(&graph).unwrap();
    assert_eq!(at_the_end, "stage 3 reads rows twice of stage 2");
}

#[test]
fn tasks_must_process_each_partition_once() {
    let succeeded = || Status::Successful(SuccessfulTask::default());
    let done = |partitions: &[usize]| task(0, partitions, succeeded());
    let lost = |partitions: &[usize]| task(0, partitions, Status::Failed(FailedTask::default()));
    let check = |tasks: &[TaskInfo]| check_coverage(tasks, 3);
    assert_eq!(check(&[lost(&[0, 1]), done(&[2]), done(&[1, 0])]), None);
    assert!(
        check(&[done(&[2]), done(&[0])])
            .unwrap()
            .contains("without")
    );
    assert!(
        check(&[done(&[0, 1, 2]), done(&[1])])
            .unwrap()
            .contains("twice")
    );
    assert!(check(&[done(&[0, 1, 2, 3])]).unwrap().contains("not have"));
}
