//! Recursive queries run in one task.
//!
//! Each round of a recursion reads the rows of the round before, from a table that
//! both terms of the query share in memory. A plan that is cut between the terms has
//! no such table. So a recursion and everything that it reads is one node, which has
//! no inputs: nothing cuts, slices or changes what is inside.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::work_table::WorkTableExec;

use super::one_task::OneTaskExec;

/// Puts each recursion into one node. It runs after all other rules, which change
/// what is inside, too.
#[derive(Debug)]
pub(crate) struct RecursionRule;

impl PhysicalOptimizerRule for RecursionRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(read_whole_work_tables).data()?;
        plan.transform_down(|node| {
            if !node.is::<RecursiveQueryExec>() {
                return Ok(Transformed::no(node));
            }
            let one_task: Arc<dyn ExecutionPlan> = Arc::new(OneTaskExec::new(node));
            Ok(Transformed::new(one_task, true, TreeNodeRecursion::Jump))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "recursion"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Moves the choice of columns out of the nodes that read a recursion's table, where
/// an encoding cannot see it.
fn read_whole_work_tables(
    node: Arc<dyn ExecutionPlan>,
) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(recursion) = node.downcast_ref::<RecursiveQueryExec>() else {
        return Ok(Transformed::no(node));
    };
    let columns = recursion.schema();
    let recursive_term = Arc::clone(recursion.recursive_term())
        .transform_up(|inner| match inner.downcast_ref::<WorkTableExec>() {
            Some(table) if table.name() == recursion.name() => {
                read_columns(table, &columns).map(Transformed::yes)
            }
            _ => Ok(Transformed::no(inner)),
        })
        .data()?;
    let recursion = RecursiveQueryExec::try_new(
        recursion.name().to_owned(),
        Arc::clone(&columns),
        Arc::clone(recursion.static_term()),
        recursive_term,
        recursion.is_distinct(),
    )?;
    Ok(Transformed::yes(Arc::new(recursion)))
}

/// The columns of `table`, read from all `columns` of the recursion.
fn read_columns(table: &WorkTableExec, columns: &SchemaRef) -> Result<Arc<dyn ExecutionPlan>> {
    let wanted = table.schema();
    let whole = WorkTableExec::new(table.name().to_owned(), Arc::clone(columns), None)?;
    let whole: Arc<dyn ExecutionPlan> = Arc::new(whole);
    if has_names_of(&wanted, columns) {
        return Ok(whole);
    }
    let chosen = wanted
        .fields()
        .iter()
        .map(|field| -> Result<(Arc<dyn PhysicalExpr>, String)> {
            let column = Column::new_with_schema(field.name(), columns)?;
            Ok((Arc::new(column), field.name().clone()))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(ProjectionExec::try_new(chosen, whole)?))
}

fn has_names_of(one: &Schema, other: &Schema) -> bool {
    let names = |schema: &Schema| -> Vec<String> {
        let fields = schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    };
    names(one) == names(other)
}
