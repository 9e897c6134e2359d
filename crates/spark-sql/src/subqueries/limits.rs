//! `ORDER BY … LIMIT n` in a correlated subquery: the first rows of each value that the
//! outer query may ask for.
//!
//! DataFusion cannot take a correlated condition out from below a limit. So the rows are
//! numbered among those of the same values, and the limit becomes a condition on their
//! numbers. That is the same where all correlated conditions are equalities.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprFunctionExt, ExprSchemable, FetchType, Filter, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, Projection, SkipType, SortExpr, Subquery,
    WindowFunctionDefinition,
};

use crate::ranks::wide_row_number;

/// Rewrites a limit below which there are correlated conditions.
pub(super) fn number_limited_rows(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let rewritten = match &plan {
        LogicalPlan::Limit(limit) => LimitedRows::find(limit)?
            .map(LimitedRows::number_rows)
            .transpose()?,
        LogicalPlan::Subquery(subquery) => without_order(subquery)?,
        _ => None,
    };
    Ok(match rewritten {
        Some(rewritten) => Transformed::yes(rewritten),
        None => Transformed::no(plan),
    })
}

/// The parts of `SELECT … FROM … WHERE … ORDER BY … LIMIT …`.
struct LimitedRows<'a> {
    /// From the limit down.
    projections: Vec<&'a Projection>,
    /// In terms of the columns that the filter reads.
    order: Vec<SortExpr>,
    filter: &'a Filter,
    /// What the correlated conditions compare with values of the outer query.
    keys: Vec<Expr>,
    skip: usize,
    fetch: usize,
}

impl<'a> LimitedRows<'a> {
    fn find(limit: &'a Limit) -> Result<Option<Self>> {
        if limit.input.all_out_ref_exprs().is_empty() {
            return Ok(None);
        }
        let (Ok(SkipType::Literal(skip)), Ok(FetchType::Literal(Some(fetch)))) =
            (limit.get_skip_type(), limit.get_fetch_type())
        else {
            return Ok(None);
        };
        let (mut projections, mut order) = (Vec::new(), Vec::new());
        let mut node = limit.input.as_ref();
        let filter = loop {
            match node {
                LogicalPlan::Projection(projection) => {
                    order = order
                        .into_iter()
                        .map(|key| replace_columns(key, projection))
                        .collect::<Result<_>>()?;
                    projections.push(projection);
                    node = projection.input.as_ref();
                }
                LogicalPlan::Sort(sort) if order.is_empty() && sort.fetch.is_none() => {
                    order = sort.expr.clone();
                    node = sort.input.as_ref();
                }
                LogicalPlan::Filter(filter) => break filter,
                _ => return Ok(None),
            }
        };
        let keys: Option<Vec<Expr>> = split_conjunction_owned(filter.predicate.clone())
            .iter()
            .filter(|condition| condition.contains_outer())
            .map(|condition| correlated_key(condition, filter.input.schema()))
            .collect();
        Ok(keys.filter(|keys| !keys.is_empty()).map(|keys| Self {
            projections,
            order,
            filter,
            keys,
            skip,
            fetch,
        }))
    }

    fn number_rows(self) -> Result<LogicalPlan> {
        let conditions = split_conjunction_owned(self.filter.predicate.clone());
        let (correlated, own): (Vec<Expr>, Vec<Expr>) = conditions
            .into_iter()
            .partition(|condition| condition.contains_outer());
        let mut rows = LogicalPlanBuilder::from(self.filter.input.as_ref().clone());
        if let Some(own) = conjunction(own) {
            rows = rows.filter(own)?;
        }
        let number = Expr::from(WindowFunction::new(
            WindowFunctionDefinition::WindowUDF(wide_row_number()),
            Vec::new(),
        ))
        .partition_by(self.keys)
        .order_by(self.order)
        .build()?;
        let name = number.schema_name().to_string();
        let of_row = || Expr::Column(Column::from_name(name.clone()));
        let bound = |rows: usize| Expr::Literal(ScalarValue::UInt64(Some(rows as u64)), None);
        let mut kept = correlated;
        if self.skip > 0 {
            kept.push(of_row().gt(bound(self.skip)));
        }
        kept.push(of_row().lt_eq(bound(self.skip.saturating_add(self.fetch))));
        rows = rows.window([number])?;
        if let Some(kept) = conjunction(kept) {
            rows = rows.filter(kept)?;
        }
        for projection in self.projections.iter().rev() {
            rows = rows.project(projection.expr.clone())?;
        }
        rows.build()
    }
}

/// A sort key over the columns of a projection, over those that the projection reads.
fn replace_columns(key: SortExpr, projection: &Projection) -> Result<SortExpr> {
    let columns = projection.schema.columns();
    let replaced = key.expr.transform_up(|expr| {
        let Expr::Column(column) = &expr else {
            return Ok(Transformed::no(expr));
        };
        let named = columns
            .iter()
            .zip(&projection.expr)
            .find(|(known, _)| known.relation == column.relation && known.name == column.name);
        Ok(match named {
            Some((_, value)) => Transformed::yes(value.clone().unalias()),
            None => Transformed::no(expr),
        })
    })?;
    Ok(SortExpr {
        expr: replaced.data,
        ..key
    })
}

/// What is compared with a value of the outer query, by equality in one type.
fn correlated_key(condition: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = condition
    else {
        return None;
    };
    let (inner, outer) = match (left.contains_outer(), right.contains_outer()) {
        (false, true) => (left, right),
        (true, false) => (right, left),
        _ => return None,
    };
    let (inner_type, outer_type) = (inner.get_type(schema).ok()?, outer.get_type(schema).ok()?);
    let is_key = inner_type == outer_type && outer.column_refs().is_empty();
    is_key.then(|| inner.as_ref().clone())
}

/// A correlated subquery whose rows have no order: it would keep a condition from being
/// taken out, and nothing sees it.
fn without_order(subquery: &Subquery) -> Result<Option<LogicalPlan>> {
    if subquery.subquery.all_out_ref_exprs().is_empty() {
        return Ok(None);
    }
    let Some(plan) = drop_sort(&subquery.subquery)? else {
        return Ok(None);
    };
    Ok(Some(LogicalPlan::Subquery(Subquery {
        subquery: plan.into(),
        ..subquery.clone()
    })))
}

fn drop_sort(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    Ok(match plan {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => Some(sort.input.as_ref().clone()),
        LogicalPlan::Projection(projection) => match drop_sort(&projection.input)? {
            Some(input) => Some(
                LogicalPlanBuilder::from(input)
                    .project(projection.expr.clone())?
                    .build()?,
            ),
            None => None,
        },
        _ => None,
    })
}
