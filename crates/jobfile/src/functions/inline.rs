//! Replaces calls by the bodies of the functions.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArg, FunctionArguments, Ident, ObjectName, Query, SetExpr,
    Spanned, TableAlias, TableFactor, VisitorMut,
};
use sqlparser::parser::Parser;

use super::arguments::bind_arguments;
use super::body::substitute_values;
use crate::check::references::normalized_name;
use crate::diagnostics::{Diagnostic, codes};
use crate::job::function::{FunctionBody, SqlFunction};
use crate::span::Span;
use crate::syntax::dialect::SluiceDialect;
use crate::traversal::visit_nodes_mut;

/// Replaces the calls in one query or expression.
pub(super) struct CallInliner<'a> {
    functions: &'a BTreeMap<String, SqlFunction>,
    variables: &'a [String],
    problems: Vec<Diagnostic>,
}

impl<'a> CallInliner<'a> {
    pub(super) fn new(
        functions: &'a BTreeMap<String, SqlFunction>,
        variables: &'a [String],
    ) -> Self {
        Self {
            functions,
            variables,
            problems: Vec::new(),
        }
    }

    pub(super) fn inline_expr(&mut self, expr: &mut Expr) {
        let _ = visit_nodes_mut(expr, self);
    }

    pub(super) fn inline_query(&mut self, query: &mut Query) {
        let _ = visit_nodes_mut(query, self);
    }

    pub(super) fn into_problems(self) -> Vec<Diagnostic> {
        self.problems
    }

    fn find_function(&self, name: &ObjectName) -> Option<&'a SqlFunction> {
        match name.0.as_slice() {
            [part] => self.functions.get(&normalized_name(part.as_ident()?)),
            _ => None,
        }
    }

    fn misplaced(&mut self, function: &SqlFunction, name: &ObjectName, help: String) {
        self.problems.push(
            Diagnostic::error(
                codes::UNKNOWN_FUNCTION,
                format!("`{}` cannot be called here", function.name),
            )
            .with_span(Span::of_node(name.span()))
            .with_help(help),
        );
    }
}

impl VisitorMut for CallInliner<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(call) = expr else {
            return ControlFlow::Continue(());
        };
        let Some(function) = self.find_function(&call.name) else {
            return ControlFlow::Continue(());
        };
        let FunctionBody::Value {
            returns,
            expr: body,
        } = &function.body
        else {
            let help = format!("it makes rows: write FROM {}(…)", function.name);
            self.misplaced(function, &call.name.clone(), help);
            return ControlFlow::Continue(());
        };
        let arguments: &[FunctionArg] = match &call.args {
            FunctionArguments::List(list) => &list.args,
            FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
        };
        match bind_arguments(function, arguments, self.variables, call.name.span()) {
            Err(problem) => self.problems.push(*problem),
            Ok(values) => {
                let mut value = body.as_ref().clone();
                substitute_values(&function.name, &mut value, values);
                *expr = match returns {
                    Some(data_type) => cast_value(value, data_type.clone()),
                    None => Expr::Nested(Box::new(value)),
                };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let (name, arguments, alias) = match factor {
            TableFactor::Table {
                name,
                args: Some(arguments),
                alias,
                ..
            } => (&*name, arguments.args.as_slice(), &*alias),
            TableFactor::Function {
                name, args, alias, ..
            } => (&*name, args.as_slice(), &*alias),
            _ => return ControlFlow::Continue(()),
        };
        let Some(function) = self.find_function(name) else {
            return ControlFlow::Continue(());
        };
        let FunctionBody::Rows { columns, query } = &function.body else {
            let help = format!("it gives a value: write SELECT {}(…)", function.name);
            self.misplaced(function, &name.clone(), help);
            return ControlFlow::Continue(());
        };
        match bind_arguments(function, arguments, self.variables, name.span()) {
            Err(problem) => self.problems.push(*problem),
            Ok(values) => {
                let mut rows = query.as_ref().clone();
                substitute_values(&function.name, &mut rows, values);
                let alias = alias.clone().unwrap_or_else(|| TableAlias {
                    explicit: true,
                    name: Ident::with_quote('`', &function.name),
                    columns: Vec::new(),
                    at: None,
                });
                *factor = TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(cast_columns(rows, columns)),
                    alias: Some(alias),
                    sample: None,
                };
            }
        }
        ControlFlow::Continue(())
    }
}

fn cast_value(value: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Nested(Box::new(value))),
        data_type,
        array: false,
        format: None,
    }
}

/// `SELECT CAST(a AS type) AS a, … FROM (rows) AS f (a, …)`.
fn cast_columns(rows: Query, columns: &[(Ident, DataType)]) -> Query {
    if columns.is_empty() {
        return rows;
    }
    let names: Vec<String> = columns
        .iter()
        .map(|(name, _)| format!("`{}`", normalized_name(name)))
        .collect();
    let casts: Vec<String> = names
        .iter()
        .zip(columns)
        .map(|(name, (_, data_type))| format!("CAST({name} AS {data_type}) AS {name}"))
        .collect();
    let text = format!(
        "SELECT {} FROM (SELECT 1) AS `__rows` ({})",
        casts.join(", "),
        names.join(", ")
    );
    let dialect = SluiceDialect::new(text.len());
    let parsed = Parser::new(&dialect)
        .try_with_sql(&text)
        .and_then(|mut parser| parser.parse_query());
    let Ok(mut outer) = parsed else {
        return rows;
    };
    if let SetExpr::Select(select) = outer.body.as_mut()
        && let Some(from) = select.from.first_mut()
        && let TableFactor::Derived { subquery, .. } = &mut from.relation
    {
        **subquery = rows;
    }
    *outer
}
