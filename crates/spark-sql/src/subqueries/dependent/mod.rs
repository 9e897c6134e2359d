//! Correlated subqueries that the optimizer cannot make a join of, or would make a wrong
//! one of: correlated by an inequality or an expression, below a set operation, a
//! window, a limit or an outer join, through several levels, or outside of WHERE.
//!
//! The subquery is computed once for each combination of values that it reads of the
//! outer query, its *domain*, and then joined with the outer query's rows by them:
//!
//! ```text
//! SELECT (SELECT max(u.v) FROM u WHERE u.k < t.k) FROM t
//!
//! SELECT r.m FROM t LEFT JOIN
//!   (SELECT d.k, max(u.v) AS m
//!    FROM (SELECT DISTINCT k FROM t) d LEFT JOIN u ON u.k < d.k GROUP BY d.k) r
//!   ON t.k <=> r.k
//! ```
//!
//! Subqueries are rewritten from the inside to the outside, so that one which refers to
//! a query further outside makes the query around it refer to that.

mod domain;
mod joins;
mod limited_rows;
mod moved_columns;
mod outer_values;
mod push_down;
mod read_once;
mod simple_joins;
mod source;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType, Result, internal_err, plan_err};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Filter, Join, LogicalPlan, Projection, Subquery, lit,
};

use self::domain::{DependentRows, Domain, FreshNames, join_by_keys};
use self::moved_columns::name_moved_columns;
pub(crate) use self::outer_values::lateral_subquery;
use self::outer_values::{OuterValue, find_outer_values, outer_column, reads_through};
use self::push_down::DependentJoin;
use self::read_once::AggregateOfFilter;
use self::simple_joins::{SubqueryUse, becomes_join};
use self::source::is_simple;
use super::membership::to_outer;

pub(super) use self::domain::is_domain;

/// Makes joins of the correlated subqueries of `plan` that the optimizer does not take.
pub(super) fn join_dependent_subqueries(plan: LogicalPlan) -> Result<LogicalPlan> {
    let names = FreshNames::default();
    let joined = plan.transform_up_with_subqueries(|node| join_node(node, &names))?;
    // Those that are left.
    let named = joined
        .data
        .transform_up_with_subqueries(|node| name_moved_columns(node, &names))?;
    Ok(named.data)
}

fn join_node(plan: LogicalPlan, names: &FreshNames) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(filter) => join_in_filter(filter, names),
        LogicalPlan::Projection(projection) => join_in_projection(projection, names),
        LogicalPlan::Join(join) => join_lateral(join, names),
        LogicalPlan::Subquery(subquery) => list_outer_columns(subquery),
        other => Ok(Transformed::no(other)),
    }
}

/// What a subquery reads has changed when a subquery inside of it has become a join.
fn list_outer_columns(subquery: Subquery) -> Result<Transformed<LogicalPlan>> {
    let outer_ref_columns = find_outer_values(&subquery.subquery)?;
    let is_new = outer_ref_columns.is_empty() != subquery.outer_ref_columns.is_empty();
    let subquery = LogicalPlan::Subquery(Subquery {
        outer_ref_columns,
        ..subquery
    });
    Ok(Transformed::new_transformed(subquery, is_new))
}

fn join_in_filter(filter: Filter, names: &FreshNames) -> Result<Transformed<LogicalPlan>> {
    if !holds_dependent(&filter.predicate, &filter.input)? {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let outputs = filter.input.schema().columns();
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for condition in split_conjunction_owned(filter.predicate) {
        // What fails for no row may come first, and leaves fewer rows to join.
        let comes_first = above.is_empty() || is_simple(&condition, filter.input.schema());
        if comes_first && !holds_dependent(&condition, &filter.input)? {
            below.push(condition);
        } else {
            above.push(condition);
        }
    }
    let mut input = Arc::unwrap_or_clone(filter.input);
    if let Some(condition) = conjunction(below) {
        input = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(input))?);
    }
    let mut joins = SubqueryJoins::new(input, names);
    let conditions = above.into_iter().map(|condition| joins.join_in(condition));
    let conditions = conditions.collect::<Result<Vec<_>>>()?;
    let mut plan = joins.plan;
    if let Some(condition) = conjunction(conditions) {
        plan = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?);
    }
    let outputs = outputs.into_iter().map(Expr::Column).collect();
    let plan = Projection::try_new(outputs, Arc::new(plan))?;
    Ok(Transformed::yes(LogicalPlan::Projection(plan)))
}

fn join_in_projection(
    projection: Projection,
    names: &FreshNames,
) -> Result<Transformed<LogicalPlan>> {
    let mut is_dependent = false;
    for expr in &projection.expr {
        is_dependent |= holds_dependent(expr, &projection.input)?;
    }
    if !is_dependent {
        return Ok(Transformed::no(LogicalPlan::Projection(projection)));
    }
    let mut joins = SubqueryJoins::new(projection.input.as_ref().clone(), names);
    let saved = NamePreserver::new_for_projection();
    let mut exprs = Vec::with_capacity(projection.expr.len());
    for expr in projection.expr {
        let name = saved.save(&expr);
        exprs.push(name.restore(joins.join_in(expr)?));
    }
    let plan = Projection::try_new(exprs, Arc::new(joins.plan))?;
    Ok(Transformed::yes(LogicalPlan::Projection(plan)))
}

/// Joins the left side with the rows of a lateral subquery for it.
fn join_lateral(join: Join, names: &FreshNames) -> Result<Transformed<LogicalPlan>> {
    let Some(subquery) = lateral_subquery(&join.right) else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let subquery = Arc::clone(&subquery.subquery);
    if becomes_join(&subquery, join.left.schema(), SubqueryUse::Relation)? {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return plan_err!(
            "a {} JOIN cannot be LATERAL: write JOIN LATERAL or LEFT JOIN LATERAL",
            join.join_type
        );
    }
    let outputs = join
        .schema
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let values = read_values(&join.left, &subquery)?;
    let joinable = JoinableRows::compute(&join.left, &subquery, values, names)?;
    let Some(JoinableRows { rows, mut keys }) = joinable else {
        return refuse_reading_twice();
    };
    let named = join.right.schema().columns().into_iter();
    let columns = subquery.schema().columns().into_iter().zip(named);
    let columns = columns
        .map(|(column, named)| Expr::Column(column).alias_qualified(named.relation, named.name));
    let right = push_down::project_with(rows.plan, columns.collect(), &rows.columns)?;
    keys.extend(join.on);
    let condition = match join.filter {
        None if keys.is_empty() && join.join_type == JoinType::Left => Some(lit(true)),
        condition => condition,
    };
    let left = Arc::unwrap_or_clone(join.left);
    let plan = join_by_keys(left, right, join.join_type, keys, condition)?;
    let plan = Projection::try_new(outputs, Arc::new(plan))?;
    Ok(Transformed::yes(LogicalPlan::Projection(plan)))
}

/// A subquery in an expression, and what it is for.
fn subquery_in(expr: &Expr) -> Option<(&Subquery, SubqueryUse)> {
    match expr {
        Expr::ScalarSubquery(subquery) => Some((subquery, SubqueryUse::Value)),
        Expr::Exists(Exists { subquery, .. }) | Expr::InSubquery(InSubquery { subquery, .. }) => {
            Some((subquery, SubqueryUse::Test))
        }
        _ => None,
    }
}

/// Whether an expression holds a subquery that is joined here.
fn holds_dependent(expr: &Expr, input: &LogicalPlan) -> Result<bool> {
    expr.exists(|expr| is_dependent(expr, input))
}

fn is_dependent(expr: &Expr, input: &LogicalPlan) -> Result<bool> {
    match subquery_in(expr) {
        Some((subquery, used_as)) => {
            Ok(!becomes_join(&subquery.subquery, input.schema(), used_as)?)
        }
        None => Ok(false),
    }
}

/// A plan to which the values of subqueries are joined.
struct SubqueryJoins<'a> {
    plan: LogicalPlan,
    names: &'a FreshNames,
    /// Subqueries and the expressions that have taken their places.
    joined: Vec<(Expr, Expr)>,
}

impl<'a> SubqueryJoins<'a> {
    fn new(plan: LogicalPlan, names: &'a FreshNames) -> Self {
        Self {
            plan,
            names,
            joined: Vec::new(),
        }
    }

    /// Joins the subqueries of an expression, which then reads their values.
    fn join_in(&mut self, expr: Expr) -> Result<Expr> {
        expr.transform_up(|expr| {
            if !is_dependent(&expr, &self.plan)? {
                return Ok(Transformed::no(expr));
            }
            let known = self.joined.iter().find(|(subquery, _)| *subquery == expr);
            if let Some((_, value)) = known {
                return Ok(Transformed::yes(value.clone()));
            }
            let value = self.join_subquery(expr.clone())?;
            self.joined.push((expr, value.clone()));
            Ok(Transformed::yes(value))
        })
        .map(|joined| joined.data)
    }

    fn join_subquery(&mut self, expr: Expr) -> Result<Expr> {
        match expr {
            Expr::ScalarSubquery(subquery) => self.join_value(&subquery.subquery),
            Expr::Exists(Exists { subquery, negated }) => {
                self.join_test(&subquery.subquery, negated)
            }
            Expr::InSubquery(InSubquery {
                expr,
                subquery,
                negated: false,
            }) => {
                let plan = self.require_equal(*expr, &subquery.subquery)?;
                self.join_test(&plan, false)
            }
            other => internal_err!("{other} is no subquery"),
        }
    }

    /// The value of a subquery that has one column and at most one row.
    fn join_value(&mut self, subquery: &LogicalPlan) -> Result<Expr> {
        let values = read_values(&self.plan, subquery)?;
        let Some(value) = subquery.schema().columns().into_iter().next() else {
            return internal_err!("a scalar subquery has no column");
        };
        let name = self.names.make_name("value");
        let computed = JoinableRows::compute(&self.plan, subquery, values.clone(), self.names)?;
        match computed {
            Some(JoinableRows { rows, keys }) => {
                let value = Expr::Column(value).alias(&name);
                let right = push_down::project_with(rows.plan, vec![value], &rows.columns)?;
                self.join_rows(right, keys)?;
            }
            None => {
                let Some(form) = AggregateOfFilter::find(subquery)? else {
                    return refuse_reading_twice();
                };
                self.plan = form.join_rows(self.plan.clone(), &values, &name, self.names)?;
            }
        }
        Ok(Expr::Column(Column::new_unqualified(name)))
    }

    /// Whether a subquery has rows.
    fn join_test(&mut self, subquery: &LogicalPlan, negated: bool) -> Result<Expr> {
        let values = read_values(&self.plan, subquery)?;
        let computed = JoinableRows::compute(&self.plan, subquery, values, self.names)?;
        let Some(JoinableRows { rows, keys }) = computed else {
            return self.compare_count(subquery, negated);
        };
        let name = self.names.make_name("found");
        let found = lit(true).alias(&name);
        let right = push_down::project_with(rows.plan, vec![found], &rows.columns)?;
        let right = LogicalPlan::Distinct(Distinct::All(Arc::new(right)));
        self.join_rows(right, keys)?;
        let found = Expr::Column(Column::new_unqualified(name));
        Ok(if negated {
            found.is_null()
        } else {
            found.is_not_null()
        })
    }

    /// Whether a subquery has rows, by their number.
    fn compare_count(&mut self, subquery: &LogicalPlan, negated: bool) -> Result<Expr> {
        let count = count_udaf().call(vec![lit(1_i64)]);
        let count = Aggregate::try_new(Arc::new(subquery.clone()), Vec::new(), vec![count])?;
        let count = self.join_value(&LogicalPlan::Aggregate(count))?;
        Ok(if negated {
            count.eq(lit(0_i64))
        } else {
            count.gt(lit(0_i64))
        })
    }

    /// The rows of a subquery whose value is that of an expression of the outer query.
    fn require_equal(&self, expr: Expr, subquery: &LogicalPlan) -> Result<LogicalPlan> {
        let Some(value) = subquery.schema().columns().into_iter().next() else {
            return internal_err!("a subquery has no column");
        };
        let outer = to_outer(expr, std::slice::from_ref(&self.plan))?;
        let name = self.names.make_name("value");
        let value = Expr::Column(value).alias(&name);
        let values = Projection::try_new(vec![value], Arc::new(subquery.clone()))?;
        let equal = Expr::Column(Column::new_unqualified(name)).eq(outer);
        let filter = Filter::try_new(equal, Arc::new(LogicalPlan::Projection(values)))?;
        Ok(LogicalPlan::Filter(filter))
    }

    fn join_rows(&mut self, right: LogicalPlan, keys: Vec<(Expr, Expr)>) -> Result<()> {
        let condition = keys.is_empty().then(|| lit(true));
        let plan = self.plan.clone();
        self.plan = join_by_keys(plan, right, JoinType::Left, keys, condition)?;
        Ok(())
    }
}

/// The rows of a subquery for each combination of what it reads of an outer query.
struct JoinableRows {
    rows: DependentRows,
    /// What joins them with the outer query; without keys, they are for all of its rows.
    keys: Vec<(Expr, Expr)>,
}

impl JoinableRows {
    /// The rows of a subquery that reads `values`, if the outer query can be read twice.
    fn compute(
        outer: &LogicalPlan,
        subquery: &LogicalPlan,
        values: Vec<OuterValue>,
        names: &FreshNames,
    ) -> Result<Option<Self>> {
        if values.is_empty() {
            let rows = DependentRows {
                plan: subquery.clone(),
                columns: Vec::new(),
            };
            let keys = Vec::new();
            return Ok(Some(Self { rows, keys }));
        }
        let Some(domain) = Domain::new(outer, subquery, values, names)? else {
            return Ok(None);
        };
        let domain = &domain;
        let rows = DependentJoin { domain, names }.push_into(subquery)?;
        let keys = domain.join_keys(&rows.columns)?;
        Ok(Some(Self { rows, keys }))
    }
}

/// What a subquery reads of `outer`; the rest belongs to queries further outside.
fn read_values(outer: &LogicalPlan, subquery: &LogicalPlan) -> Result<Vec<OuterValue>> {
    if reads_through(subquery)? {
        return plan_err!(
            "a subquery inside of a correlated subquery cannot be turned into a join: write it as a \
             join in FROM"
        );
    }
    let mut values = Vec::new();
    for value in find_outer_values(subquery)? {
        let column = outer_column(&value);
        if column.is_some_and(|column| outer.schema().maybe_index_of_column(column).is_some()) {
            values.push(OuterValue::new(value, outer.schema())?);
        }
    }
    Ok(values)
}

fn refuse_reading_twice<T>() -> Result<T> {
    plan_err!(
        "this correlated subquery needs the outer query's rows twice, and they may be others the \
         second time (because of a function that depends on the order of rows, or of one such as rand): \
         write the outer query as a dataset of its own, and read that"
    )
}

#[cfg(test)]
mod tests;
