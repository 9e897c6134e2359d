//! Spans of the stages of a step on a cluster.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluice_traces::{Span, TraceContext};

use super::stage_details::{StageDetails, StageState, TaskState};

/// Makes a span of each stage that had tasks, from the first task that was given to an
/// executor to the last end that was reported. The spans of its tasks, which executors
/// export, name it as their parent.
pub(super) fn record_stages(stages: &[StageDetails], step: Option<&TraceContext>) {
    let Some(step) = step.filter(|step| step.is_sampled()) else {
        return;
    };
    for stage in stages {
        let Some(began_ms) = stage.tasks.iter().map(|task| task.start_ms).min() else {
            continue;
        };
        let name = format!("stage {}", stage.stage);
        let mut span = Span::part_at(name, Some(step), stage.stage, at_millis(began_ms));
        span.set_count("sluice.stage", stage.stage);
        span.set_count("sluice.tasks", stage.tasks.len() as u64);
        let in_state = |state| {
            stage
                .tasks
                .iter()
                .filter(|task| task.state == state)
                .count() as u64
        };
        let failed = in_state(TaskState::Failed);
        if failed > 0 {
            span.set_count("sluice.tasks_failed", failed);
        }
        if let Some(rows) = stage.operators.first().and_then(|operator| operator.rows) {
            span.set_count("sluice.rows", rows);
        }
        match stage.state {
            StageState::Done => {}
            StageState::Failed => span.set_failed("task"),
            StageState::Waiting | StageState::Running => span.set_failed("stopped"),
        }
        span.end_at(ended_at(stage, began_ms));
    }
}

/// Tasks that still run when their step ends are stopped with it.
fn ended_at(stage: &StageDetails, began_ms: u64) -> SystemTime {
    let is_running = |state| state == TaskState::Running;
    if stage.tasks.iter().any(|task| is_running(task.state)) {
        return SystemTime::now();
    }
    let last = stage.tasks.iter().map(|task| task.end_ms).max();
    at_millis(last.unwrap_or_default().max(began_ms))
}

fn at_millis(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::super::stage_details::TaskDetails;
    use super::*;

    fn stage(tasks: &[(TaskState, u64, u64)]) -> StageDetails {
        let task = |(state, start_ms, end_ms): &(TaskState, u64, u64)| TaskDetails {
            executor: String::new(),
            state: *state,
            parts: 1,
            start_ms: *start_ms,
            end_ms: *end_ms,
        };
        StageDetails {
            stage: 1,
            state: StageState::Done,
            waiting_parts: 0,
            tasks: tasks.iter().map(task).collect(),
            operators: Vec::new(),
        }
    }

    #[test]
    fn a_stage_ends_with_its_last_task() {
        let ended = stage(&[(TaskState::Done, 10, 50), (TaskState::Failed, 10, 40)]);
        assert_eq!(ended_at(&ended, 10), at_millis(50));
        let unreported = stage(&[(TaskState::Failed, 10, 0)]);
        assert_eq!(ended_at(&unreported, 10), at_millis(10));
        let before = SystemTime::now();
        assert!(ended_at(&stage(&[(TaskState::Running, 10, 0)]), 10) >= before);
    }
}
