//! Rewrites Spark syntax that DataFusion has under another name, or not at all.
//!
//! Queries are rewritten before they are planned, so that a name means the same
//! everywhere in a query: `month(ts)` in the select list and in `GROUP BY` is one
//! expression. Syntax whose plan would not run, or would mean something else, is
//! an error here, with its span.

mod allowed;
mod calls;
mod cast_names;
mod derived_names;
mod field_access;
mod function_calls;
mod generators;
mod grouping;
mod intervals;
mod joins;
mod json_paths;
mod lateral_aliases;
mod lower;
mod membership;
mod nested_ctes;
mod number_literals;
mod patterns;
mod pipes;
mod places;
mod samples;
mod session_windows;
mod sorted_aggregates;
pub(crate) mod special_forms;
mod struct_stars;
mod structs;
mod time_windows;
mod tuples;
mod values_types;
mod window_forms;
mod windows;

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use sluice_jobfile::{Diagnostic, Span, codes, visit_nodes_mut};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Query, Select, SelectItem, Spanned, TableAlias, TableFactor, TableWithJoins,
    VisitorMut,
};

/// The columns of the tables that a query may read.
pub trait TableColumns {
    /// The names of the columns of the table `name`; `None` if there is no such
    /// table.
    fn columns_of(&self, name: &str) -> Option<Vec<String>>;
}

/// What a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// One value for each row.
    Scalar,
    /// One value for each group, or for each row with OVER.
    Aggregate,
    /// One value for each row, with OVER only.
    Window,
}

/// The functions that a query may call.
pub trait FunctionKinds {
    /// What the function `name` is; `None` if there is none.
    fn kind_of(&self, name: &str) -> Option<FunctionKind>;
}

impl FunctionKinds for SessionState {
    fn kind_of(&self, name: &str) -> Option<FunctionKind> {
        // The planner's order: a scalar function hides the others.
        let scalar = self.scalar_functions().contains_key(name)
            || self.higher_order_functions().contains_key(name)
            || ["unnest", "unnest_outer"].contains(&name);
        if scalar {
            Some(FunctionKind::Scalar)
        } else if self.aggregate_functions().contains_key(name) {
            Some(FunctionKind::Aggregate)
        } else if self.window_functions().contains_key(name) {
            Some(FunctionKind::Window)
        } else {
            None
        }
    }
}

/// Rewrites `query`; returns the errors.
pub fn rewrite_spark_syntax(
    query: &mut Query,
    tables: &dyn TableColumns,
    functions: &dyn FunctionKinds,
) -> Vec<Diagnostic> {
    let problems = allowed::find_unsupported(query);
    if !problems.is_empty() {
        return problems;
    }
    // First, so that the name of a field is never taken for a column.
    let _ = visit_nodes_mut(query, &mut field_access::FieldAccess);
    nested_ctes::rename_hiding_ctes(query);
    let mut problems = pipes::lower_pipes(query, functions);
    problems.extend(lower::lower_clauses(query));
    number_literals::type_numbers(query);
    values_types::widen_values(query);
    derived_names::name_derived_tables(query);
    problems.extend(joins::rewrite_joins(query, tables, functions));
    let mut speller = SyntaxRewriter::default();
    let _ = visit_nodes_mut(query, &mut speller);
    problems.extend(speller.problems);
    problems.extend(calls::find_misused_clauses(query, functions));
    cast_names::name_casts(query);
    problems
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
        // Before the names of functions change.
        intervals::negate_literal(expr);
        intervals::cast_interval(expr);
        if let Expr::Lambda(lambda) = expr {
            field_access::rewrite_parameter_fields(lambda);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(call) = expr {
            number_literals::type_lambda_values(call);
        }
        if let Err(problem) = function_calls::rewrite_call(expr) {
            self.problems.push(*problem);
        }
        let rewrites: [ExprRewrite; 4] = [
            json_paths::read_path,
            special_forms::rewrite_special_form,
            patterns::replace_escape,
            tuples::compare_parts,
        ];
        for rewrite in rewrites {
            if let Err(problem) = rewrite(expr) {
                self.problems.push(*problem);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Rewrites one expression in its place.
type ExprRewrite = fn(&mut Expr) -> Result<(), Box<Diagnostic>>;

/// What a call is rewritten to.
#[cfg(test)]
pub(crate) fn rewritten_call(mut expr: Expr) -> Result<Expr, Box<Diagnostic>> {
    function_calls::rewrite_call(&mut expr)?;
    special_forms::rewrite_special_form(&mut expr)?;
    Ok(expr)
}

/// A call of a function by position.
pub(crate) fn call_function(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments
                .into_iter()
                .map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)))
                .collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The alias of a relation, when it has one.
pub(crate) fn factor_alias(factor: &TableFactor) -> Option<&TableAlias> {
    match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::JsonTable { alias, .. }
        | TableFactor::OpenJsonTable { alias, .. }
        | TableFactor::NestedJoin { alias, .. }
        | TableFactor::Pivot { alias, .. }
        | TableFactor::Unpivot { alias, .. }
        | TableFactor::MatchRecognize { alias, .. }
        | TableFactor::XmlTable { alias, .. }
        | TableFactor::SemanticView { alias, .. } => alias.as_ref(),
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
        TableFactor::UNNEST { array_exprs, .. } => {
            let column = array_exprs.iter().find(|array| is_column(array))?;
            Some(
                error_at(
                    "unnest in FROM cannot read the columns of other relations",
                    column.span(),
                )
                .with_help("write LATERAL VIEW explode(items) t AS item"),
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
