//! How large a query may be.
//!
//! Most steps of planning take the square of a query's columns or operators, and
//! views are planned with all that they read: a few lines can describe a query that
//! no planner finishes.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use sluice_jobfile::{Diagnostic, Relation, Source, codes};

use super::spans;
use crate::planning::Refusal;

/// The default of [`QueryLimits::max_columns`].
pub const DEFAULT_MAX_COLUMNS: usize = 5_000;

/// The most operators of a query, with those of the views that it reads.
const MAX_OPERATORS: usize = 10_000;
/// The most expressions of a query, with those of the views that it reads.
const MAX_EXPRESSIONS: usize = 500_000;

/// Limits that the scheduler's options set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// The most columns of a relation, also in the middle of a query.
    pub max_columns: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            max_columns: DEFAULT_MAX_COLUMNS,
        }
    }
}

/// What a query has more of than it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excess {
    Columns(usize),
    Operators,
    Expressions,
}

impl QueryLimits {
    /// An error when a source declares too many columns.
    pub(super) fn check_source(self, source: &Source) -> Option<Diagnostic> {
        let columns = source.columns.len();
        (columns > self.max_columns).then(|| {
            self.diagnose(
                Excess::Columns(columns),
                &format!("source `{}`", source.name),
            )
            .with_span(source.span)
        })
    }

    /// An error when a planned query is too large to be optimized.
    pub(super) fn check_query(self, relation: &Relation, plan: &LogicalPlan) -> Option<Diagnostic> {
        let excess = self.find_excess(plan)?;
        Some(
            self.diagnose(excess, &relation.title())
                .with_span(relation.span()),
        )
    }

    fn find_excess(self, plan: &LogicalPlan) -> Option<Excess> {
        let mut size = QuerySize {
            limits: self,
            operators: 0,
            expressions: 0,
            excess: None,
        };
        // Walking a plan does not fail.
        let _ = plan.apply_with_subqueries(|node| size.add_operator(node));
        size.excess
    }

    fn diagnose(self, excess: Excess, title: &str) -> Diagnostic {
        let (message, help) = match excess {
            Excess::Columns(columns) => (
                format!(
                    "{title} has {columns} columns, in its result or where relations are \
                     joined; at most {} can be planned",
                    self.max_columns
                ),
                "select fewer columns, or keep many of them in one column of type MAP, ARRAY or \
                 STRING; --max-columns of the scheduler sets the limit",
            ),
            Excess::Operators => (
                format!(
                    "{title} has more than {MAX_OPERATORS} operators, with those of the \
                     views that it reads"
                ),
                "make a view that is read several times a dataset: it is computed once",
            ),
            Excess::Expressions => (
                format!(
                    "{title} has more than {MAX_EXPRESSIONS} expressions, with those of \
                     the views that it reads"
                ),
                "put long lists of values into a source and join with it",
            ),
        };
        Diagnostic::error(codes::QUERY_TOO_LARGE, message).with_help(help)
    }
}

/// Counts what a query consists of until it is too much.
struct QuerySize {
    limits: QueryLimits,
    operators: usize,
    expressions: usize,
    excess: Option<Excess>,
}

impl QuerySize {
    fn add_operator(&mut self, node: &LogicalPlan) -> Result<TreeNodeRecursion> {
        self.operators += 1;
        let columns = node.schema().fields().len();
        if columns > self.limits.max_columns {
            return Ok(self.stop(Excess::Columns(columns)));
        }
        if self.operators > MAX_OPERATORS {
            return Ok(self.stop(Excess::Operators));
        }
        let walked = node.apply_expressions(|expr| {
            expr.apply(|_| {
                self.expressions += 1;
                Ok(if self.expressions > MAX_EXPRESSIONS {
                    TreeNodeRecursion::Stop
                } else {
                    TreeNodeRecursion::Continue
                })
            })
        })?;
        Ok(match walked {
            TreeNodeRecursion::Stop => self.stop(Excess::Expressions),
            _ => TreeNodeRecursion::Continue,
        })
    }

    fn stop(&mut self, excess: Excess) -> TreeNodeRecursion {
        self.excess = Some(excess);
        TreeNodeRecursion::Stop
    }
}

/// The error of a constant that was refused while a query was planned.
pub(super) fn constant_error(relation: &Relation, refusal: Refusal) -> Diagnostic {
    let span = spans::span_of_call(relation, &refusal.function);
    Diagnostic::error(codes::CONSTANT_TOO_LARGE, refusal.message)
        .with_span(span.unwrap_or_else(|| relation.span()))
        .with_label("computed while the job is planned")
        .with_help("make it smaller, or compute it from a column of a source: executors do that")
        .with_note(format!("in the query of {}", relation.title()))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{LogicalPlanBuilder, lit};

    use super::*;

    const LIMITS: QueryLimits = QueryLimits { max_columns: 3 };

    fn row_of(columns: usize) -> LogicalPlanBuilder {
        let columns = (0..columns).map(|at| lit(1).alias(format!("c{at}")));
        LogicalPlanBuilder::empty(true).project(columns).unwrap()
    }

    #[test]
    fn columns_in_the_middle_of_a_query_count() {
        let narrow = row_of(3).build().unwrap();
        assert_eq!(LIMITS.find_excess(&narrow), None);
        let [left, right] = ["a", "b"].map(|name| row_of(2).alias(name).unwrap());
        let joined = left.cross_join(right.build().unwrap());
        let one = joined.unwrap().project([lit(1)]).unwrap().build().unwrap();
        assert_eq!(LIMITS.find_excess(&one), Some(Excess::Columns(4)));
    }

    #[test]
    fn a_view_that_doubles_what_it_reads_is_found_after_a_few_levels() {
        let mut plan = row_of(1).build().unwrap();
        let excess = (0..64).find_map(|_| {
            let doubled = LogicalPlanBuilder::from(plan.clone()).union(plan.clone());
            plan = doubled.unwrap().build().unwrap();
            LIMITS.find_excess(&plan)
        });
        assert_eq!(excess, Some(Excess::Operators));
    }

    #[test]
    fn expressions_are_counted_up_to_the_limit() {
        let wide = (0..=MAX_EXPRESSIONS as u64).map(lit).collect();
        let plan = row_of(1).filter(lit(1_u64).in_list(wide, false)).unwrap();
        let excess = LIMITS.find_excess(&plan.build().unwrap());
        assert_eq!(excess, Some(Excess::Expressions));
    }
}
