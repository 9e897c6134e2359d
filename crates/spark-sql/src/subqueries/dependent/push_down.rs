//! Moves the join with the domain down into a subquery, until nothing of it refers to
//! the outer query any more (Neumann and Kemper, "Unnesting Arbitrary Queries").
//!
//! Each operator gives the rows that it would give for each row of the domain, next to
//! the columns of the domain: aggregates and windows compute by them, joins compare
//! them, and a limit counts for each of them.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType, Result, plan_err};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Filter, LogicalPlan, Projection, Sort, SortExpr, SubqueryAlias,
    Union, Unnest, Window, lit,
};

use super::domain::{DependentRows, Domain, FreshNames, join_plans};
use super::outer_values::{find_outer_values, replace_outer_values};
use super::read_once::FilteredRows;

/// The join of a domain with a subquery that depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct DependentJoin<'a> {
    pub(super) domain: &'a Domain<'a>,
    pub(super) names: &'a FreshNames,
}

impl DependentJoin<'_> {
    /// The rows of `plan` for each row of the domain.
    pub(super) fn push_into(self, plan: &LogicalPlan) -> Result<DependentRows> {
        if !self.is_dependent(plan)? {
            return self.domain.combine_with(plan);
        }
        match plan {
            LogicalPlan::Projection(projection) => {
                let rows = self.push_into(&projection.input)?;
                self.project(rows, &projection.expr)
            }
            LogicalPlan::SubqueryAlias(alias) => self.push_into_alias(alias),
            LogicalPlan::Filter(filter) => self.push_into_filter(filter),
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
                self.push_into_total(aggregate)
            }
            LogicalPlan::Aggregate(aggregate) => self.push_into_groups(aggregate),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let rows = self.push_into(input)?;
                let plan = LogicalPlan::Distinct(Distinct::All(Arc::new(rows.plan)));
                Ok(DependentRows { plan, ..rows })
            }
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
                let rows = self.push_into(&sort.input)?;
                let plan = LogicalPlan::Sort(Sort {
                    expr: self.replace_sort_keys(&sort.expr, &rows.columns)?,
                    input: Arc::new(rows.plan),
                    fetch: None,
                });
                Ok(DependentRows { plan, ..rows })
            }
            LogicalPlan::Limit(limit) => self.push_into_limit(limit),
            LogicalPlan::Window(window) => self.push_into_window(window),
            LogicalPlan::Union(union) => self.push_into_union(union),
            LogicalPlan::Join(join) => self.push_into_join(join),
            LogicalPlan::Unnest(unnest) => {
                let rows = self.push_into(&unnest.input)?;
                let plan = Unnest::try_new(
                    Arc::new(rows.plan),
                    unnest.exec_columns.clone(),
                    unnest.options.clone(),
                )?;
                Ok(DependentRows {
                    plan: LogicalPlan::Unnest(plan),
                    columns: rows.columns,
                })
            }
            other => plan_err!(
                "a subquery cannot refer to the outer query in {}: compute the value in the outer \
                 query's FROM, and refer to it in the subquery's WHERE",
                other.display()
            ),
        }
    }

    /// Whether a plan refers to the domain.
    pub(super) fn is_dependent(self, plan: &LogicalPlan) -> Result<bool> {
        let found = find_outer_values(plan)?;
        let values = &self.domain.values;
        Ok(found
            .iter()
            .any(|expr| values.iter().any(|value| value.inner == *expr)))
    }

    /// An expression of the subquery over the columns of the domain.
    pub(super) fn replace(self, expr: Expr, columns: &[Column]) -> Result<Expr> {
        replace_outer_values(expr, &self.domain.values, columns)
    }

    fn replace_each(self, exprs: &[Expr], columns: &[Column]) -> Result<Vec<Expr>> {
        let exprs = exprs.iter();
        exprs
            .map(|expr| self.replace_named(expr, columns))
            .collect()
    }

    /// The same, under the name that it had.
    fn replace_named(self, expr: &Expr, columns: &[Column]) -> Result<Expr> {
        let name = NamePreserver::new_for_projection().save(expr);
        let replaced = self.replace(expr.clone(), columns)?;
        Ok(name.restore(replaced))
    }

    pub(super) fn replace_sort_keys(
        self,
        keys: &[SortExpr],
        columns: &[Column],
    ) -> Result<Vec<SortExpr>> {
        keys.iter()
            .map(|key| Ok(key.with_expr(self.replace(key.expr.clone(), columns)?)))
            .collect()
    }

    /// A projection of rows to expressions of the subquery.
    pub(super) fn project(self, rows: DependentRows, exprs: &[Expr]) -> Result<DependentRows> {
        let replaced = self.replace_each(exprs, &rows.columns)?;
        let plan = project_with(rows.plan, replaced, &rows.columns)?;
        Ok(DependentRows {
            plan,
            columns: rows.columns,
        })
    }

    fn push_into_alias(self, alias: &SubqueryAlias) -> Result<DependentRows> {
        let rows = self.push_into(&alias.input)?;
        let columns = alias.input.schema().columns().into_iter();
        let named = columns.zip(alias.schema.columns()).map(|(column, named)| {
            Expr::Column(column).alias_qualified(named.relation, named.name)
        });
        let plan = project_with(rows.plan, named.collect(), &rows.columns)?;
        Ok(DependentRows {
            plan,
            columns: rows.columns,
        })
    }

    fn push_into_filter(self, filter: &Filter) -> Result<DependentRows> {
        let rows = self.push_into(&filter.input)?;
        let condition = self.replace(filter.predicate.clone(), &rows.columns)?;
        let plan = Filter::try_new(condition, Arc::new(rows.plan))?;
        Ok(DependentRows {
            plan: LogicalPlan::Filter(plan),
            columns: rows.columns,
        })
    }

    fn push_into_groups(self, aggregate: &Aggregate) -> Result<DependentRows> {
        refuse_outer_aggregates(aggregate)?;
        let rows = self.push_into(&aggregate.input)?;
        let mut groups = Vec::with_capacity(aggregate.group_expr.len() + rows.columns.len());
        for group in &aggregate.group_expr {
            groups.push(match group {
                // Its parts keep their names.
                Expr::GroupingSet(_) => self.replace_in_grouping_set(group, &rows.columns)?,
                group => self.replace_named(group, &rows.columns)?,
            });
        }
        groups.extend(rows.columns.iter().cloned().map(Expr::Column));
        let aggregates = self.replace_each(&aggregate.aggr_expr, &rows.columns)?;
        let plan = Aggregate::try_new(Arc::new(rows.plan), groups, aggregates)?;
        Ok(DependentRows {
            plan: LogicalPlan::Aggregate(plan),
            columns: rows.columns,
        })
    }

    fn replace_in_grouping_set(self, set: &Expr, columns: &[Column]) -> Result<Expr> {
        set.clone()
            .map_children(|expr| Ok(Transformed::yes(self.replace_named(&expr, columns)?)))
            .map(|replaced| replaced.data)
    }

    /// An aggregate without groups has a row also where there are no rows to
    /// aggregate. So each row of the domain is joined with those that belong to it,
    /// or with none, which no aggregate takes into account.
    fn push_into_total(self, aggregate: &Aggregate) -> Result<DependentRows> {
        refuse_outer_aggregates(aggregate)?;
        let is_matched = self.names.make_name("matched");
        let rows = self.join_outer(&aggregate.input, &is_matched)?;
        let is_matched = Expr::Column(Column::new_unqualified(is_matched));
        let names = NamePreserver::new_for_projection();
        let mut aggregates = Vec::with_capacity(aggregate.aggr_expr.len());
        for expr in &aggregate.aggr_expr {
            let name = names.save(expr);
            let replaced = self.replace(expr.clone(), &rows.columns)?;
            aggregates.push(name.restore(filter_aggregate(replaced.unalias(), &is_matched)?));
        }
        let groups = rows.columns.iter().cloned().map(Expr::Column).collect();
        let plan = Aggregate::try_new(Arc::new(rows.plan), groups, aggregates)?;
        Ok(DependentRows {
            plan: LogicalPlan::Aggregate(plan),
            columns: rows.columns,
        })
    }

    /// Each row of the domain with the rows of `plan` for it, or with NULL; the column
    /// `is_matched` is true or NULL.
    fn join_outer(self, plan: &LogicalPlan, is_matched: &str) -> Result<DependentRows> {
        if let Some(FilteredRows { choice, filter }) = FilteredRows::find(plan)?
            && !self.is_dependent(&filter.input)?
        {
            // Only this condition depends on the domain: it is the join's.
            let domain = self.domain.read_rows()?;
            let condition = self.replace(filter.predicate.clone(), &domain.columns)?;
            let inner = mark_rows(filter.input.as_ref().clone(), is_matched)?;
            let joined = join_plans(domain.plan, inner, JoinType::Left, Some(condition))?;
            let rows = DependentRows {
                plan: joined,
                columns: domain.columns,
            };
            let Some(choice) = choice else {
                return Ok(rows);
            };
            let mut exprs = choice.expr.clone();
            exprs.push(Expr::Column(Column::new_unqualified(is_matched)));
            return self.project(rows, &exprs);
        }
        if !self.is_dependent(plan)? {
            let domain = self.domain.read_rows()?;
            let inner = mark_rows(plan.clone(), is_matched)?;
            let plan = join_plans(domain.plan, inner, JoinType::Left, Some(lit(true)))?;
            let columns = domain.columns;
            return Ok(DependentRows { plan, columns });
        }
        let inner = self.push_into(plan)?;
        let domain = self.domain.read_rows()?;
        let condition = self
            .domain
            .equate_columns(&domain.columns, &inner.columns)?;
        let condition = Some(conjunction(condition).unwrap_or_else(|| lit(true)));
        let right = mark_rows(inner.plan, is_matched)?;
        let plan = join_plans(domain.plan, right, JoinType::Left, condition)?;
        Ok(DependentRows {
            plan,
            columns: domain.columns,
        })
    }

    /// Windows are computed for each row of the domain.
    fn push_into_window(self, window: &Window) -> Result<DependentRows> {
        let rows = self.push_into(&window.input)?;
        let mut functions = Vec::with_capacity(window.window_expr.len());
        let inputs = window.input.schema().columns();
        let mut outputs: Vec<Expr> = inputs.into_iter().map(Expr::Column).collect();
        for expr in &window.window_expr {
            let (relation, name) = expr.qualified_name();
            let replaced = self.replace(expr.clone(), &rows.columns)?.unalias();
            let Expr::WindowFunction(function) = replaced else {
                return plan_err!("{name} is not a window function");
            };
            let WindowFunction { fun, mut params } = *function;
            let columns = rows.columns.iter().cloned().map(Expr::Column);
            params.partition_by.extend(columns);
            let function = Expr::from(WindowFunction { fun, params });
            let computed = Column::from_name(function.schema_name().to_string());
            outputs.push(Expr::Column(computed).alias_qualified(relation, name));
            functions.push(function);
        }
        let plan = LogicalPlan::Window(Window::try_new(functions, Arc::new(rows.plan))?);
        let plan = project_with(plan, outputs, &rows.columns)?;
        Ok(DependentRows {
            plan,
            columns: rows.columns,
        })
    }

    fn push_into_union(self, union: &Union) -> Result<DependentRows> {
        let columns = union.schema.columns();
        let names = columns.iter().map(|_| self.names.make_name("column"));
        let names: Vec<String> = names.collect();
        let mut inputs = Vec::with_capacity(union.inputs.len());
        let mut domain_columns = Vec::new();
        for input in &union.inputs {
            let rows = self.push_into(input)?;
            if domain_columns.is_empty() {
                domain_columns.clone_from(&rows.columns);
            }
            let own = input.schema().columns().into_iter().zip(&names);
            let own = own.map(|(column, name)| Expr::Column(column).alias(name));
            let domain = rows.columns.into_iter().zip(&domain_columns);
            let domain = domain.map(|(column, named)| Expr::Column(column).alias(&named.name));
            let plan = Projection::try_new(own.chain(domain).collect(), Arc::new(rows.plan))?;
            inputs.push(Arc::new(LogicalPlan::Projection(plan)));
        }
        let plan = LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?);
        let outputs = columns.into_iter().zip(names).map(|(column, name)| {
            let own = Expr::Column(Column::new_unqualified(name));
            own.alias_qualified(column.relation, column.name)
        });
        let plan = project_with(plan, outputs.collect(), &domain_columns)?;
        Ok(DependentRows {
            plan,
            columns: domain_columns,
        })
    }
}

/// A projection to `exprs` and the columns of the domain.
pub(super) fn project_with(
    plan: LogicalPlan,
    mut exprs: Vec<Expr>,
    columns: &[Column],
) -> Result<LogicalPlan> {
    exprs.extend(columns.iter().cloned().map(Expr::Column));
    Projection::try_new(exprs, Arc::new(plan)).map(LogicalPlan::Projection)
}

/// An aggregate of columns of the outer query alone is one of the outer query's rows in
/// standard SQL, wherever it is written.
pub(super) fn refuse_outer_aggregates(aggregate: &Aggregate) -> Result<()> {
    for expr in &aggregate.aggr_expr {
        if let Expr::AggregateFunction(call) = expr.clone().unalias() {
            let args = &call.params.args;
            let is_outer = args.iter().any(Expr::contains_outer)
                && args.iter().all(|arg| arg.column_refs().is_empty());
            if is_outer {
                return plan_err!(
                    "{expr} in a subquery reads columns of the outer query only: compute it in a query \
                     of its own in FROM"
                );
            }
        }
    }
    Ok(())
}

/// `plan` with a column that is true in each row.
pub(super) fn mark_rows(plan: LogicalPlan, name: &str) -> Result<LogicalPlan> {
    let columns = plan.schema().columns().into_iter().map(Expr::Column);
    let exprs = columns.chain([lit(true).alias(name)]).collect();
    Projection::try_new(exprs, Arc::new(plan)).map(LogicalPlan::Projection)
}

/// An aggregate of the rows in which `is_matched` is not NULL.
pub(super) fn filter_aggregate(expr: Expr, is_matched: &Expr) -> Result<Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, mut params }) = expr else {
        return plan_err!("{expr} is not an aggregate");
    };
    let is_matched = is_matched.clone().is_not_null();
    params.filter = Some(Box::new(match params.filter {
        Some(filter) => is_matched.and(*filter),
        None => is_matched,
    }));
    Ok(Expr::AggregateFunction(AggregateFunction { func, params }))
}
