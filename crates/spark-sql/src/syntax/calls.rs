//! Which calls may have FILTER, DISTINCT, OVER and the like.
//!
//! The planner looks for a scalar function first, and then ignores every clause
//! that such a function cannot have.

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, visit_nodes};
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArguments, Query, Spanned,
    Visitor,
};

use super::{FunctionKind, FunctionKinds, error_at, fold_case};
use crate::functions::help_for_refused;

/// The errors for clauses that a function cannot have. Calls have the engine's names.
pub(super) fn find_misused_clauses(query: &Query, kinds: &dyn FunctionKinds) -> Vec<Diagnostic> {
    let mut finder = ClauseFinder {
        kinds,
        problems: Vec::new(),
    };
    let _ = visit_nodes(query, &mut finder);
    finder.problems
}

struct ClauseFinder<'a> {
    kinds: &'a dyn FunctionKinds,
    problems: Vec<Diagnostic>,
}

/// The clauses of a call.
struct Clauses {
    distinct: bool,
    filter: bool,
    over: bool,
    within_group: bool,
    order_by: bool,
    null_treatment: bool,
}

impl Clauses {
    fn of(function: &Function) -> Self {
        let (mut distinct, mut order_by) = (false, false);
        let mut null_treatment = function.null_treatment.is_some();
        if let FunctionArguments::List(list) = &function.args {
            distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
            for clause in &list.clauses {
                order_by |= matches!(clause, FunctionArgumentClause::OrderBy(_));
                null_treatment |= matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_));
            }
        }
        Self {
            distinct,
            filter: function.filter.is_some(),
            over: function.over.is_some(),
            within_group: !function.within_group.is_empty(),
            order_by,
            null_treatment,
        }
    }
}

impl Visitor for ClauseFinder<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.check_call(function);
        }
        ControlFlow::Continue(())
    }
}

impl ClauseFinder<'_> {
    fn check_call(&mut self, function: &Function) {
        let Some(name) = function.name.0.last().and_then(|part| part.as_ident()) else {
            return;
        };
        let clauses = Clauses::of(function);
        let shown = &name.value;
        // `user` without parentheses is a column.
        let is_call = function.args != FunctionArguments::None;
        if let Some(help) = help_for_refused(&fold_case(name)).filter(|_| is_call) {
            self.problems.push(
                error_at(format!("{shown} is not supported"), function.name.span()).with_help(help),
            );
            return;
        }
        // Unknown functions are reported by the planner.
        let Some(kind) = self.kinds.kind_of(&fold_case(name)) else {
            return;
        };
        let wrong: &[(bool, &str, &str)] = match kind {
            FunctionKind::Scalar => &[
                (clauses.distinct, "DISTINCT", "leave it out"),
                (
                    clauses.filter,
                    "FILTER",
                    "write CASE WHEN condition THEN … END",
                ),
                (clauses.over, "OVER", "put it around an aggregate's OVER"),
                (clauses.within_group, "WITHIN GROUP", "leave it out"),
                (clauses.order_by, "ORDER BY", "leave it out"),
                (clauses.null_treatment, "IGNORE NULLS", "leave it out"),
            ],
            FunctionKind::Window => &[
                (
                    !clauses.over,
                    "a call without OVER",
                    "write OVER (PARTITION BY … ORDER BY …)",
                ),
                (clauses.distinct, "DISTINCT", "leave it out"),
                (clauses.filter, "FILTER", "filter the rows in a subquery"),
                (clauses.within_group, "WITHIN GROUP", "leave it out"),
                (
                    clauses.order_by,
                    "ORDER BY in its arguments",
                    "write the order in OVER (…)",
                ),
                (
                    clauses.null_treatment && !takes_null_treatment(&fold_case(name)),
                    "IGNORE NULLS",
                    "leave it out",
                ),
            ],
            FunctionKind::Aggregate => &[
                (
                    clauses.distinct && clauses.over,
                    "DISTINCT together with OVER",
                    "write size(collect_set(x) OVER (…)) to count distinct values",
                ),
                (
                    clauses.within_group && clauses.over,
                    "WITHIN GROUP together with OVER",
                    "compute it in a subquery with GROUP BY",
                ),
            ],
        };
        if let Some((_, what, help)) = wrong.iter().find(|(found, ..)| *found) {
            self.problems.push(
                error_at(format!("{shown} cannot have {what}"), function.name.span())
                    .with_help(*help),
            );
        }
    }
}

fn takes_null_treatment(name: &str) -> bool {
    ["lag", "lead", "first_value", "last_value", "nth_value"].contains(&name)
}
