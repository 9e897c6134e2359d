//! Aggregates where a pipe operator has no groups.

use std::ops::ControlFlow;

use sluice_jobfile::visit_nodes;
use sqlparser::ast::{Expr, PipeOperator, Query, Visitor};
use sqlparser::tokenizer::Span;

use super::super::{FunctionKind, FunctionKinds, fold_case};

/// The place of an aggregate in an operator that groups no rows.
pub(super) fn find_misplaced_aggregate(
    operator: &PipeOperator,
    functions: &dyn FunctionKinds,
) -> Option<Span> {
    // SELECT may have aggregates over all rows.
    let groups_no_rows = matches!(
        operator,
        PipeOperator::Extend { .. } | PipeOperator::Where { .. }
    );
    if !groups_no_rows {
        return None;
    }
    let mut finder = AggregateFinder {
        functions,
        depth: 0,
    };
    visit_nodes(operator, &mut finder).break_value()
}

struct AggregateFinder<'a> {
    functions: &'a dyn FunctionKinds,
    /// How many subqueries deep.
    depth: usize,
}

impl Visitor for AggregateFinder<'_> {
    type Break = Span;

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if self.depth == 0
            && let Expr::Function(function) = expr
            && function.over.is_none()
            && let Some(name) = function.name.0.last().and_then(|part| part.as_ident())
            && self.functions.kind_of(&fold_case(name)) == Some(FunctionKind::Aggregate)
        {
            return ControlFlow::Break(name.span);
        }
        ControlFlow::Continue(())
    }
}
