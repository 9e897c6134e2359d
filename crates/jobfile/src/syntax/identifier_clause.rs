//! `IDENTIFIER('name')`: a name that is written as a text.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName, Spanned, TableFactor, Value,
};

/// Replaces the clause where an expression is expected by the name.
pub(crate) fn replace_in_expr(expr: &mut Expr) {
    let Expr::Function(Function {
        name,
        args: FunctionArguments::List(list),
        ..
    }) = expr
    else {
        return;
    };
    let Some(mut names) = clause_names(name, &list.args) else {
        return;
    };
    *expr = if names.len() == 1 {
        Expr::Identifier(names.remove(0))
    } else {
        Expr::CompoundIdentifier(names)
    };
}

/// Replaces the clause where a relation is expected by its name.
pub(crate) fn replace_in_factor(factor: &mut TableFactor) {
    let TableFactor::Table { name, args, .. } = factor else {
        return;
    };
    let names = args
        .as_ref()
        .and_then(|arguments| clause_names(name, &arguments.args));
    if let Some(names) = names {
        *name = ObjectName::from(names);
        *args = None;
    }
}

fn is_named(name: &ObjectName, wanted: &str) -> bool {
    match name.0.as_slice() {
        [part] => part.as_ident().is_some_and(|ident| {
            ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case(wanted)
        }),
        _ => false,
    }
}

/// The value of a text, or of texts that are joined.
fn constant_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Nested(inner) => constant_text(inner),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::StringConcat,
            right,
        } => Some(constant_text(left)? + &constant_text(right)?),
        Expr::Function(Function {
            name,
            args: FunctionArguments::List(list),
            ..
        }) if is_named(name, "concat") => list
            .args
            .iter()
            .map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(part)) => constant_text(part),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The names in the text of the clause. A text with `${…}` has no names yet.
fn clause_names(name: &ObjectName, args: &[FunctionArg]) -> Option<Vec<Ident>> {
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] = args else {
        return None;
    };
    if !is_named(name, "IDENTIFIER") {
        return None;
    }
    let text = constant_text(expr)?;
    if text.contains("${") {
        return None;
    }
    let names = text.split('.').map(str::trim).map(|part| {
        let quoted = part
            .strip_prefix('`')
            .and_then(|rest| rest.strip_suffix('`'));
        let mut ident = match quoted {
            Some(name) => Ident::with_quote('`', name),
            None => Ident::new(part),
        };
        ident.span = expr.span();
        ident
    });
    let names: Vec<Ident> = names.collect();
    names
        .iter()
        .all(|name| !name.value.is_empty() && !name.value.contains('`'))
        .then_some(names)
}
