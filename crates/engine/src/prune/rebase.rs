//! Puts other tables under an existing plan.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::logical_expr::logical_plan::{TableScan, TableScanBuilder};
use datafusion::logical_expr::{LogicalPlan, TableSource};

/// Replaces the sources of table scans, and updates the schemas of all nodes
/// above.
///
/// `source` returns the new source of a scan, or `None` to keep it. The new source
/// must have, by name, every column that the scan projects. Nested types may be
/// narrower, as long as the plan reads none of the removed fields.
///
/// # Errors
/// When a projected column is missing from the new source, or an expression
/// no longer fits the types below it.
pub fn rebase_plan(
    plan: LogicalPlan,
    source: &dyn Fn(&TableScan) -> Option<Arc<dyn TableSource>>,
) -> Result<LogicalPlan> {
    let rebased = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::TableScan(scan) => match source(&scan) {
            Some(new) => Ok(Transformed::yes(LogicalPlan::TableScan(replace_source(
                scan, new,
            )?))),
            None => Ok(Transformed::no(LogicalPlan::TableScan(scan))),
        },
        other => Ok(Transformed::yes(other.recompute_schema()?)),
    })?;
    Ok(rebased.data)
}

fn replace_source(scan: TableScan, new: Arc<dyn TableSource>) -> Result<TableScan> {
    let schema = new.schema();
    let projection = scan
        .projected_schema
        .fields()
        .iter()
        .map(|field| {
            schema.index_of(field.name()).map_err(|_| {
                plan_datafusion_err!(
                    "table '{}' no longer has the column '{}'",
                    scan.table_name,
                    field.name()
                )
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let all_in_place = projection.len() == schema.fields().len()
        && projection
            .iter()
            .enumerate()
            .all(|(at, index)| at == *index);
    TableScanBuilder::new(scan.table_name, new)
        .with_projection((!all_in_place || scan.projection.is_some()).then_some(projection))
        .with_filters(scan.filters)
        .with_fetch(scan.fetch)
        .with_statistics_requests(scan.statistics_requests)
        .build()
}
