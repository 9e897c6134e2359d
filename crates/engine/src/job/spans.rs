//! Spans in a query for engine errors that carry none.

use std::ops::ControlFlow;

use sluice_jobfile::{Relation, Span, visit_nodes};
use sqlparser::ast::{Expr, Query, SelectItem, SetExpr, Spanned, Visitor};

/// The span where the query calls the function, or reads the field, that an
/// error is about: the first one that its text names in quotes or as `Field x`.
pub(super) fn span_of_named(relation: &Relation, error: &str) -> Option<Span> {
    let quoted = error.split('\'').skip(1).step_by(2);
    let names = quoted.map(|text| text.split('(').next().unwrap_or(text));
    let field = error
        .strip_prefix("Field ")
        .and_then(|rest| rest.split(' ').next());
    names
        .chain(field)
        .find_map(|name| find_name(relation.query()?, name))
}

/// The span of the first call of the function `name`.
pub(super) fn span_of_call(relation: &Relation, name: &str) -> Option<Span> {
    find_name(relation.query()?, name)
}

/// The span of column number `index` in the select list, unless the list does
/// not have exactly `columns` items (it holds a `*`).
pub(super) fn span_of_column(query: &Query, index: usize, columns: usize) -> Option<Span> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let item = select.projection.get(index)?;
    if select.projection.len() != columns {
        return None;
    }
    let span = match item {
        SelectItem::UnnamedExpr(expr) => expr.span(),
        SelectItem::ExprWithAlias { alias, .. } => alias.span,
        _ => return None,
    };
    Span::from_sqlparser(span)
}

fn find_name(query: &Query, name: &str) -> Option<Span> {
    match visit_nodes(query, &mut NameFinder { name }) {
        ControlFlow::Break(place) => Span::from_sqlparser(place),
        ControlFlow::Continue(()) => None,
    }
}

struct NameFinder<'a> {
    name: &'a str,
}

impl Visitor for NameFinder<'_> {
    type Break = sqlparser::tokenizer::Span;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        let found = match expr {
            Expr::Function(function) => function.name.0.first().and_then(|part| part.as_ident()),
            // The first part is a column or a relation, for which the engine
            // reports a span.
            Expr::CompoundIdentifier(parts) => parts
                .iter()
                .skip(1)
                .find(|part| part.value.eq_ignore_ascii_case(self.name)),
            _ => None,
        };
        match found {
            Some(ident) if ident.value.eq_ignore_ascii_case(self.name) => {
                ControlFlow::Break(ident.span)
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
