//! Whether the stages of a job read what the tasks before them wrote, each output once.
//!
//! Ballista gives the outputs of a task to the stage that reads them as soon as the
//! task has ended. When a running stage loses its own input, Ballista starts it again
//! from the beginning, and leaves the outputs of its first run in the stage after it:
//! that stage then reads the same rows twice. The graph of a job shows this, so that
//! the job can be given up before its rows count.

use std::collections::{HashMap, HashSet};

use ballista_core::serde::protobuf::task_status::Status;
use ballista_core::serde::scheduler::PartitionLocation;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, StageOutput, TaskInfo};

/// One file or part of a file that a task wrote, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct TaskOutput<'a> {
    executor: &'a str,
    task: usize,
    partition: usize,
    file: Option<u64>,
}

impl<'a> From<&'a PartitionLocation> for TaskOutput<'a> {
    fn from(location: &'a PartitionLocation) -> Self {
        Self {
            executor: &location.executor_meta.id,
            // Ballista's name for it dates from when a task had one partition.
            task: location.map_partition_id,
            partition: location.partition_id.partition_id,
            file: location.file_id,
        }
    }
}

/// How often any stage was started again.
pub(crate) fn count_restarts(graph: &dyn ExecutionGraph) -> usize {
    let stages = graph.stages().values();
    stages
        .map(|stage| match stage {
            ExecutionStage::UnResolved(stage) => stage.stage_attempt_num,
            ExecutionStage::Resolved(stage) => stage.stage_attempt_num,
            ExecutionStage::Running(stage) => stage.stage_attempt_num,
            ExecutionStage::Successful(stage) => stage.stage_attempt_num,
            ExecutionStage::Failed(stage) => stage.stage_attempt_num,
        })
        .sum()
}

/// Why the rows of a job are not, or will not be, those of its plan; `None` when each
/// stage, and the client at the end, reads the output of each task before it once.
pub(crate) fn find_wrong_input(graph: &dyn ExecutionGraph) -> Option<String> {
    let mut stages: Vec<(&usize, &ExecutionStage)> = graph.stages().iter().collect();
    stages.sort_by_key(|(id, _)| **id);
    for (id, stage) in stages {
        for (producer, input) in inputs_of(stage) {
            let tasks = graph.stages().get(producer).map_or(&[][..], tasks_of);
            let locations = input.partition_locations.values().flatten();
            if let Some(what) = compare_outputs(tasks, locations, input.complete) {
                return Some(format!("stage {id} {what} of stage {producer}"));
            }
        }
        if let ExecutionStage::Successful(stage) = stage {
            if let Some(what) = check_coverage(&stage.task_infos, stage.partitions) {
                return Some(format!("stage {id} {what}"));
            }
            if stage.output_links.is_empty()
                && let Some(what) =
                    compare_outputs(&stage.task_infos, &graph.output_locations(), true)
            {
                return Some(format!("the result {what} of stage {id}"));
            }
        }
    }
    None
}

fn tasks_of(stage: &ExecutionStage) -> &[TaskInfo] {
    stage.task_infos().unwrap_or_default()
}

fn inputs_of(stage: &ExecutionStage) -> impl Iterator<Item = (&usize, &StageOutput)> {
    let inputs: Option<&HashMap<usize, StageOutput>> = match stage {
        ExecutionStage::UnResolved(stage) => Some(&stage.inputs),
        ExecutionStage::Resolved(stage) => Some(&stage.inputs),
        ExecutionStage::Running(stage) => Some(&stage.inputs),
        ExecutionStage::Successful(stage) => Some(&stage.inputs),
        ExecutionStage::Failed(_) => None,
    };
    inputs.into_iter().flatten()
}

/// What is wrong with the outputs of `tasks` that are read at `locations`, as the middle
/// of a sentence. Until they are complete, outputs may be missing.
fn compare_outputs<'a>(
    tasks: &[TaskInfo],
    locations: impl IntoIterator<Item = &'a PartitionLocation>,
    is_complete: bool,
) -> Option<&'static str> {
    let mut written = HashSet::new();
    for (number, task) in tasks.iter().enumerate() {
        let Status::Successful(success) = &task.task_status else {
            continue;
        };
        written.extend(success.partitions.iter().map(|output| TaskOutput {
            executor: &success.executor_id,
            task: number,
            partition: usize::try_from(output.partition_id).unwrap_or(usize::MAX),
            file: output.file_id,
        }));
    }
    let mut read = HashSet::new();
    for location in locations {
        let output = TaskOutput::from(location);
        if !written.contains(&output) {
            return Some("reads rows of an earlier run");
        }
        if !read.insert(output) {
            return Some("reads rows twice");
        }
    }
    (is_complete && read.len() < written.len()).then_some("does not read all rows")
}

/// What is wrong with the tasks of a stage that has ended, if they did not process
/// each partition of its input once.
fn check_coverage(tasks: &[TaskInfo], partitions: usize) -> Option<&'static str> {
    let mut processed = vec![0_u32; partitions];
    for task in tasks {
        if !matches!(task.task_status, Status::Successful(_)) {
            continue;
        }
        for partition in &task.global_input_partition_ids {
            match processed.get_mut(*partition) {
                Some(times) => *times += 1,
                None => return Some("has processed a partition that it does not have"),
            }
        }
    }
    match processed.iter().find(|times| **times != 1) {
        None => None,
        Some(0) => Some("has ended without one of its partitions"),
        Some(_) => Some("has processed a partition twice"),
    }
}

#[cfg(test)]
mod tests;
