//! Correlated subqueries that are one aggregate of all their rows.
//!
//! `(SELECT max(y) FROM b WHERE b.k = a.k)` has a row also where no row of `b` fits.
//! The join that the optimizer makes of `IN` and `EXISTS` has none there, so such
//! subqueries are compared as values instead.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, Subquery, lit, not};

/// Rewrites `IN` and `EXISTS` over such subqueries.
pub(super) fn compare_one_row(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::InSubquery(InSubquery {
            expr,
            subquery,
            negated,
        }) if is_correlated(&subquery) => {
            if is_one_row(&subquery.subquery) {
                let value = Expr::ScalarSubquery(subquery);
                let equal = BinaryExpr::new(expr, Operator::Eq, Box::new(value));
                let equal = Expr::BinaryExpr(equal);
                // Never NULL, as IN over a subquery is in Spark.
                let holds = if negated { not(equal) } else { equal };
                return Ok(Transformed::yes(Expr::IsTrue(Box::new(holds))));
            }
            Ok(Transformed::no(Expr::InSubquery(InSubquery {
                expr,
                subquery,
                negated,
            })))
        }
        Expr::Exists(Exists { subquery, negated }) if is_correlated(&subquery) => {
            if is_one_row(&subquery.subquery) {
                return Ok(Transformed::yes(lit(!negated)));
            }
            Ok(Transformed::no(Expr::Exists(Exists { subquery, negated })))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn is_correlated(subquery: &Subquery) -> bool {
    !subquery.outer_ref_columns.is_empty()
}

/// Whether a plan has exactly one row, because it aggregates without keys.
pub(super) fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => is_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_one_row(&alias.input),
        LogicalPlan::Sort(sort) => is_one_row(&sort.input),
        _ => false,
    }
}
