//! Moves filters down, and leaves the conditions that can fail where they are.
//!
//! So do conditions that refer to an outer query. The rules that make joins of
//! subqueries pull them up again, wherever they are: from below an outer join, where
//! they mean something else, and out of derived tables, which do not learn of the
//! columns that are added for them.
//!
//! And so do conditions above an aggregate that has a row also where its input has none:
//! DataFusion takes a condition without columns, such as `3 = 1` for a column that is
//! constant, for one of the keys, of which there are none, and moves it below.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::can_fail::can_fail;
use super::functions::{is_risky, mark_risky};

/// DataFusion's rule, for the conditions that cannot fail.
#[derive(Debug, Default)]
pub(crate) struct GuardedPushDownFilter {
    inner: PushDownFilter,
}

impl OptimizerRule for GuardedPushDownFilter {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.inner.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let filter = match &plan {
            LogicalPlan::Filter(filter) => filter,
            LogicalPlan::Join(join) if join.filter.as_ref().is_some_and(Expr::contains_outer) => {
                return Ok(Transformed::no(plan));
            }
            _ => return self.inner.rewrite(plan, config),
        };
        if has_row_of_nothing(&filter.input) {
            return Ok(Transformed::no(plan));
        }
        let mut stack = FilterStack::collect(filter);
        stack.mark_risky_columns();
        if stack.risky.is_empty() && stack.correlated.is_empty() {
            return self.inner.rewrite(plan, config);
        }
        // Safe conditions below, those that can fail above in their order. When
        // the stack already has this form, the rule goes on with the filter below.
        let sorted = stack.into_plan()?;
        Ok(if sorted == plan {
            Transformed::no(plan)
        } else {
            Transformed::yes(sorted)
        })
    }
}

/// Whether a plan, below filters, is an aggregate that has a row for an input without
/// rows.
fn has_row_of_nothing(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Filter(filter) => has_row_of_nothing(&filter.input),
        LogicalPlan::Aggregate(aggregate) => {
            let is_set = |key: &Expr| matches!(key, Expr::GroupingSet(_));
            aggregate.group_expr.is_empty() || aggregate.group_expr.iter().any(is_set)
        }
        _ => false,
    }
}

/// The conditions of filters that are directly above one another.
struct FilterStack {
    /// Conditions that can fail, the innermost filter's first.
    risky: Vec<Expr>,
    /// Conditions that refer to an outer query, and cannot fail.
    correlated: Vec<Expr>,
    safe: Vec<Expr>,
    input: Arc<LogicalPlan>,
}

impl FilterStack {
    fn collect(filter: &Filter) -> Self {
        let mut stack = match filter.input.as_ref() {
            LogicalPlan::Filter(inner) => Self::collect(inner),
            _ => Self {
                risky: Vec::new(),
                correlated: Vec::new(),
                safe: Vec::new(),
                input: Arc::clone(&filter.input),
            },
        };
        for condition in split_conjunction_owned(filter.predicate.clone()) {
            if is_risky(&condition) {
                stack.risky.push(condition);
            } else if condition.contains_outer() {
                stack.correlated.push(condition);
            } else {
                stack.safe.push(condition);
            }
        }
        stack
    }

    /// Marks the conditions that would become risky below the input, because they
    /// read a column that it computes by an expression that can fail.
    fn mark_risky_columns(&mut self) {
        let (computed, below) = match self.input.as_ref() {
            LogicalPlan::Projection(projection) => (&projection.expr, &projection.input),
            LogicalPlan::Aggregate(aggregate) => (&aggregate.group_expr, &aggregate.input),
            _ => return,
        };
        let risky_columns: HashSet<Column> = computed
            .iter()
            .filter(|expr| can_fail(expr, below.schema()))
            .map(|expr| {
                let (relation, name) = expr.qualified_name();
                Column::new(relation, name)
            })
            .collect();
        if risky_columns.is_empty() {
            return;
        }
        let (risky, safe) = std::mem::take(&mut self.safe)
            .into_iter()
            .partition(|condition| {
                let columns = condition.column_refs();
                columns.iter().any(|column| risky_columns.contains(*column))
            });
        self.safe = safe;
        let risky: Vec<Expr> = risky;
        self.risky.splice(0..0, risky.into_iter().map(mark_risky));
    }

    fn into_plan(self) -> Result<LogicalPlan> {
        let mut plan = self.input;
        if let Some(safe) = conjunction(self.safe) {
            plan = Arc::new(LogicalPlan::Filter(Filter::try_new(safe, plan)?));
        }
        if let Some(correlated) = conjunction(self.correlated) {
            plan = Arc::new(LogicalPlan::Filter(Filter::try_new(correlated, plan)?));
        }
        for condition in self.risky {
            plan = Arc::new(LogicalPlan::Filter(Filter::try_new(condition, plan)?));
        }
        Ok(Arc::unwrap_or_clone(plan))
    }
}
