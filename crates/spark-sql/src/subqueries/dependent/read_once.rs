//! Subqueries of an outer query that must not be read twice (see `source`).
//!
//! Its rows are numbered, joined with those that the subquery aggregates, and put
//! together again by their numbers. That holds all columns of the outer query in the
//! aggregation, and is for one form of subqueries only: an aggregate of what a condition
//! chooses.

use std::sync::Arc;

use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, LogicalPlan, Projection, Window, WindowFunctionDefinition,
};

use super::domain::{FreshNames, OUTER, join_plans};
use super::outer_values::{OuterValue, find_outer_values, replace_outer_values};
use super::push_down::{filter_aggregate, mark_rows, refuse_outer_aggregates};
use crate::aggregates::first_value_function;
use crate::ranks::wide_row_number;
use crate::subqueries::has_subquery;

/// The parts of a subquery of that form.
#[derive(Debug)]
pub(super) struct AggregateOfFilter<'a> {
    /// From the top down.
    projections: Vec<&'a Projection>,
    aggregate: &'a Aggregate,
    filtered: FilteredRows<'a>,
}

/// A filter, and a choice of columns above it.
#[derive(Debug)]
pub(super) struct FilteredRows<'a> {
    pub(super) choice: Option<&'a Projection>,
    pub(super) filter: &'a Filter,
}

impl<'a> FilteredRows<'a> {
    /// The filter that `plan` is but for a choice of columns.
    pub(super) fn find(plan: &'a LogicalPlan) -> Result<Option<Self>> {
        let (choice, input) = match plan {
            LogicalPlan::Projection(projection) => (Some(projection), projection.input.as_ref()),
            plan => (None, plan),
        };
        let is_choice = choice.is_none_or(|projection| {
            let mut exprs = projection.expr.iter();
            exprs.all(|expr| matches!(unaliased(expr), Expr::Column(_) | Expr::Literal(..)))
        });
        let LogicalPlan::Filter(filter) = input else {
            return Ok(None);
        };
        let is_plain = is_choice && !has_subquery(&filter.predicate)?;
        Ok(is_plain.then_some(Self { choice, filter }))
    }
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        expr => expr,
    }
}

impl<'a> AggregateOfFilter<'a> {
    pub(super) fn find(subquery: &'a LogicalPlan) -> Result<Option<Self>> {
        let (mut projections, mut node) = (Vec::new(), subquery);
        let aggregate = loop {
            match node {
                LogicalPlan::Projection(projection) => {
                    for expr in &projection.expr {
                        if has_subquery(expr)? {
                            return Ok(None);
                        }
                    }
                    projections.push(projection);
                    node = &projection.input;
                }
                LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
                    break aggregate;
                }
                _ => return Ok(None),
            }
        };
        let Some(filtered) = FilteredRows::find(&aggregate.input)? else {
            return Ok(None);
        };
        let is_only = find_outer_values(&filtered.filter.input)?.is_empty();
        Ok(is_only.then_some(Self {
            projections,
            aggregate,
            filtered,
        }))
    }

    /// The rows of `outer` with the subquery's value in a column called `value`.
    pub(super) fn join_rows(
        &self,
        outer: LogicalPlan,
        values: &[OuterValue],
        value: &str,
        names: &FreshNames,
    ) -> Result<LogicalPlan> {
        refuse_outer_aggregates(self.aggregate)?;
        let columns = outer.schema().columns();
        let numbered = number_rows(outer, values, names)?;
        let value_columns = numbered.columns.get(columns.len()..).unwrap_or_default();
        let replace = |expr: &Expr| replace_outer_values(expr.clone(), values, value_columns);
        let is_matched = names.make_name("matched");
        let filter = self.filtered.filter;
        let inner = mark_rows(filter.input.as_ref().clone(), &is_matched)?;
        let condition = Some(replace(&filter.predicate)?);
        let mut plan = join_plans(numbered.plan, inner, JoinType::Left, condition)?;
        let is_matched = Column::new_unqualified(is_matched);
        if let Some(choice) = self.filtered.choice {
            let mut exprs = choice.expr.clone();
            let kept = numbered
                .columns
                .iter()
                .chain([&numbered.number, &is_matched]);
            exprs.extend(kept.cloned().map(Expr::Column));
            plan = project(plan, exprs)?;
        }
        let saved = NamePreserver::new_for_projection();
        let is_matched = Expr::Column(is_matched);
        let mut aggregates = Vec::new();
        for expr in &self.aggregate.aggr_expr {
            let filtered = filter_aggregate(replace(expr)?.unalias(), &is_matched)?;
            aggregates.push(saved.save(expr).restore(filtered));
        }
        for column in &numbered.columns {
            let first = first_value_function().call(vec![Expr::Column(column.clone())]);
            aggregates.push(first.alias(&column.name));
        }
        let groups = vec![Expr::Column(numbered.number)];
        plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(plan), groups, aggregates)?);
        for projection in self.projections.iter().rev() {
            let mut exprs = Vec::with_capacity(projection.expr.len() + numbered.columns.len());
            for expr in &projection.expr {
                exprs.push(saved.save(expr).restore(replace(expr)?));
            }
            exprs.extend(numbered.columns.iter().cloned().map(Expr::Column));
            plan = project(plan, exprs)?;
        }
        let output = match self.projections.first() {
            Some(projection) => projection.schema.columns(),
            None => self.aggregate.schema.columns(),
        };
        let named = numbered.columns.iter().zip(columns).map(|(column, named)| {
            Expr::Column(column.clone()).alias_qualified(named.relation, named.name)
        });
        let output = output
            .into_iter()
            .map(|column| Expr::Column(column).alias(value));
        project(plan, named.chain(output).collect())
    }
}

/// The rows of an outer query with a number, and under names that its subquery does not
/// have.
struct NumberedRows {
    plan: LogicalPlan,
    /// Its own columns, and then a column for each value that the subquery reads.
    columns: Vec<Column>,
    number: Column,
}

fn number_rows(
    outer: LogicalPlan,
    values: &[OuterValue],
    names: &FreshNames,
) -> Result<NumberedRows> {
    let own = outer.schema().columns().into_iter().map(Expr::Column);
    let exprs = own.chain(values.iter().map(|value| value.outer.clone()));
    let exprs: Vec<Expr> = exprs
        .map(|expr| expr.alias(names.make_name(OUTER)))
        .collect();
    let number = Expr::from(WindowFunction::new(
        WindowFunctionDefinition::WindowUDF(wide_row_number()),
        Vec::new(),
    ));
    let plan = project(outer, exprs)?;
    let columns = plan.schema().columns();
    let numbered = Column::from_name(number.schema_name().to_string());
    let plan = LogicalPlan::Window(Window::try_new(vec![number], Arc::new(plan))?);
    let number = names.make_name("number");
    let mut outputs: Vec<Expr> = columns.iter().cloned().map(Expr::Column).collect();
    outputs.push(Expr::Column(numbered).alias(&number));
    Ok(NumberedRows {
        plan: project(plan, outputs)?,
        columns,
        number: Column::new_unqualified(number),
    })
}

fn project(plan: LogicalPlan, exprs: Vec<Expr>) -> Result<LogicalPlan> {
    Projection::try_new(exprs, Arc::new(plan)).map(LogicalPlan::Projection)
}
