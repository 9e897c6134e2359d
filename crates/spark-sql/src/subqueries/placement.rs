//! Moves subqueries to where they can be planned: to filters and projections.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, plan_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Sort};

use super::{has_subquery, holds_subquery};

/// Rewrites a node that holds subqueries.
pub(super) fn place_subqueries(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Filter(_) | LogicalPlan::Projection(_) => Ok(plan),
        LogicalPlan::Join(mut join) => {
            if join.join_type != JoinType::Inner {
                return plan_err!(
                    "a subquery in the ON of an outer, semi or anti join is not supported: compute it in \
                     the select list of a subquery in FROM"
                );
            }
            let Some(filter) = join.filter.take() else {
                return Ok(LogicalPlan::Join(join));
            };
            let mut kept = Vec::new();
            let mut moved = Vec::new();
            for part in split_conjunction_owned(filter) {
                if has_subquery(&part)? {
                    moved.push(part);
                } else {
                    kept.push(part);
                }
            }
            join.filter = conjunction(kept);
            let plan = LogicalPlanBuilder::from(LogicalPlan::Join(join));
            match conjunction(moved) {
                Some(condition) => plan.filter(condition)?.build(),
                None => plan.build(),
            }
        }
        LogicalPlan::Sort(sort) => {
            let columns = sort.input.schema().columns();
            let plan = LogicalPlan::Sort(Sort {
                expr: sort.expr,
                input: sort.input,
                fetch: sort.fetch,
            });
            let sorted = compute_below(plan)?;
            LogicalPlanBuilder::from(sorted)
                .project(columns.into_iter().map(Expr::Column))?
                .build()
        }
        LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) => compute_below(plan),
        other => Ok(other),
    }
}

/// Moves the conditions of an inner join's ON that refer to an outer query to a
/// filter: the optimizer pulls them up from filters only. Also gives whether there
/// are such.
pub(super) fn lift_correlated_conditions(plan: LogicalPlan) -> Result<(LogicalPlan, bool)> {
    let LogicalPlan::Join(mut join) = plan else {
        return Ok((plan, false));
    };
    let is_correlated = join.filter.as_ref().is_some_and(Expr::contains_outer);
    if !is_correlated || join.join_type != JoinType::Inner {
        return Ok((LogicalPlan::Join(join), false));
    }
    let conditions = join.filter.take().map(split_conjunction_owned);
    let (lifted, kept): (Vec<Expr>, Vec<Expr>) = conditions
        .unwrap_or_default()
        .into_iter()
        .partition(Expr::contains_outer);
    join.filter = conjunction(kept);
    let mut plan = LogicalPlanBuilder::from(LogicalPlan::Join(join));
    if let Some(condition) = conjunction(lifted) {
        plan = plan.filter(condition)?;
    }
    Ok((plan.build()?, true))
}

/// Computes the subqueries of a node with one input in a projection below it.
fn compute_below(plan: LogicalPlan) -> Result<LogicalPlan> {
    let Some(input) = plan.inputs().first().map(|input| (*input).clone()) else {
        return Ok(plan);
    };
    let mut computed: Vec<Expr> = Vec::new();
    // The columns of a sort are those of its input, whatever it sorts by.
    let names = match &plan {
        LogicalPlan::Sort(_) => None,
        plan => Some(NamePreserver::new(plan)),
    };
    let plan = plan
        .map_expressions(|expr| {
            let saved = names.as_ref().map(|names| names.save(&expr));
            let expr = expr.transform_down(|expr| match expr {
                Expr::ScalarSubquery(_) => {
                    let at = match computed.iter().position(|known| *known == expr) {
                        Some(at) => at,
                        None => {
                            computed.push(expr);
                            computed.len() - 1
                        }
                    };
                    let column = Expr::Column(Column::from_name(name_of(at)));
                    Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(match saved {
                Some(saved) if expr.transformed => Transformed::yes(saved.restore(expr.data)),
                _ => expr,
            })
        })?
        .data;
    if computed.is_empty() {
        return Ok(plan);
    }
    let columns = input.schema().columns().into_iter().map(Expr::Column);
    let computed = computed
        .into_iter()
        .enumerate()
        .map(|(at, expr)| expr.alias(name_of(at)));
    let below = LogicalPlanBuilder::from(input)
        .project(columns.chain(computed).collect::<Vec<_>>())?
        .build()?;
    let exprs = plan.expressions();
    debug_assert!(!holds_subquery(&plan).unwrap_or(true));
    let below = Arc::new(below);
    match plan {
        LogicalPlan::Sort(sort) => Ok(LogicalPlan::Sort(Sort {
            input: below,
            ..sort
        })),
        plan => plan.with_new_exprs(exprs, vec![Arc::unwrap_or_clone(below)]),
    }
}

fn name_of(at: usize) -> String {
    format!("__subquery_{at}")
}
