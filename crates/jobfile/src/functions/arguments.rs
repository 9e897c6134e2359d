//! The arguments of a call, by the names of the parameters.

use std::collections::BTreeMap;

use sqlparser::ast::{CastKind, Expr, FunctionArg, FunctionArgExpr, Spanned};

use super::body::{NamesIn, has_query};
use crate::check::references::normalized_name;
use crate::diagnostics::{Diagnostic, codes};
use crate::job::function::{FunctionBody, SqlFunction};
use crate::span::Span;

/// The value of each parameter, with the parameter's type.
pub(super) fn bind_arguments(
    function: &SqlFunction,
    arguments: &[FunctionArg],
    variables: &[String],
    place: sqlparser::tokenizer::Span,
) -> Result<BTreeMap<String, Expr>, Box<Diagnostic>> {
    let mut given: BTreeMap<String, Expr> = BTreeMap::new();
    for (at, argument) in arguments.iter().enumerate() {
        let (name, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (
                function
                    .parameters
                    .get(at)
                    .map(|p| normalized_name(&p.name)),
                value,
            ),
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                ..
            } => (Some(normalized_name(name)), value),
            _ => (None, &Expr::Value(sqlparser::ast::Value::Null.into())),
        };
        let known = |name: &String| {
            function
                .parameters
                .iter()
                .any(|parameter| normalized_name(&parameter.name) == *name)
        };
        let Some(name) = name.filter(known) else {
            return Err(wrong_arguments(function, place));
        };
        if given.insert(name, value.clone()).is_some() {
            return Err(wrong_arguments(function, place));
        }
    }
    let mut values = BTreeMap::new();
    for parameter in &function.parameters {
        let name = normalized_name(&parameter.name);
        let value = match given.remove(&name).or_else(|| parameter.default.clone()) {
            Some(value) => value,
            None => return Err(wrong_arguments(function, place)),
        };
        check_scope(function, &value, variables, place)?;
        let cast = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(value),
            data_type: parameter.ty.clone(),
            array: false,
            format: None,
        };
        values.insert(name, Expr::Nested(Box::new(cast)));
    }
    Ok(values)
}

fn wrong_arguments(function: &SqlFunction, place: sqlparser::tokenizer::Span) -> Box<Diagnostic> {
    let parameters = function.parameters.iter().map(|parameter| {
        let default = parameter.default.as_ref();
        let default = default.map_or_else(String::new, |value| format!(" DEFAULT {value}"));
        format!("{} {}{default}", parameter.name.value, parameter.ty)
    });
    let form = parameters.collect::<Vec<_>>().join(", ");
    let line = function.span.start.line;
    Box::new(
        Diagnostic::error(
            codes::UNKNOWN_FUNCTION,
            format!("`{}` does not take these arguments", function.name),
        )
        .with_span(Span::of_node(place))
        .with_label(format!("defined on line {line}"))
        .with_help(format!("write {}({form})", function.name)),
    )
}

/// Refuses arguments that would mean something else inside the body.
fn check_scope(
    function: &SqlFunction,
    value: &Expr,
    variables: &[String],
    place: sqlparser::tokenizer::Span,
) -> Result<(), Box<Diagnostic>> {
    let read = NamesIn::collect(value).read;
    let mut columns = read.iter().filter(|name| !variables.contains(name));
    let in_lambda = match &function.body {
        FunctionBody::Value { expr, .. } => {
            let lambdas = NamesIn::collect(expr.as_ref()).lambdas;
            columns.clone().any(|name| lambdas.contains(name))
        }
        FunctionBody::Rows { .. } => false,
    };
    let in_query = columns.next().is_some() && has_query(&function.body);
    if !in_lambda && !in_query {
        return Ok(());
    }
    let span = Span::from_sqlparser(value.span()).unwrap_or(Span::of_node(place));
    let (what, help) = if in_query {
        (
            "reads columns, and the body of the function is a query",
            "write the query in the place of the call",
        )
    } else {
        (
            "has the name of a lambda's parameter in the function",
            "give the parameter of the lambda another name",
        )
    };
    Err(Box::new(
        Diagnostic::error(
            codes::UNKNOWN_FUNCTION,
            format!("an argument of `{}` {what}", function.name),
        )
        .with_span(span)
        .with_help(help),
    ))
}
