//! The types of columns of an outer query in its subqueries.
//!
//! A subquery repeats the type of each such column. When a rule changes types below the
//! outer query, the subquery would compare values of a type that they no longer have.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Subquery};

use crate::subqueries::lateral_subquery;

/// Gives the columns of outer queries the types that they have there.
pub(crate) fn update_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut has_outer_columns = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            has_outer_columns |= expr.contains_outer();
            Ok(match has_outer_columns {
                true => TreeNodeRecursion::Stop,
                false => TreeNodeRecursion::Continue,
            })
        })
    })?;
    match has_outer_columns {
        true => update_plan(plan, &[]),
        false => Ok(plan),
    }
}

/// `outer`: the schemas of the queries around the plan, the innermost last.
fn update_plan(plan: LogicalPlan, outer: &[DFSchemaRef]) -> Result<LogicalPlan> {
    let plan = match plan {
        LogicalPlan::Join(join) if lateral_subquery(&join.right).is_some() => {
            update_lateral(join, outer)?
        }
        LogicalPlan::Subquery(subquery) => LogicalPlan::Subquery(update_subquery(subquery, outer)?),
        plan => {
            plan.map_children(|child| update_plan(child, outer).map(Transformed::yes))?
                .data
        }
    };
    let mut around: Vec<DFSchemaRef> = outer.to_vec();
    around.extend(plan.inputs().iter().map(|input| Arc::clone(input.schema())));
    let plan = plan
        .map_expressions(|expr| expr.transform_up(|expr| update_expr(expr, outer, &around)))?
        .data;
    plan.recompute_schema()
}

/// The right side of a lateral join sees the columns of the left one.
fn update_lateral(join: Join, outer: &[DFSchemaRef]) -> Result<LogicalPlan> {
    let left = update_plan(Arc::unwrap_or_clone(join.left), outer)?;
    let mut around: Vec<DFSchemaRef> = outer.to_vec();
    around.push(Arc::clone(left.schema()));
    let right = update_plan(Arc::unwrap_or_clone(join.right), &around)?;
    Ok(LogicalPlan::Join(Join {
        left: Arc::new(left),
        right: Arc::new(right),
        ..join
    }))
}

fn update_expr(
    expr: Expr,
    outer: &[DFSchemaRef],
    around: &[DFSchemaRef],
) -> Result<Transformed<Expr>> {
    let update = |subquery: Subquery| update_subquery(subquery, around);
    Ok(Transformed::yes(match expr {
        Expr::OuterReferenceColumn(field, column) => {
            let mut schemas = outer.iter().rev();
            let found = schemas.find_map(|schema| {
                let index = schema.maybe_index_of_column(&column)?;
                Some(Arc::clone(schema.qualified_field(index).1))
            });
            Expr::OuterReferenceColumn(found.unwrap_or(field), column)
        }
        Expr::ScalarSubquery(subquery) => Expr::ScalarSubquery(update(subquery)?),
        Expr::Exists(exists) => Expr::Exists(Exists {
            subquery: update(exists.subquery)?,
            ..exists
        }),
        Expr::InSubquery(membership) => Expr::InSubquery(InSubquery {
            subquery: update(membership.subquery)?,
            ..membership
        }),
        Expr::SetComparison(comparison) => Expr::SetComparison(SetComparison {
            subquery: update(comparison.subquery)?,
            ..comparison
        }),
        other => return Ok(Transformed::no(other)),
    }))
}

fn update_subquery(subquery: Subquery, around: &[DFSchemaRef]) -> Result<Subquery> {
    let plan = update_plan(subquery.subquery.as_ref().clone(), around)?;
    Ok(Subquery {
        outer_ref_columns: plan.all_out_ref_exprs(),
        subquery: Arc::new(plan),
        ..subquery
    })
}
