//! Messages as JSON, in the same form for `submit-job --output json` and for the
//! scheduler's HTTP API. Names are those of `jobs.proto`. Times are milliseconds
//! since the Unix epoch, or null when the moment has not come yet. States are given
//! by their names.

use serde_json::{Value, json};

use crate::v1::{
    DatasetProgress, DatasetResult, Diagnostic, InputStats, Job, JobError, JobPlan, LogLine,
    PlannedInput, PlannedRelation, PlannedStep, Progress, ServerInfoResponse,
};

/// A job with its datasets; `error` is null unless the job ended without success.
#[must_use]
pub fn job(job: &Job) -> Value {
    json!({
        "job_id": job.job_id,
        "submission_id": job.submission_id,
        "name": job.name,
        "file_name": job.file_name,
        "state": job.state().name(),
        "submitted_ms": optional_time(job.submitted_ms),
        "started_ms": optional_time(job.started_ms),
        "ended_ms": optional_time(job.ended_ms),
        "timeout_ms": (job.timeout_ms > 0).then_some(job.timeout_ms),
        "user": job.user,
        "params": sluice_secrets::redact_values(&job.params),
        "datasets": json_list(&job.datasets, dataset_result),
        "inputs": json_list(&job.inputs, input_stats),
        "warnings": json_list(&job.warnings, diagnostic),
        "progress": job.progress.as_ref().map(job_progress),
        "error": job.reason.as_ref().map(job_error),
    })
}

/// One line of a list of jobs: a job without datasets, inputs and progress.
#[must_use]
pub fn job_summary(job: &Job) -> Value {
    json!({
        "job_id": job.job_id,
        "submission_id": job.submission_id,
        "name": job.name,
        "state": job.state().name(),
        "submitted_ms": optional_time(job.submitted_ms),
        "started_ms": optional_time(job.started_ms),
        "ended_ms": optional_time(job.ended_ms),
        "user": job.user,
        "error": job.reason.as_ref().map(|reason| json!({
            "kind": reason.kind().name(),
            "message": reason.message,
        })),
    })
}

/// An error; `exit_code` is the exit code of `submit-job`.
#[must_use]
pub fn job_error(error: &JobError) -> Value {
    json!({
        "kind": error.kind().name(),
        "exit_code": error.kind().exit_code(),
        "message": error.message,
        "next_step": optional_text(&error.next_step),
        "diagnostics": json_list(&error.diagnostics, diagnostic),
    })
}

/// A diagnostic; `span` is null when it concerns the whole file.
#[must_use]
pub fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity().name(),
        "message": diagnostic.message,
        "file": diagnostic.file,
        "span": diagnostic.span.as_ref().map(|span| json!({
            "start_line": span.start_line,
            "start_column": span.start_column,
            "end_line": span.end_line,
            "end_column": span.end_column,
        })),
        "label": diagnostic.label,
        "help": diagnostic.help,
        "notes": diagnostic.notes,
        "rendered": diagnostic.rendered,
    })
}

/// The progress of a job.
#[must_use]
pub fn job_progress(progress: &Progress) -> Value {
    json!({
        "datasets_done": progress.datasets_done,
        "datasets_total": progress.datasets_total,
        "stages_done": progress.stages_done,
        "stages_total": progress.stages_total,
        "tasks_done": progress.tasks_done,
        "tasks_running": progress.tasks_running,
        "tasks_total": progress.tasks_total,
        "rows_read": progress.rows_read,
        "bytes_read": progress.bytes_read,
        "rows_written": progress.rows_written,
        "bytes_written": progress.bytes_written,
        "elapsed_ms": progress.elapsed_ms,
        "executors": progress.executors,
        "vcores": progress.vcores,
        "datasets": json_list(&progress.datasets, dataset_progress),
    })
}

/// A job's plan.
#[must_use]
pub fn job_plan(plan: &JobPlan) -> Value {
    json!({
        "relations": json_list(&plan.relations, planned_relation),
        "inputs": json_list(&plan.inputs, planned_input),
        "steps": json_list(&plan.steps, planned_step),
        "warnings": json_list(&plan.warnings, diagnostic),
    })
}

/// The version, engines and executors of a scheduler.
#[must_use]
pub fn server_info(info: &ServerInfoResponse) -> Value {
    json!({
        "version": info.version,
        "engines": info.engines,
        "executors": info.executors,
        "vcores": info.vcores,
        "started_ms": optional_time(info.started_ms),
    })
}

/// One line of a job's log.
#[must_use]
pub fn log_line(line: &LogLine) -> Value {
    json!({
        "at_ms": optional_time(line.at_ms),
        "level": line.level().name(),
        "target": line.target,
        "message": line.message,
    })
}

fn dataset_result(dataset: &DatasetResult) -> Value {
    json!({
        "name": dataset.name,
        "phase": dataset.phase().name(),
        "rows": dataset.rows,
        "files": dataset.files,
        "bytes": dataset.bytes,
        "version": dataset.version,
        "seconds": dataset.seconds,
        "location": dataset.location,
    })
}

fn input_stats(input: &InputStats) -> Value {
    json!({
        "name": input.name,
        "location": input.location,
        "files": input.files,
        "bytes": input.bytes,
        "lines": input.lines,
        "malformed": input.malformed,
        "dropped": input.dropped,
    })
}

fn dataset_progress(dataset: &DatasetProgress) -> Value {
    json!({
        "name": dataset.name,
        "phase": dataset.phase().name(),
        "tasks_done": dataset.tasks_done,
        "tasks_total": dataset.tasks_total,
        "rows": dataset.rows,
    })
}

fn planned_relation(relation: &PlannedRelation) -> Value {
    json!({
        "name": relation.name,
        "kind": relation.kind,
        "depends_on": relation.depends_on,
        "shared": relation.shared,
        "columns": relation.columns.iter().map(|column| json!({
            "name": column.name,
            "type": column.r#type,
            "nullable": column.nullable,
        })).collect::<Vec<_>>(),
    })
}

fn planned_input(input: &PlannedInput) -> Value {
    json!({
        "name": input.name,
        "location": input.location,
        "files": input.files,
        "bytes": input.bytes,
    })
}

fn planned_step(step: &PlannedStep) -> Value {
    json!({
        "name": step.name,
        "kind": step.kind,
        "after": step.after,
        "stages": step.stages,
        "partitions": step.partitions,
        "plan": step.plan,
    })
}

fn json_list<T>(items: &[T], each: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(each).collect())
}

fn optional_time(ms: i64) -> Option<i64> {
    (ms > 0).then_some(ms)
}

fn optional_text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
