//! Which correlated subqueries the optimizer makes the right joins of.
//!
//! DataFusion takes the correlated conditions out of a subquery and makes them those of
//! a join, which costs less than a join with the domain. This moves a condition above
//! the operators between: aggregates then group by the column that it compares, and
//! everything else has to give the same rows as before. What is not known to is none
//! of the optimizer's.

use datafusion::common::{DFSchema, JoinType, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, ExprSchemable, FetchType, Filter, Join, Limit,
    LogicalPlan, Operator, SkipType,
};

use super::outer_values::{find_outer_values, outer_column, reads_through};
use crate::subqueries::has_subquery;

/// What a subquery is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubqueryUse {
    Value,
    /// Whether it has rows.
    Test,
    /// Its rows, next to those of the outer query.
    Relation,
}

/// Aggregates of which the optimizer knows what they give for no rows.
const KNOWN_WHEN_EMPTY: &[&str] = &[
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "first_two",
    "first_value",
    "last_value",
    "max",
    "max_by",
    "min",
    "min_by",
    "sum",
];

/// What stands above an operator, in its subquery.
#[derive(Debug, Clone, Copy, Default)]
struct Above {
    /// Rows are counted or compared, so that a condition must be the equality that
    /// they are grouped by.
    groups: bool,
    /// Something else than a projection.
    others: bool,
    /// A join, whose columns are fixed.
    joins: bool,
}

/// Whether the optimizer makes the right join of a subquery of a query with the
/// columns of `outer`, or the subquery refers to no other query.
pub(super) fn becomes_join(
    plan: &LogicalPlan,
    outer: &DFSchema,
    used_as: SubqueryUse,
) -> Result<bool> {
    let values = find_outer_values(plan)?;
    if values.is_empty() {
        return Ok(true);
    }
    let are_known = values.iter().all(|value| {
        outer_column(value).is_some_and(|column| outer.maybe_index_of_column(column).is_some())
    });
    Ok(are_known && !reads_through(plan)? && used_as.moves_conditions(plan, Above::default())?)
}

impl SubqueryUse {
    /// Whether the conditions below `plan` can be moved above it.
    fn moves_conditions(self, plan: &LogicalPlan, above: Above) -> Result<bool> {
        if find_outer_values(plan)?.is_empty() {
            return Ok(true);
        }
        let above_input = Above {
            others: true,
            ..above
        };
        match plan {
            LogicalPlan::Projection(projection) => {
                let is_free = !above.joins && !read_outer(&projection.expr);
                Ok(is_free && self.moves_conditions(&projection.input, above)?)
            }
            LogicalPlan::Filter(filter) => {
                let moves = conditions_move(filter, above)?;
                Ok(moves && self.moves_conditions(&filter.input, above_input)?)
            }
            LogicalPlan::Aggregate(aggregate) => self.moves_over_aggregate(aggregate, above),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let above_input = Above {
                    groups: above.groups || self != Self::Test,
                    ..above_input
                };
                Ok(!above.joins && self.moves_conditions(input, above_input)?)
            }
            LogicalPlan::Limit(limit) => {
                let has_effect = self != Self::Test || above.others || !keeps_a_row(limit)?;
                Ok(!has_effect && self.moves_conditions(&limit.input, above_input)?)
            }
            LogicalPlan::Join(join) => {
                let above_input = Above {
                    joins: true,
                    ..above_input
                };
                self.moves_over_join(join, above_input)
            }
            _ => Ok(false),
        }
    }

    fn moves_over_aggregate(self, aggregate: &Aggregate, above: Above) -> Result<bool> {
        let mut groups = aggregate.group_expr.iter();
        let has_sets = groups.any(|group| matches!(group, Expr::GroupingSet(_)));
        let exprs = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
        if above.joins || has_sets || read_outer(exprs) {
            return Ok(false);
        }
        // Its row where there are none to aggregate is made up above the join.
        let is_total = aggregate.group_expr.is_empty();
        let is_known = aggregate.aggr_expr.iter().all(is_known_when_empty);
        if is_total && (above.others || self == Self::Test || !is_known) {
            return Ok(false);
        }
        let only_distinct = aggregate.aggr_expr.is_empty() && self == Self::Test;
        let above_input = Above {
            groups: above.groups || !only_distinct,
            others: true,
            ..above
        };
        self.moves_conditions(&aggregate.input, above_input)
    }

    /// A side that is filled up with NULL, or whose rows are not seen, must not depend
    /// on the outer query.
    fn moves_over_join(self, join: &Join, above: Above) -> Result<bool> {
        let keys = join.on.iter().flat_map(|(left, right)| [left, right]);
        if read_outer(keys.chain(&join.filter)) {
            return Ok(false);
        }
        let (left, right) = match join.join_type {
            JoinType::Inner => (true, true),
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => (true, false),
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => (false, true),
            JoinType::Full | JoinType::LeftMark | JoinType::RightMark => (false, false),
        };
        for (side, may_depend) in [(&join.left, left), (&join.right, right)] {
            let depends = !find_outer_values(side)?.is_empty();
            if depends && !(may_depend && self.moves_conditions(side, above)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn read_outer<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> bool {
    exprs.into_iter().any(Expr::contains_outer)
}

fn conditions_move(filter: &Filter, above: Above) -> Result<bool> {
    for condition in split_conjunction(&filter.predicate) {
        if !condition.contains_outer() {
            continue;
        }
        let is_key = is_key_equality(condition, filter.input.schema());
        if has_subquery(condition)? || (above.groups && !is_key) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a condition says that a column is a value of the outer query, in the
/// column's own type: equal values are one group then.
fn is_key_equality(condition: &Expr, schema: &DFSchema) -> bool {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = condition
    else {
        return false;
    };
    let (column, outer) = match (left.as_ref(), right.as_ref()) {
        (Expr::Column(_), outer) => (left, outer),
        (outer, Expr::Column(_)) => (right, outer),
        _ => return false,
    };
    let types = (column.get_type(schema), outer.get_type(schema));
    let (Ok(column), Ok(value)) = types else {
        return false;
    };
    let is_exact = (column == value || (column.is_integer() && value.is_integer()))
        && !column.is_floating()
        && !column.is_nested();
    is_exact && matches!(outer, Expr::OuterReferenceColumn(..))
}

fn is_known_when_empty(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_known_when_empty(&alias.expr),
        Expr::AggregateFunction(AggregateFunction { func, .. }) => {
            KNOWN_WHEN_EMPTY.contains(&func.name())
        }
        _ => false,
    }
}

/// Whether a limit leaves a row where there is one.
fn keeps_a_row(limit: &Limit) -> Result<bool> {
    Ok(matches!(
        (limit.get_skip_type()?, limit.get_fetch_type()?),
        (SkipType::Literal(0), FetchType::Literal(fetch)) if fetch != Some(0)
    ))
}
