//! `struct(a, b AS c, 1)`: a struct whose fields are called `a`, `c` and `col3`.

use sqlparser::ast::{AccessExpr, Expr, Ident, Value};

use super::call_function;

/// Rewrites `struct(…)` as a call that names the fields. It comes before dots are
/// rewritten, because `struct(x.a)` has a field `a` and `struct(x[0])` has not. A star is
/// expanded where the columns are known.
pub(super) fn name_fields(expr: &mut Expr) {
    let Expr::Struct { values, fields } = expr else {
        return;
    };
    let has_star = values
        .iter()
        .any(|value| matches!(value, Expr::Wildcard(_)));
    if !fields.is_empty() || has_star {
        return;
    }
    let mut arguments = Vec::with_capacity(values.len() * 2);
    for (at, value) in std::mem::take(values).into_iter().enumerate() {
        let name = field_name(&value).map_or_else(|| format!("col{}", at + 1), |n| n.value);
        arguments.push(Expr::Value(Value::SingleQuotedString(name).into()));
        arguments.push(match value {
            Expr::Named { expr, .. } => *expr,
            value => value,
        });
    }
    *expr = call_function("named_struct", arguments);
}

/// The name that an expression has on its own.
fn field_name(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Named { name, .. } | Expr::Identifier(name) => Some(name.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().cloned(),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last() {
            Some(AccessExpr::Dot(Expr::Identifier(name))) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}
