//! Which syntax a query may hold.
//!
//! sqlparser reads the clauses of many databases, and DataFusion's planner
//! ignores much of what it does not know: `GROUP BY g WITH TOTALS` was planned
//! as `GROUP BY g`, `FROM t TABLESAMPLE (10 PERCENT)` as `FROM t`. So a query is
//! walked before anything else is done with it, and what is not known to be
//! handled is an error that says what to write instead.
//!
//! Every struct and variant of the syntax tree is taken apart without `..` and
//! every enum without `_`, so that a field or variant of a new release of
//! sqlparser does not compile until someone has decided about it.

mod data_type;
mod expr;
mod foreign;
mod function;
mod operator;
mod query;
mod select;
mod table;

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{Ident, Query};
use sqlparser::tokenizer::Span;

use super::error_at;

/// The errors for everything in `query` that is not handled.
pub(super) fn find_unsupported(query: &Query) -> Vec<Diagnostic> {
    let mut walk = SyntaxWalk {
        problems: Vec::new(),
        place: Span::empty(),
    };
    walk.check_query(query);
    walk.problems
}

/// A walk over a parsed query.
struct SyntaxWalk {
    problems: Vec<Diagnostic>,
    /// The span of the nearest enclosing node that has one.
    place: Span,
}

impl SyntaxWalk {
    /// Reports syntax that is not supported, at `place` if that is known.
    fn refuse(&mut self, place: Span, message: &str, help: &str) {
        let place = if place == Span::empty() {
            self.place
        } else {
            place
        };
        let problem = error_at(message, place);
        self.problems.push(if help.is_empty() {
            problem
        } else {
            problem.with_help(help)
        });
    }

    /// Reports `node`, when there is one.
    fn refuse_some<T>(&mut self, node: Option<&T>, message: &str, help: &str) {
        if node.is_some() {
            self.refuse(Span::empty(), message, help);
        }
    }

    /// A text is no name.
    fn check_name(&mut self, name: &Ident) {
        if matches!(name.quote_style, Some('\'' | '"')) {
            self.refuse(
                name.span,
                "a text cannot be a name",
                "write the name without quotes, or in backquotes: `name`",
            );
        }
    }

    /// Runs `check` with `place` as the span for nodes that have none.
    fn within(&mut self, place: Span, check: impl FnOnce(&mut Self)) {
        let outer = self.place;
        if place != Span::empty() {
            self.place = place;
        }
        check(self);
        self.place = outer;
    }
}

#[cfg(test)]
mod tests;
