//! Messages as JSON, in the same form for `submit-job --output json` and for the
//! scheduler's HTTP API. Names are those of `jobs.proto`. Times are milliseconds
//! since the Unix epoch, or null when the moment has not come yet. States are given
//! by their names.
//!
//! What the HTTP API answers is a type here, from which its OpenAPI document is made;
//! what only `submit-job` prints is put together in place.

mod errors;
mod jobs;
mod names;

use serde::Serialize;
use serde_json::{Value, json};

pub use errors::{Diagnostic, ErrorSummary, JobError, Span};
pub use jobs::{DatasetProgress, DatasetResult, InputStats, Job, JobSummary, Progress};
pub use names::{DatasetPhase, ErrorKind, JobState, Severity};

use crate::v1::{
    self, JobPlan, LogLine, PlannedInput, PlannedRelation, PlannedStep, QueryAnswer, QueryColumn,
    QueryRow, QueryValue, ServerInfoResponse,
};

/// A job with its datasets; `error` is null unless the job ended without success.
#[must_use]
pub fn job(job: &v1::Job) -> Value {
    to_value(&Job::from(job))
}

/// One line of a list of jobs: a job without datasets, inputs and progress.
#[must_use]
pub fn job_summary(job: &v1::Job) -> Value {
    to_value(&JobSummary::from(job))
}

/// An error; `exit_code` is the exit code of `submit-job`.
#[must_use]
pub fn job_error(error: &v1::JobError) -> Value {
    to_value(&JobError::from(error))
}

/// A job's plan.
#[must_use]
pub fn job_plan(plan: &JobPlan) -> Value {
    json!({
        "relations": json_list(&plan.relations, planned_relation),
        "inputs": json_list(&plan.inputs, planned_input),
        "steps": json_list(&plan.steps, planned_step),
        "warnings": to_value(&errors::diagnostics(&plan.warnings)),
    })
}

/// The rows of a query. Values are numbers and booleans where JSON has them exactly,
/// otherwise texts.
#[must_use]
pub fn query_answer(answer: &QueryAnswer) -> Value {
    let columns = &answer.columns;
    let value = |(column, value): (&QueryColumn, &QueryValue)| match &value.text {
        Some(text) => typed_value(&column.r#type, text),
        None => Value::Null,
    };
    let row = |row: &QueryRow| Value::Array(columns.iter().zip(&row.values).map(value).collect());
    json!({
        "columns": json_list(columns, |column| json!({"name": column.name, "type": column.r#type})),
        "rows": json_list(&answer.rows, row),
        "is_cut_off": answer.is_cut_off,
        "cut": answer.cut,
    })
}

/// Whether a type of SQL is one of numbers.
#[must_use]
pub fn is_number(sql_type: &str) -> bool {
    let name = sql_type.split('(').next().unwrap_or_default();
    matches!(
        name,
        "TINYINT" | "SMALLINT" | "INT" | "BIGINT" | "FLOAT" | "DOUBLE" | "DECIMAL"
    )
}

/// Decimals stay texts: a number of JSON may lose digits. So does `NaN`, which is none.
fn typed_value(sql_type: &str, text: &str) -> Value {
    let is_exact = sql_type == "BOOLEAN" || is_number(sql_type) && !sql_type.starts_with("DECIMAL");
    let typed = is_exact.then(|| serde_json::from_str(text).ok()).flatten();
    typed.unwrap_or_else(|| Value::from(text))
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

/// No type of this module fails to be a value: all names are texts.
fn to_value<T: Serialize>(shape: &T) -> Value {
    serde_json::to_value(shape).unwrap_or_default()
}

fn optional_time(ms: i64) -> Option<i64> {
    (ms > 0).then_some(ms)
}

fn optional_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
