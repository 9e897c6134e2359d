//! What our file scans have in common, whatever the file format.

mod projection;
mod source;

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

pub(crate) use projection::ColumnProjection;
pub(crate) use source::{ColumnFormat, ColumnSource, PartitionScan};

/// The scan of a table without files, because a file scan must have at least one
/// file.
pub(crate) fn empty_scan(
    table: &SchemaRef,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = match projection {
        Some(indices) => Arc::new(table.project(indices)?),
        None => Arc::clone(table),
    };
    Ok(Arc::new(EmptyExec::new(schema)))
}
