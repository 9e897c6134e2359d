//! Variables in queries.
//!
//! An unquoted name without qualifier that equals a variable's name is the
//! variable. Spark would prefer a column of that name. Not all visible columns of
//! a query are known here. Where a column of that name is known, the name is an
//! error (ambiguous) instead of silently meaning one or the other. `t.name`,
//! `"name"` and a lambda's parameter are never variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, Expr, Ident, LambdaFunction, LimitClause, Query, Select, SelectItem, Value,
    ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::columns::{self, Columns, Known};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::references::place;
use crate::span::{Pos, Span, Spanned};
use crate::types::DataType;
use crate::{codes, template, value};

/// Names that hide variables: parameters of the enclosing lambdas, and roots of
/// subscripts (`x['key']`), because variables have no parts.
#[derive(Default)]
struct Hidden {
    lambdas: Vec<Vec<String>>,
    roots: BTreeSet<Span>,
}

impl Hidden {
    fn enter(&mut self, expr: &Expr) {
        match expr {
            Expr::Lambda(LambdaFunction { params, .. }) => {
                let names = params.iter().map(|p| p.name.value.to_lowercase());
                self.lambdas.push(names.collect());
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                if let (
                    Expr::Identifier(ident),
                    Some(AccessExpr::Subscript(_) | AccessExpr::Dot(_)),
                ) = (root.as_ref(), access_chain.first())
                {
                    self.roots.insert(place(ident));
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, expr: &Expr) {
        if matches!(expr, Expr::Lambda(_)) {
            self.lambdas.pop();
        }
    }

    /// The name of the variable that `ident` may stand for.
    fn candidate(&self, ident: &Ident) -> Option<String> {
        let name = ident.value.to_lowercase();
        let hidden = ident.quote_style.is_some()
            || self.lambdas.iter().flatten().any(|param| *param == name)
            || self.roots.contains(&place(ident));
        (!hidden).then_some(name)
    }
}

/// The text of a string literal, which may contain `${…}`.
fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::UnicodeStringLiteral(text)
        | Value::NationalStringLiteral(text) => Some(text),
        _ => None,
    }
}

/// The variables that a query uses.
#[derive(Default)]
pub(crate) struct Usage {
    /// Names of variables used as values.
    pub(crate) names: BTreeSet<String>,
    /// String literals that may contain `${…}`.
    pub(crate) strings: Vec<Spanned<String>>,
}

/// Finds the variables that a query uses. Names that could also be columns are
/// reported to `sink`. `known` are the columns of the file's relations.
pub(crate) fn usage(
    query: &Query,
    variables: &[&str],
    known: &Known,
    sink: &mut Diagnostics,
) -> Usage {
    let mut finder = Finder {
        variables,
        base: known,
        known: Vec::new(),
        columns: Vec::new(),
        hidden: Hidden::default(),
        usage: Usage::default(),
        sink,
    };
    let _ = Visit::visit(query, &mut finder);
    finder.usage
}

struct Finder<'a> {
    variables: &'a [&'a str],
    /// Columns of the file's relations.
    base: &'a Known,
    /// One entry per enclosing query with common table expressions: the same with
    /// those added.
    known: Vec<Known>,
    /// Visible columns of each enclosing query and select.
    columns: Vec<Columns>,
    hidden: Hidden,
    usage: Usage,
    sink: &'a mut Diagnostics,
}

impl Finder<'_> {
    fn known(&self) -> &Known {
        self.known.last().unwrap_or(self.base)
    }
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.variables.is_empty() {
            return ControlFlow::Continue(());
        }
        if query.with.is_some() {
            let known = columns::with_ctes(query, self.known());
            self.known.push(known);
        }
        // The names that the select assigns are visible in ORDER BY.
        self.columns.push(
            query
                .body
                .as_select()
                .map(columns::given)
                .unwrap_or_default(),
        );
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if !self.variables.is_empty() {
            if query.with.is_some() {
                self.known.pop();
            }
            self.columns.pop();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if self.variables.is_empty() {
            return ControlFlow::Continue(());
        }
        let mut columns = columns::given(select);
        columns.extend(columns::visible(select, self.known()));
        self.columns.push(columns);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &Select) -> ControlFlow<()> {
        if !self.variables.is_empty() {
            self.columns.pop();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.hidden.enter(expr);
        if let Expr::Identifier(ident) = expr
            && let Some(name) = self.hidden.candidate(ident)
            && self.variables.contains(&name.as_str())
        {
            if self.columns.iter().any(|columns| columns.contains(&name)) {
                self.sink.push(
                    Diagnostic::error(
                        codes::AMBIGUOUS_VARIABLE,
                        format!("`{}` is both a variable and a column here", ident.value),
                    )
                    .at(place(ident))
                    .help(format!(
                        "write \"{name}\" or table.{name} for the column, or give the variable another name"
                    )),
                );
            }
            self.usage.names.insert(name);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.hidden.leave(expr);
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Some(text) = text_of(&value.value)
            && text.contains("${")
        {
            let span = Span::from_sqlparser(value.span).unwrap_or(Span::at(Pos::new(1, 1)));
            self.usage.strings.push(Spanned::new(text.to_owned(), span));
        }
        ControlFlow::Continue(())
    }
}

/// A variable's type and value.
pub(crate) type Values = BTreeMap<String, (DataType, value::Text)>;

/// `${…}` in `text` replaced by values.
pub(crate) fn expand(text: &str, values: &Values) -> String {
    template::expand(text, |name| {
        values.get(name).and_then(|(_, text)| text.as_deref())
    })
}

/// Replaces variables by their values.
pub(crate) fn substitute(query: &mut Query, values: &Values) {
    let mut substitution = Substitution {
        values,
        hidden: Hidden::default(),
    };
    let _ = VisitMut::visit(query, &mut substitution);
}

struct Substitution<'a> {
    values: &'a Values,
    hidden: Hidden,
}

impl Substitution<'_> {
    fn value(&self, expr: &Expr) -> Option<(&DataType, Option<&str>, Span)> {
        let Expr::Identifier(ident) = expr else {
            return None;
        };
        let name = self.hidden.candidate(ident)?;
        let (ty, text) = self.values.get(&name)?;
        Some((ty, text.as_deref(), place(ident)))
    }

    /// LIMIT and OFFSET accept plain numbers only.
    fn count(&self, expr: &mut Expr) {
        let number = self
            .value(expr)
            .and_then(|(ty, text, span)| value::to_count(ty, text, span));
        if let Some(number) = number {
            *expr = number;
        }
    }
}

impl VisitorMut for Substitution<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                if let Some(limit) = limit {
                    self.count(limit);
                }
                if let Some(offset) = offset {
                    self.count(&mut offset.value);
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.count(offset);
                self.count(limit);
            }
            None => {}
        }
        if let Some(quantity) = query.fetch.as_mut().and_then(|f| f.quantity.as_mut()) {
            self.count(quantity);
        }
        ControlFlow::Continue(())
    }

    /// `SELECT day` keeps its column's name when `day` becomes a value.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && self.value(expr).is_some()
                && let Expr::Identifier(ident) = expr
            {
                *item = SelectItem::ExprWithAlias {
                    alias: ident.clone(),
                    expr: Expr::Identifier(ident.clone()),
                };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.hidden.enter(expr);
        ControlFlow::Continue(())
    }

    /// After the children, so that `${` inside a value is not replaced.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.hidden.leave(expr);
        if let Some((ty, text, span)) = self.value(expr) {
            *expr = value::to_expr(ty, text, span);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::UnicodeStringLiteral(text)
        | Value::NationalStringLiteral(text) = &mut value.value
            && text.contains("${")
        {
            *text = expand(text, self.values);
        }
        ControlFlow::Continue(())
    }
}
