//! Leaves that hold constants, as tables in memory.
//!
//! A task of a cluster gets the leaves of a plan with its own partitions only.
//! Ballista can slice file scans, shuffle readers and tables in memory. A
//! placeholder row or an empty relation is left whole or replaced, a limit on a
//! table in memory is lost (datafusion-ballista #2184), and an empty relation
//! of several partitions loses their number.

use std::sync::Arc;

use datafusion::arrow::array::new_null_array;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// Replaces constant leaves by tables in memory that hold exactly their rows.
#[derive(Debug)]
pub(super) struct ConstantLeavesRule;

impl PhysicalOptimizerRule for ConstantLeavesRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match as_memory_table(&node)? {
                Some(table) => Transformed::yes(table),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "constant_leaves"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn as_memory_table(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let partitions = node.output_partitioning().partition_count();
    if node.is::<EmptyExec>() {
        let empty = vec![Vec::new(); partitions];
        return memory_table(&empty, node.schema()).map(Some);
    }
    if node.is::<PlaceholderRowExec>() {
        let row = null_row(&node.schema())?;
        let schema = row.schema();
        return memory_table(&vec![vec![row]; partitions], schema).map(Some);
    }
    let Some(source) = memory_source(node.as_ref()) else {
        return Ok(None);
    };
    let is_plain = source.fetch().is_none() && source.projection().is_none();
    if is_plain || !source.sort_information().is_empty() {
        return Ok(None);
    }
    let rows = source
        .partitions()
        .iter()
        .map(|batches| {
            first_rows(
                batches,
                source.projection().as_deref(),
                source.fetch().unwrap_or(usize::MAX),
            )
        })
        .collect::<Result<Vec<_>>>()?;
    memory_table(&rows, node.schema()).map(Some)
}

fn memory_source(node: &dyn ExecutionPlan) -> Option<&MemorySourceConfig> {
    let source = node
        .downcast_ref::<DataSourceExec>()?
        .data_source()
        .as_ref();
    (source as &dyn std::any::Any).downcast_ref::<MemorySourceConfig>()
}

fn memory_table(
    partitions: &[Vec<RecordBatch>],
    schema: SchemaRef,
) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(MemorySourceConfig::try_new_exec(partitions, schema, None)?)
}

/// One row without values. No expression reads them.
fn null_row(schema: &Schema) -> Result<RecordBatch> {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    let columns = fields
        .iter()
        .map(|field| new_null_array(field.data_type(), 1))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    Ok(RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        columns,
        &options,
    )?)
}

fn first_rows(
    batches: &[RecordBatch],
    projection: Option<&[usize]>,
    mut count: usize,
) -> Result<Vec<RecordBatch>> {
    let mut rows = Vec::new();
    for batch in batches {
        if count == 0 {
            break;
        }
        let batch = batch.slice(0, batch.num_rows().min(count));
        count -= batch.num_rows();
        rows.push(match projection {
            Some(columns) => batch.project(columns)?,
            None => batch,
        });
    }
    Ok(rows)
}
