//! Subqueries with Spark's meaning.
//!
//! DataFusion 55 turns subqueries into joins, and loses their meaning in places:
//!
//! - a scalar subquery with several rows multiplies the rows of the outer query
//!   (apache/datafusion#16134): [`scalar`] makes it an error;
//! - `IN` and `NOT IN` with NULLs are wrong when the subquery is correlated, when
//!   they are part of a larger condition, and when they are values
//!   (apache/datafusion#25347, #25340, #8241, #25473): [`membership`] writes them
//!   with `EXISTS`;
//! - a correlated aggregate loses its row where no row fits ([`one_row`]);
//! - a correlated subquery with an order or a limit is not planned: [`limits`] numbers
//!   its rows;
//! - subqueries outside of `WHERE` and the select list are not planned at all:
//!   [`placement`] moves them there;
//! - correlation by anything but equality, below most operators, and through several
//!   levels is not planned, or planned wrongly: [`dependent`] makes joins of it.
//!
//! All of it is one analyzer rule that runs before types are coerced. It leaves a
//! plan that it has already rewritten unchanged.

mod dependent;
mod limits;
mod membership;
mod one_row;
mod placement;
mod scalar;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SubqueryAlias};
use datafusion::optimizer::AnalyzerRule;

pub(crate) use dependent::lateral_subquery;
pub(crate) use scalar::{first_two_udaf, only_value_udf};

/// Whether an analyzed plan is the values of an outer query for which a correlated
/// subquery is computed. Which rows the query has does not depend on it.
#[must_use]
pub fn is_outer_domain(plan: &LogicalPlan) -> bool {
    dependent::is_domain(plan)
}

/// The rule of this module; it comes before DataFusion's own.
#[derive(Debug, Default)]
pub(crate) struct SubqueryRule;

impl AnalyzerRule for SubqueryRule {
    fn name(&self) -> &str {
        "spark_subqueries"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(rewrite_node)?.data;
        dependent::join_dependent_subqueries(plan)
    }
}

fn rewrite_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::SubqueryAlias(alias) = &plan
        && !matches!(alias.input.as_ref(), LogicalPlan::Subquery(_))
        && !alias.input.all_out_ref_exprs().is_empty()
    {
        return name_columns(alias).map(Transformed::yes);
    }
    let limited = limits::number_limited_rows(plan)?;
    if limited.transformed {
        return Ok(limited);
    }
    let plan = limited.data;
    let (plan, lifted) = placement::lift_correlated_conditions(plan)?;
    if !holds_subquery(&plan)? {
        return Ok(Transformed::new_transformed(plan, lifted));
    }
    let names = NamePreserver::new(&plan);
    let inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
    let is_filter = matches!(plan, LogicalPlan::Filter(_));
    let plan = plan.map_expressions(|expr| {
        let saved = names.save(&expr);
        let expr = expr.transform_up(one_row::compare_one_row)?.data;
        let expr = if is_filter {
            membership::rewrite_condition(expr, &inputs)?
        } else {
            membership::rewrite_value(expr, &inputs)?
        };
        let expr = expr.transform_up(scalar::require_one_row)?.data;
        Ok(Transformed::yes(saved.restore(expr)))
    })?;
    let plan = placement::place_subqueries(plan.data)?;
    plan.recompute_schema().map(Transformed::yes)
}

/// The projection that an alias is. The optimizer adds columns to what is below a
/// correlated alias without telling the alias, and then panics.
fn name_columns(alias: &SubqueryAlias) -> Result<LogicalPlan> {
    let input = alias.input.as_ref().clone();
    let columns: Vec<Expr> = input
        .schema()
        .columns()
        .into_iter()
        .zip(alias.schema.columns())
        .map(|(column, named)| Expr::Column(column).alias_qualified(named.relation, named.name))
        .collect();
    LogicalPlanBuilder::from(input).project(columns)?.build()
}

/// Whether an expression of this node holds a subquery.
fn holds_subquery(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(|expr| {
        found |= has_subquery(expr)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn has_subquery(expr: &Expr) -> Result<bool> {
    expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
        ))
    })
}

#[cfg(test)]
mod tests;
