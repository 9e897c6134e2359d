//! `x IN (SELECT …)` with Spark's two values.
//!
//! With `Q` for the subquery and `v` for its column, `x IN Q` is true if a row of
//! `Q` has `v = x`. Standard SQL has NULL where `v` is NULL in another row, or where
//! `x` is NULL; Spark has false there, because it plans both forms as joins that say
//! whether there is such a row. `x NOT IN Q` is true if standard SQL says so, else
//! false. NOT before a larger condition reaches the IN in it, as in Spark.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, internal_err};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit, not,
    when,
};

/// The name of the subquery's column. It has no qualifier: an alias of the whole
/// subquery would keep its columns from being pulled up.
const VALUE: &str = "__in_value";

/// What a set that does not depend on the outer row holds.
const EMPTY: i32 = 0;
const WITHOUT_NULL: i32 = 1;
const WITH_NULL: i32 = 2;

/// Rewrites a condition: an IN that is a part of it is left to the optimizer's semi
/// join.
pub(super) fn rewrite_condition(expr: Expr, inputs: &[LogicalPlan]) -> Result<Expr> {
    match push_not_down(expr)? {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (Operator::And | Operator::Or),
            right,
        }) => Ok(binary(
            rewrite_condition(*left, inputs)?,
            op,
            rewrite_condition(*right, inputs)?,
        )),
        Expr::InSubquery(membership)
            if !membership.negated && !super::has_subquery(&membership.expr)? =>
        {
            Ok(Expr::InSubquery(membership))
        }
        other => rewrite_each(other, inputs),
    }
}

/// Rewrites an expression whose value matters: every IN, and every EXISTS, since
/// outside of conditions neither is planned.
pub(super) fn rewrite_value(expr: Expr, inputs: &[LogicalPlan]) -> Result<Expr> {
    rewrite_each(push_not_down(expr)?, inputs)?
        .transform_up(|expr| match expr {
            Expr::Exists(Exists { subquery, negated }) => {
                let count = count_rows(subquery)?;
                let op = if negated { Operator::Eq } else { Operator::Gt };
                Ok(Transformed::yes(binary(count, op, lit(0_i64))))
            }
            other => Ok(Transformed::no(other)),
        })
        .map(|rewritten| rewritten.data)
}

/// Moves NOT to the subqueries in its condition.
fn push_not_down(expr: Expr) -> Result<Expr> {
    expr.transform_down(|expr| {
        let Expr::Not(inner) = expr else {
            return Ok(Transformed::no(expr));
        };
        if !super::has_subquery(&inner)? {
            return Ok(Transformed::no(Expr::Not(inner)));
        }
        Ok(match *inner {
            Expr::InSubquery(mut membership) => {
                membership.negated = !membership.negated;
                Transformed::yes(Expr::InSubquery(membership))
            }
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: op @ (Operator::And | Operator::Or),
                right,
            }) => {
                let op = match op {
                    Operator::And => Operator::Or,
                    _ => Operator::And,
                };
                Transformed::yes(binary(not(*left), op, not(*right)))
            }
            Expr::Not(inner) => {
                let inner = push_not_down(*inner)?;
                Transformed::new(inner, true, TreeNodeRecursion::Jump)
            }
            other => Transformed::no(not(other)),
        })
    })
    .map(|pushed| pushed.data)
}

fn rewrite_each(expr: Expr, inputs: &[LogicalPlan]) -> Result<Expr> {
    expr.transform_up(|expr| match expr {
        Expr::InSubquery(membership) if !super::has_subquery(&membership.expr)? => {
            let negated = membership.negated;
            let set = NullableSet::new(membership, inputs)?;
            let value = if negated {
                set.holds_not()
            } else {
                set.exists_equal()
            };
            value.map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    })
    .map(|rewritten| rewritten.data)
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// `(SELECT count(*) FROM Q)`.
fn count_rows(subquery: Subquery) -> Result<Expr> {
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
        .aggregate(Vec::<Expr>::new(), [count_udaf().call(vec![lit(1_i64)])])?
        .build()?;
    Ok(Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(plan),
        ..subquery
    }))
}

/// `x IN Q` with its parts.
struct NullableSet {
    /// `x`, for the outer query.
    expr: Expr,
    /// `x`, for the subquery.
    outer: Expr,
    /// `Q` with its column named.
    plan: LogicalPlan,
    subquery: Subquery,
    expr_nullable: bool,
    value_nullable: bool,
}

impl NullableSet {
    fn new(membership: InSubquery, inputs: &[LogicalPlan]) -> Result<Self> {
        let InSubquery { expr, subquery, .. } = membership;
        let expr = *expr;
        let outer = to_outer(expr.clone(), inputs)?;
        let expr_nullable = inputs
            .first()
            .filter(|_| inputs.len() == 1)
            .and_then(|input| expr.nullable(input.schema().as_ref()).ok())
            .unwrap_or(true);
        let plan = subquery.subquery.as_ref().clone();
        let Some(column) = plan.schema().columns().into_iter().next() else {
            return internal_err!("a subquery has no columns");
        };
        let value_nullable = plan.schema().field(0).is_nullable();
        let plan = LogicalPlanBuilder::from(plan)
            .project([Expr::Column(column).alias(VALUE)])?
            .build()?;
        Ok(Self {
            expr,
            outer,
            plan,
            subquery,
            expr_nullable,
            value_nullable,
        })
    }

    fn value() -> Expr {
        Expr::Column(Column::from_name(VALUE))
    }

    fn is_correlated(&self) -> bool {
        !self.subquery.outer_ref_columns.is_empty()
    }

    /// `EXISTS (SELECT … FROM Q WHERE condition)`.
    fn exists(&self, condition: Option<Expr>) -> Result<Expr> {
        let plan = match condition {
            Some(condition) => LogicalPlanBuilder::from(self.plan.clone())
                .filter(condition)?
                .build()?,
            None => self.plan.clone(),
        };
        let outer_ref_columns = plan.all_out_ref_exprs();
        Ok(Expr::Exists(Exists {
            subquery: Subquery {
                subquery: Arc::new(plan),
                outer_ref_columns,
                spans: self.subquery.spans.clone(),
            },
            negated: false,
        }))
    }

    fn exists_equal(&self) -> Result<Expr> {
        self.exists(Some(binary(
            Self::value(),
            Operator::Eq,
            self.outer.clone(),
        )))
    }

    /// What the set holds, as one of the constants above; one row, whatever the
    /// outer row is.
    fn kind(&self) -> Result<Expr> {
        let all = count_udaf().call(vec![lit(1_i64)]);
        let filled = count_udaf().call(vec![Self::value()]);
        let aggregate = LogicalPlanBuilder::from(self.plan.clone())
            .aggregate(
                Vec::<Expr>::new(),
                [all.alias("all_rows"), filled.alias("filled_rows")],
            )?
            .build()?;
        let column = |name: &str| Expr::Column(Column::from_name(name));
        let kind = when(
            binary(column("all_rows"), Operator::Eq, lit(0_i64)),
            lit(EMPTY),
        )
        .when(
            binary(column("all_rows"), Operator::Eq, column("filled_rows")),
            lit(WITHOUT_NULL),
        )
        .otherwise(lit(WITH_NULL))?;
        let plan = LogicalPlanBuilder::from(aggregate)
            .project([kind.alias("kind")])?
            .build()?;
        Ok(Expr::ScalarSubquery(Subquery {
            subquery: Arc::new(plan),
            outer_ref_columns: Vec::new(),
            spans: self.subquery.spans.clone(),
        }))
    }

    fn has_null(&self) -> Result<Expr> {
        if self.is_correlated() {
            self.exists(Some(Expr::IsNull(Box::new(Self::value()))))
        } else {
            Ok(binary(self.kind()?, Operator::Eq, lit(WITH_NULL)))
        }
    }

    fn has_rows(&self) -> Result<Expr> {
        if self.is_correlated() {
            self.exists(None)
        } else {
            Ok(binary(self.kind()?, Operator::NotEq, lit(EMPTY)))
        }
    }

    /// Whether `x NOT IN Q` is true.
    fn holds_not(&self) -> Result<Expr> {
        let mut condition = not(self.exists_equal()?);
        if self.value_nullable {
            condition = condition.and(not(self.has_null()?));
        }
        if self.expr_nullable {
            let filled = Expr::IsNotNull(Box::new(self.expr.clone()));
            condition = condition.and(filled.or(not(self.has_rows()?)));
        }
        Ok(condition)
    }
}

/// An expression of the outer query as the subquery sees it.
pub(super) fn to_outer(expr: Expr, inputs: &[LogicalPlan]) -> Result<Expr> {
    expr.transform_up(|expr| match expr {
        Expr::Column(column) => {
            let field = inputs.iter().find_map(|input| {
                let schema = input.schema();
                let index = schema.maybe_index_of_column(&column)?;
                Some(Arc::clone(schema.qualified_field(index).1))
            });
            match field {
                Some(field) => Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column))),
                None => internal_err!("no column {column} for IN"),
            }
        }
        other => Ok(Transformed::no(other)),
    })
    .map(|rewritten| rewritten.data)
}
