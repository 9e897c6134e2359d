//! Manifests: what the tasks of a step report to the driver, one line of JSON in
//! each row.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

const COLUMN: &str = "manifest";

/// The column with the lines, Utf8.
pub(crate) fn manifest_field() -> Field {
    Field::new(COLUMN, DataType::Utf8, false)
}

/// The lines of a manifest.
///
/// # Errors
/// When the batch is not a manifest.
pub(crate) fn manifest_lines(batch: &RecordBatch) -> Result<impl Iterator<Item = &str>> {
    let column = batch
        .column_by_name(COLUMN)
        .and_then(|column| column.as_string_opt::<i32>());
    match column {
        Some(column) => Ok(column.iter().flatten()),
        None => Err(DataFusionError::Execution(format!(
            "there is no text column `{COLUMN}`"
        ))),
    }
}

/// Puts all manifest rows into one partition. The task on top reads each
/// writer's rows from one successful attempt only. A writer with one partition
/// needs no task on top.
pub(crate) fn coalesce_manifest(writer: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    if writer.output_partitioning().partition_count() == 1 {
        return writer;
    }
    Arc::new(CoalescePartitionsExec::new(writer))
}
