//! Rewrites the expressions of a whole plan.

use datafusion::common::tree_node::{Transformed, TreeNodeContainer};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{grouping_set_to_exprlist, merge_schema};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Operator};

/// The groups of an aggregate in the order of its columns, which come first: of several
/// that are the same there is one column. Of grouping sets these are all their groups.
#[must_use]
pub fn group_columns(aggregate: &Aggregate) -> Vec<&Expr> {
    // It fails only for sets next to other groups, which no aggregate has.
    let groups = grouping_set_to_exprlist(&aggregate.group_expr);
    groups.unwrap_or_else(|_| aggregate.group_expr.iter().collect())
}

/// Applies `rewrite` to the expressions of `plan` and of its subqueries, bottom
/// up, with the columns that they can name. Output columns keep their names.
pub(crate) fn rewrite_expressions(
    plan: LogicalPlan,
    rewrite: &dyn Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| rewrite_node(node, rewrite))?;
    Ok(rewritten.data)
}

/// Applies `rewrite` to the expressions of one node.
pub(crate) fn rewrite_node(
    node: LogicalPlan,
    rewrite: &dyn Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    if matches!(node, LogicalPlan::TableScan(_)) {
        return Ok(Transformed::no(node));
    }
    let schema = merge_schema(&node.inputs());
    let names = NamePreserver::new(&node);
    let node = node.map_expressions(|expr| {
        // The columns of grouping sets are inside them.
        if let Expr::GroupingSet(sets) = expr {
            return rewrite_grouping_sets(sets, &schema, rewrite);
        }
        let name = names.save(&expr);
        Ok(rewrite(expr, &schema)?.update_data(|expr| name.restore(expr)))
    })?;
    if node.transformed {
        node.map_data(LogicalPlan::recompute_schema)
    } else {
        Ok(node)
    }
}

fn rewrite_grouping_sets(
    sets: GroupingSet,
    schema: &DFSchema,
    rewrite: &dyn Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<Transformed<Expr>> {
    let names = NamePreserver::new_for_projection();
    let rewrite_key = |expr: Expr| {
        let name = names.save(&expr);
        Ok(rewrite(expr, schema)?.update_data(|expr| name.restore(expr)))
    };
    let sets = match sets {
        GroupingSet::Rollup(keys) => keys
            .map_elements(rewrite_key)?
            .update_data(GroupingSet::Rollup),
        GroupingSet::Cube(keys) => keys
            .map_elements(rewrite_key)?
            .update_data(GroupingSet::Cube),
        GroupingSet::GroupingSets(sets) => sets
            .map_elements(rewrite_key)?
            .update_data(GroupingSet::GroupingSets),
    };
    Ok(sets.update_data(Expr::GroupingSet))
}

/// Whether the operator compares its operands.
pub(crate) const fn compares(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}
