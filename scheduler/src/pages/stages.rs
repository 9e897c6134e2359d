//! The stages, tasks and operators of a job.

use std::time::Duration;

use maud::{Markup, html};
use sluice_proto::v1::Job;
use sluice_service::format::{format_bytes, format_count, format_duration, group_thousands};

use super::layout::Page;
use super::parts::{Tone, badge, name_of};
use super::timeline::{Span, timeline};
use crate::driver::{JobDetails, StepDetails};
use crate::runner::{OperatorDetails, StageDetails, StageState, TaskDetails, TaskState};

pub(crate) fn stages_page(job: &Job, details: &JobDetails, root: &str, now_ms: i64) -> Page {
    let now_ms = u64::try_from(now_ms).unwrap_or_default();
    let spans = spans_of(details, now_ms);
    Page {
        title: format!("Stages of {}", name_of(job)),
        section: "jobs",
        main: html! {
            h1 { "Stages of " a href={ (root) "jobs/" (job.job_id) } { (name_of(job)) } }
            section.card #timeline data-live {
                h2 { "Tasks by executor" }
                @if spans.is_empty() { p.quiet { "No task has run, or what tasks did is not kept any longer." } }
                @else { (timeline(&spans)) }
            }
            @for (at, step) in details.steps.iter().enumerate() {
                section.card id={ "step-" (at) } data-live {
                    h2 { (step.name) }
                    @if step.stages.is_empty() { p.quiet { "Has not begun." } }
                    @else { (step_table(step, now_ms)) (operators_of(at, step)) }
                }
            }
        },
    }
}

fn spans_of(details: &JobDetails, now_ms: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    for step in &details.steps {
        for stage in step.stages.iter() {
            for task in stage.tasks.iter().filter(|task| task.start_ms > 0) {
                let executor = match task.executor.as_str() {
                    "" => "unknown",
                    known => known,
                };
                let end_ms = end_of(task, now_ms);
                let took = Duration::from_millis(end_ms.saturating_sub(task.start_ms));
                spans.push(Span {
                    lane: executor.to_owned(),
                    class: task_tone(task.state).class(),
                    start_ms: task.start_ms,
                    end_ms,
                    title: format!(
                        "{}, stage {}: {}",
                        step.name,
                        stage.stage,
                        format_duration(took)
                    ),
                });
            }
        }
    }
    spans
}

fn end_of(task: &TaskDetails, now_ms: u64) -> u64 {
    if task.end_ms > 0 { task.end_ms } else { now_ms }
}

fn task_tone(state: TaskState) -> Tone {
    match state {
        TaskState::Running => Tone::Busy,
        TaskState::Done => Tone::Good,
        TaskState::Failed => Tone::Bad,
    }
}

fn step_table(step: &StepDetails, now_ms: u64) -> Markup {
    html! {
        div.wide { table {
            thead { tr {
                th scope="col" { "Stage" }
                th scope="col" { "State" }
                th.number scope="col" { "Tasks" }
                th.number scope="col" { "Least" }
                th.number scope="col" { "25 %" }
                th.number scope="col" { "Median" }
                th.number scope="col" { "75 %" }
                th.number scope="col" { "Most" }
                th.number scope="col" { "Rows in" }
                th.number scope="col" { "Spilled" }
            } }
            tbody { @for stage in step.stages.iter() {
                @let times = quartiles(stage, now_ms);
                tr {
                    th scope="row" { (stage.stage) }
                    td { (stage_badge(stage.state)) }
                    td.number { (task_count(stage)) }
                    @for time in times { td.number { (time.map_or_else(|| "–".to_owned(), format_duration)) } }
                    td.number { (rows_in(&stage.operators).map_or_else(|| "–".to_owned(), group_thousands)) }
                    td.number { (spilled(stage)) }
                }
            } }
        } }
    }
}

fn stage_badge(state: StageState) -> Markup {
    match state {
        StageState::Waiting => badge(Tone::Plain, "waiting"),
        StageState::Running => badge(Tone::Busy, "running"),
        StageState::Done => badge(Tone::Good, "done"),
        StageState::Failed => badge(Tone::Bad, "failed"),
    }
}

fn task_count(stage: &StageDetails) -> String {
    let failed = count(stage, TaskState::Failed);
    let mut text = format!("{} done", count(stage, TaskState::Done));
    for (number, what) in [
        (count(stage, TaskState::Running), "running"),
        (failed, "failed"),
    ] {
        if number > 0 {
            text.push_str(&format!(", {number} {what}"));
        }
    }
    if stage.waiting_parts > 0 {
        text.push_str(&format!(
            ", {} wait",
            format_count(stage.waiting_parts, "part")
        ));
    }
    text
}

fn count(stage: &StageDetails, state: TaskState) -> usize {
    stage
        .tasks
        .iter()
        .filter(|task| task.state == state)
        .count()
}

fn spilled(stage: &StageDetails) -> String {
    match stage
        .operators
        .iter()
        .map(|operator| operator.spilled_bytes)
        .sum()
    {
        0 => "–".to_owned(),
        bytes => format_bytes(bytes),
    }
}

/// The rows of the operators that read no other one.
fn rows_in(operators: &[OperatorDetails]) -> Option<u64> {
    let next = operators.iter().skip(1).map(|next| next.depth).chain([0]);
    let sources = operators.iter().zip(next);
    let sources = sources.filter(|(operator, next)| *next <= operator.depth);
    sources.map(|(operator, _)| operator.rows).sum()
}

/// The least, the quartiles and the most of the times of a stage's tasks; those
/// that run count with the time they have run.
fn quartiles(stage: &StageDetails, now_ms: u64) -> [Option<Duration>; 5] {
    let mut times: Vec<u64> = stage
        .tasks
        .iter()
        .filter(|task| task.start_ms > 0 && task.state != TaskState::Failed)
        .map(|task| end_of(task, now_ms).saturating_sub(task.start_ms))
        .collect();
    times.sort_unstable();
    let Some(last) = times.len().checked_sub(1) else {
        return [None; 5];
    };
    [0, 1, 2, 3, 4].map(|quarter| Some(Duration::from_millis(times[last * quarter / 4])))
}

fn operators_of(step_at: usize, step: &StepDetails) -> Markup {
    html! {
        details id={ "operators-" (step_at) } {
            summary { "Plan, with rows and time of each operator" }
            @for stage in step.stages.iter() {
                h3 { "Stage " (stage.stage) }
                div.wide tabindex="0" role="region" aria-label={ "Plan of stage " (stage.stage) } { (operator_table(&stage.operators)) }
            }
        }
    }
}

fn operator_table(operators: &[OperatorDetails]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Operator" }
                th.number scope="col" { "Rows" }
                th.number scope="col" { "Time" }
                th.number scope="col" { "Spilled" }
            } }
            tbody { @for operator in operators {
                tr {
                    td { code.tree {
                        @for _ in 0..operator.depth { "  " }
                        (operator.text)
                    } }
                    td.number { (operator.rows.map_or_else(|| "–".to_owned(), group_thousands)) }
                    td.number { (operator.compute_us.map_or_else(|| "–".to_owned(), |time| format_duration(Duration::from_micros(time)))) }
                    td.number { @if operator.spilled_bytes > 0 { (format_bytes(operator.spilled_bytes)) } @else { "–" } }
                }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(state: TaskState, start_ms: u64, end_ms: u64) -> TaskDetails {
        TaskDetails {
            executor: "e".to_owned(),
            state,
            parts: 1,
            start_ms,
            end_ms,
        }
    }

    #[test]
    fn rows_of_all_sources_count() {
        let operator = |depth, rows| OperatorDetails {
            depth,
            name: String::new(),
            text: String::new(),
            rows,
            compute_us: None,
            spilled_bytes: 0,
        };
        let join = [
            operator(0, Some(1)),
            operator(1, Some(5)),
            operator(2, Some(7)),
            operator(1, Some(9)),
        ];
        assert_eq!(rows_in(&join), Some(16));
        assert_eq!(rows_in(&[operator(0, None)]), None);
        assert_eq!(rows_in(&[]), Some(0));
    }

    #[test]
    fn skew_is_seen_in_the_times_of_tasks() {
        let mut tasks: Vec<TaskDetails> = [300, 100, 200, 9_000]
            .into_iter()
            .map(|took| task(TaskState::Done, 1_000, 1_000 + took))
            .collect();
        tasks.push(task(TaskState::Running, 1_000, 0));
        tasks.push(task(TaskState::Failed, 1_000, 99_000));
        let stage = StageDetails {
            stage: 1,
            state: StageState::Running,
            waiting_parts: 2,
            tasks,
            operators: Vec::new(),
        };
        let seconds = quartiles(&stage, 5_000).map(|time| time.unwrap().as_millis());
        assert_eq!(seconds, [100, 200, 300, 4_000, 9_000]);
        assert_eq!(
            task_count(&stage),
            "4 done, 1 running, 1 failed, 2 parts wait"
        );
        let empty = StageDetails {
            tasks: Vec::new(),
            ..stage
        };
        assert_eq!(quartiles(&empty, 0), [None; 5]);
    }
}
