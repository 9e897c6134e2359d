//! Variables in queries.
//!
//! An unquoted name without qualifier that equals a variable's name is the
//! variable. Spark would prefer a column of that name. Not all visible columns of
//! a query are known here. Where a column of that name is known, the name is an
//! error (ambiguous) instead of silently meaning one or the other. `t.name`,
//! a name in backquotes and a lambda's parameter are never variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, Expr, Ident, LambdaFunction, LimitClause, Query, Select, SelectItem, Value,
    ValueWithSpan, Visitor, VisitorMut,
};

use crate::check::column_names::{self, ColumnNames, KnownColumns};
use crate::check::references::ident_span;
use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::types::DataType;
use crate::span::{Span, Spanned};
use crate::traversal::{visit_nodes, visit_nodes_mut};
use crate::values::{interpolation, variable_value};

/// A variable by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VariableName<'a> {
    pub(crate) name: &'a str,
    /// Whether it is a struct, an array or a map.
    pub(crate) has_parts: bool,
}

/// Names that hide variables: parameters of the enclosing lambdas, and roots of
/// subscripts (`x['key']`), unless the variable has parts.
#[derive(Default)]
struct HiddenNames {
    lambdas: Vec<Vec<String>>,
    roots: BTreeSet<Span>,
}

impl HiddenNames {
    fn enter_expr(&mut self, expr: &Expr) {
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
                    self.roots.insert(ident_span(ident));
                }
            }
            _ => {}
        }
    }

    fn leave_expr(&mut self, expr: &Expr) {
        if matches!(expr, Expr::Lambda(_)) {
            self.lambdas.pop();
        }
    }

    /// The name of the variable that `ident` may stand for. `has_parts` says whether a
    /// variable has parts.
    fn candidate_name(
        &self,
        ident: &Ident,
        has_parts: impl FnOnce(&str) -> bool,
    ) -> Option<String> {
        let name = ident.value.to_lowercase();
        let hidden = ident.quote_style.is_some()
            || self.lambdas.iter().flatten().any(|param| *param == name)
            || self.roots.contains(&ident_span(ident)) && !has_parts(&name);
        (!hidden).then_some(name)
    }
}

/// The text of a string literal, which may contain `${…}`.
fn string_text(value: &Value) -> Option<&str> {
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
pub(crate) struct VariableUsage {
    /// Names of variables used as values.
    pub(crate) names: BTreeSet<String>,
    /// String literals that may contain `${…}`.
    pub(crate) strings: Vec<Spanned<String>>,
}

/// Finds the variables that a query uses. Names that could also be columns are
/// reported to `diagnostics`. `known` are the columns of the file's relations.
pub(crate) fn find_usage(
    query: &Query,
    variables: &[VariableName<'_>],
    known: &KnownColumns,
    diagnostics: &mut Diagnostics,
) -> VariableUsage {
    let mut finder = UsageFinder {
        variables,
        relation_columns: known,
        known: Vec::new(),
        columns: Vec::new(),
        hidden: HiddenNames::default(),
        usage: VariableUsage::default(),
        diagnostics,
    };
    let _ = visit_nodes(query, &mut finder);
    finder.usage
}

struct UsageFinder<'a> {
    variables: &'a [VariableName<'a>],
    /// Columns of the file's relations.
    relation_columns: &'a KnownColumns,
    /// One entry per enclosing query with common table expressions: the same with
    /// those added.
    known: Vec<KnownColumns>,
    /// Visible columns of each enclosing query and select.
    columns: Vec<ColumnNames>,
    hidden: HiddenNames,
    usage: VariableUsage,
    diagnostics: &'a mut Diagnostics,
}

impl UsageFinder<'_> {
    fn known_columns(&self) -> &KnownColumns {
        self.known.last().unwrap_or(self.relation_columns)
    }
}

impl Visitor for UsageFinder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.variables.is_empty() {
            return ControlFlow::Continue(());
        }
        if query.with.is_some() {
            let known = column_names::add_cte_columns(query, self.known_columns());
            self.known.push(known);
        }
        // The names that the select assigns are visible in ORDER BY.
        self.columns.push(
            query
                .body
                .as_select()
                .map(column_names::renamed_columns)
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
        let mut columns = column_names::renamed_columns(select);
        columns.extend(column_names::visible_columns(select, self.known_columns()));
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
        self.hidden.enter_expr(expr);
        if let Expr::Identifier(ident) = expr
            && let Some(name) = self.hidden.candidate_name(ident, |name| {
                let mut variables = self.variables.iter();
                variables.any(|variable| variable.name == name && variable.has_parts)
            })
            && self.variables.iter().any(|variable| variable.name == name)
        {
            if self.columns.iter().any(|columns| columns.contains(&name)) {
                self.diagnostics.push(
                    Diagnostic::error(
                        codes::AMBIGUOUS_VARIABLE,
                        format!("`{}` is both a variable and a column here", ident.value),
                    )
                    .with_span(ident_span(ident))
                    .with_help(format!(
                        "write `{name}` or table.{name} for the column, or give the variable another name"
                    )),
                );
            }
            self.usage.names.insert(name);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.hidden.leave_expr(expr);
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Some(text) = string_text(&value.value)
            && text.contains("${")
        {
            let span = Span::of_node(value.span);
            self.usage.strings.push(Spanned::new(text.to_owned(), span));
        }
        ControlFlow::Continue(())
    }
}

/// A variable's type and value.
pub(crate) type Values = BTreeMap<String, (DataType, variable_value::ValueText)>;

/// `${…}` in `text` replaced by values.
pub(crate) fn expand_text(text: &str, values: &Values) -> String {
    interpolation::expand_template(text, |name| {
        values.get(name).and_then(|(_, text)| text.as_deref())
    })
}

/// Replaces variables by their values.
pub(crate) fn substitute_variables(query: &mut Query, values: &Values) {
    let mut substitution = Substitution {
        values,
        hidden: HiddenNames::default(),
    };
    let _ = visit_nodes_mut(query, &mut substitution);
}

struct Substitution<'a> {
    values: &'a Values,
    hidden: HiddenNames,
}

impl Substitution<'_> {
    fn variable_value(&self, expr: &Expr) -> Option<(&DataType, Option<&str>, Span)> {
        let Expr::Identifier(ident) = expr else {
            return None;
        };
        let name = self.hidden.candidate_name(ident, |name| {
            let value = self.values.get(name);
            value.is_some_and(|(ty, _)| ty.has_parts())
        })?;
        let (ty, text) = self.values.get(&name)?;
        Some((ty, text.as_deref(), ident_span(ident)))
    }

    /// LIMIT and OFFSET accept plain numbers only.
    fn substitute_count(&self, expr: &mut Expr) {
        let number = self
            .variable_value(expr)
            .and_then(|(ty, text, span)| variable_value::to_count(ty, text, span));
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
                    self.substitute_count(limit);
                }
                if let Some(offset) = offset {
                    self.substitute_count(&mut offset.value);
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.substitute_count(offset);
                self.substitute_count(limit);
            }
            None => {}
        }
        if let Some(quantity) = query.fetch.as_mut().and_then(|f| f.quantity.as_mut()) {
            self.substitute_count(quantity);
        }
        ControlFlow::Continue(())
    }

    /// `SELECT day` keeps its column's name when `day` becomes a value.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && self.variable_value(expr).is_some()
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
        self.hidden.enter_expr(expr);
        ControlFlow::Continue(())
    }

    /// After the children, so that `${` inside a value is not replaced.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.hidden.leave_expr(expr);
        if let Some((ty, text, span)) = self.variable_value(expr) {
            *expr = variable_value::to_expr(ty, text, span);
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
            *text = expand_text(text, self.values);
        }
        ControlFlow::Continue(())
    }
}
