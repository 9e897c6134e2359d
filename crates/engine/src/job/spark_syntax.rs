//! Rewrites Spark syntax that DataFusion has under another name, or not at all.
//!
//! Queries are rewritten before they are planned, so that a name means the same
//! everywhere in a query: `month(ts)` in the select list and in `GROUP BY` is one
//! expression. Syntax whose plan would not run, or would mean something else, is
//! an error here, with its span.

mod date_pattern;
mod functions;

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, Span, codes};
use sqlparser::ast::{
    AccessExpr, Expr, Ident, LambdaFunction, Query, Select, SelectItem, Spanned, Subscript,
    TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
};

/// Rewrites `query`; returns the errors.
pub(super) fn rewrite_spark_syntax(query: &mut Query) -> Vec<Diagnostic> {
    let mut speller = SyntaxRewriter::default();
    let _ = VisitMut::visit(query, &mut speller);
    speller.problems
}

#[derive(Default)]
struct SyntaxRewriter {
    problems: Vec<Diagnostic>,
}

impl VisitorMut for SyntaxRewriter {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        name_projected_fields(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        self.problems.extend(unsupported_factor(factor));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Lambda(lambda) => rewrite_parameter_fields(lambda),
            Expr::CompoundFieldAccess { access_chain, .. } => {
                access_chain.iter_mut().for_each(dot_as_subscript);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Err(problem) = functions::rewrite_call(expr) {
            self.problems.push(*problem);
        }
        ControlFlow::Continue(())
    }
}

/// An error at a node of the query.
fn error_at(message: impl Into<String>, place: sqlparser::tokenizer::Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(codes::NOT_PLANNED, message.into());
    match Span::from_sqlparser(place) {
        Some(span) => diagnostic.with_span(span),
        None => diagnostic,
    }
}

/// Names the column of `item.sku` `sku`, as Spark does; the engine would name it
/// `item[sku]`.
fn name_projected_fields(select: &mut Select) {
    let mut relations = Vec::new();
    select
        .from
        .iter()
        .for_each(|from| relation_names(from, &mut relations));
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else {
            continue;
        };
        let name = match expr {
            // A column of a relation keeps its own name.
            Expr::CompoundIdentifier(parts)
                if parts.len() == 2
                    && parts
                        .first()
                        .is_some_and(|first| relations.contains(&fold_case(first))) =>
            {
                None
            }
            Expr::CompoundIdentifier(parts) => parts.last().cloned(),
            _ => None,
        };
        if let Some(alias) = name {
            let expr = std::mem::replace(expr, Expr::Identifier(alias.clone()));
            *item = SelectItem::ExprWithAlias { expr, alias };
        }
    }
}

fn fold_case(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The names of the relations in a `FROM`.
fn relation_names(from: &TableWithJoins, into: &mut Vec<String>) {
    let factors =
        std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation));
    for factor in factors {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let last = name.0.last().and_then(|part| part.as_ident());
                into.extend(
                    alias
                        .as_ref()
                        .map(|alias| &alias.name)
                        .or(last)
                        .map(fold_case),
                );
            }
            TableFactor::Derived { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::Function { alias, .. } => {
                into.extend(alias.as_ref().map(|alias| fold_case(&alias.name)));
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                into.extend(alias.as_ref().map(|alias| fold_case(&alias.name)));
                relation_names(table_with_joins, into);
            }
            _ => {}
        }
    }
}

/// The error for what the engine would refuse late, or with its syntax tree in
/// the message.
fn unsupported_factor(factor: &TableFactor) -> Option<Diagnostic> {
    match factor {
        TableFactor::Pivot { .. } => {
            Some(error_at("PIVOT is not supported", factor.span()).with_help(
                "write an aggregate for each column: sum(n) FILTER (WHERE k = 'a') AS a",
            ))
        }
        TableFactor::Unpivot { .. } => Some(
            error_at("UNPIVOT is not supported", factor.span())
                .with_help("write a SELECT for each column and join them with UNION ALL"),
        ),
        TableFactor::UNNEST { array_exprs, .. } => {
            let column = array_exprs.iter().find(|array| is_column(array))?;
            Some(
                error_at(
                    "unnest in FROM cannot read the columns of other relations",
                    column.span(),
                )
                .with_help(
                    "write unnest in the select list of a subquery: \
                         FROM (SELECT id, unnest(items) AS item FROM t)",
                ),
            )
        }
        _ => None,
    }
}

fn is_column(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. }
    )
}

/// Rewrites `items[1].sku` as `items[1]['sku']`.
fn dot_as_subscript(access: &mut AccessExpr) {
    if let AccessExpr::Dot(Expr::Identifier(field)) = access {
        *access = subscript_access(field);
    }
}

fn subscript_access(field: &Ident) -> AccessExpr {
    let index = Expr::Value(Value::SingleQuotedString(fold_case(field)).with_span(field.span));
    AccessExpr::Subscript(Subscript::Index { index })
}

/// Inside a lambda, rewrites `i.sku` as `i['sku']` where `i` is a parameter.
fn rewrite_parameter_fields(lambda: &mut LambdaFunction) {
    let parameters: Vec<String> = lambda
        .params
        .iter()
        .map(|parameter| fold_case(&parameter.name))
        .collect();
    let _ = VisitMut::visit(&mut *lambda.body, &mut ParameterFields { parameters });
}

struct ParameterFields {
    parameters: Vec<String>,
}

impl VisitorMut for ParameterFields {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let Some((first, fields)) = parts.split_first()
            && self.parameters.contains(&fold_case(first))
        {
            *expr = Expr::CompoundFieldAccess {
                root: Box::new(Expr::Identifier(first.clone())),
                access_chain: fields.iter().map(subscript_access).collect(),
            };
        }
        ControlFlow::Continue(())
    }
}
