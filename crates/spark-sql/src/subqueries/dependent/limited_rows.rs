//! A limit in a subquery counts rows for each row of the domain.

use std::sync::Arc;

use datafusion::common::{Column, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, FetchType, Filter, Limit, LogicalPlan, Projection, SkipType, SortExpr,
    Window, WindowFunctionDefinition, lit,
};

use super::domain::DependentRows;
use super::push_down::{DependentJoin, project_with};
use crate::ranks::wide_row_number;

impl DependentJoin<'_> {
    pub(super) fn push_into_limit(self, limit: &Limit) -> Result<DependentRows> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
            (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return plan_err!("the LIMIT of a correlated subquery must be a number");
        };
        let (order, below, projections) = split_order(&limit.input);
        let rows = self.push_into(below)?;
        let columns = rows.columns.iter().cloned().map(Expr::Column);
        let order = match order {
            [] => any_order(below),
            order => self.replace_sort_keys(order, &rows.columns)?,
        };
        let number = Expr::from(WindowFunction::new(
            WindowFunctionDefinition::WindowUDF(wide_row_number()),
            Vec::new(),
        ))
        .partition_by(columns.collect());
        let number = match order.is_empty() {
            true => number.build()?,
            false => number.order_by(order).build()?,
        };
        let of_row = Expr::Column(Column::from_name(number.schema_name().to_string()));
        let bound = |rows: usize| lit(ScalarValue::UInt64(Some(rows as u64)));
        let mut kept = Vec::new();
        if skip > 0 {
            kept.push(of_row.clone().gt(bound(skip)));
        }
        if let Some(fetch) = fetch {
            kept.push(of_row.lt_eq(bound(skip.saturating_add(fetch))));
        }
        let numbered = Window::try_new(vec![number], Arc::new(rows.plan))?;
        let mut plan = LogicalPlan::Window(numbered);
        if let Some(kept) = conjunction(kept) {
            plan = LogicalPlan::Filter(Filter::try_new(kept, Arc::new(plan))?);
        }
        let outputs = below.schema().columns().into_iter().map(Expr::Column);
        let mut rows = DependentRows {
            plan: project_with(plan, outputs.collect(), &rows.columns)?,
            columns: rows.columns,
        };
        for projection in projections.iter().rev() {
            rows = self.project(rows, &projection.expr)?;
        }
        Ok(rows)
    }
}

/// An order for rows that have none, so that the same ones are kept every time.
fn any_order(rows: &LogicalPlan) -> Vec<SortExpr> {
    let columns = rows.schema().iter();
    let simple = columns.filter(|(_, field)| !field.data_type().is_nested());
    simple
        .map(|(relation, field)| {
            Expr::Column(Column::new(relation.cloned(), field.name())).sort(true, true)
        })
        .collect()
}

/// The order of a limit's rows, what is sorted, and the projections above that, from
/// the limit down.
fn split_order(input: &LogicalPlan) -> (&[SortExpr], &LogicalPlan, Vec<&Projection>) {
    let mut projections = Vec::new();
    let mut node = input;
    loop {
        match node {
            LogicalPlan::Projection(projection) => {
                projections.push(projection);
                node = &projection.input;
            }
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
                return (&sort.expr, &sort.input, projections);
            }
            _ => return (&[], input, Vec::new()),
        }
    }
}
