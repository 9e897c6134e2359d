//! Conditions are evaluated before the expressions that they guard.
//!
//! DataFusion moves a projection below the filter that it reads when the projection has
//! fewer columns, also when it computes some of them: `SELECT i, b * c AS x FROM t WHERE
//! i = 1` would multiply in all rows, and fail where a row that the filter leaves out has
//! no result. Here such a projection goes back above the filter, where it also computes
//! fewer rows.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr, try_embed_projection};

/// Runs after each rule that moves projections.
#[derive(Debug)]
pub(super) struct FiltersFirstRule;

impl PhysicalOptimizerRule for FiltersFirstRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(filter_first).data()
    }

    fn name(&self) -> &'static str {
        "filters_first"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn filter_first(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(filter) = node.downcast_ref::<FilterExec>() else {
        return Ok(Transformed::no(node));
    };
    let Some(projection) = filter.input().downcast_ref::<ProjectionExec>() else {
        return Ok(Transformed::no(node));
    };
    let computes = |item: &ProjectionExpr| {
        let is_plain = item.expr.downcast_ref::<Column>().is_some()
            || item.expr.downcast_ref::<Literal>().is_some();
        !is_plain
    };
    if !projection.expr().iter().any(computes) {
        return Ok(Transformed::no(node));
    }
    let Some(predicate) = below_projection(filter.predicate(), projection.expr())? else {
        return Ok(Transformed::no(node));
    };
    let items: Vec<ProjectionExpr> = match filter.projection().as_deref() {
        Some(kept) => {
            let item = |at: &usize| projection.expr().get(*at).cloned();
            kept.iter().filter_map(item).collect()
        }
        None => projection.expr().to_vec(),
    };
    let filtered = FilterExecBuilder::from(filter)
        .apply_projection(None)?
        .with_input(Arc::clone(projection.input()))
        .with_predicate(predicate)
        .build()?;
    let computed = ProjectionExec::try_new(items, Arc::new(filtered.clone()))?;
    // The filter gives only the columns that are needed above it.
    Ok(Transformed::yes(
        match try_embed_projection(&computed, &filtered)? {
            Some(embedded) => embedded,
            None => Arc::new(computed),
        },
    ))
}

/// `predicate` over the rows that the projection reads; `None` where it needs what the
/// projection computes.
fn below_projection(
    predicate: &Arc<dyn PhysicalExpr>,
    items: &[ProjectionExpr],
) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let mut needs_computed = false;
    let moved = Arc::clone(predicate).transform_down(|expr| {
        let Some(column) = expr.downcast_ref::<Column>() else {
            return Ok(Transformed::no(expr));
        };
        match items.get(column.index()) {
            Some(item) if item.expr.downcast_ref::<Column>().is_some() => {
                Ok(Transformed::yes(Arc::clone(&item.expr)))
            }
            _ => {
                needs_computed = true;
                Ok(Transformed::no(expr))
            }
        }
    })?;
    Ok((!needs_computed).then_some(moved.data))
}
