//! Spark's forms of GROUP BY.

use std::ops::ControlFlow;

use sluice_jobfile::visit_nodes_mut;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, FunctionArguments, GroupByExpr, GroupByWithModifier,
    Ident, ObjectName, Select, SelectItem, Value, VisitorMut,
};

use super::call_function;

/// Rewrites `GROUP BY a, b WITH ROLLUP | CUBE` and `GROUP BY a, b GROUPING SETS
/// (…)`, whose modifiers the planner ignores.
pub(super) fn rewrite_group_by(select: &mut Select) {
    let GroupByExpr::Expressions(exprs, modifiers) = &mut select.group_by else {
        return;
    };
    let mut written = grouping_columns(exprs);
    for modifier in std::mem::take(modifiers) {
        let sets = |exprs: &mut Vec<Expr>| -> Vec<Vec<Expr>> {
            std::mem::take(exprs)
                .into_iter()
                .map(|expr| match expr {
                    Expr::Tuple(parts) => parts,
                    expr => vec![expr],
                })
                .collect()
        };
        *exprs = vec![match modifier {
            GroupByWithModifier::Rollup => Expr::Rollup(sets(exprs)),
            GroupByWithModifier::Cube => Expr::Cube(sets(exprs)),
            GroupByWithModifier::GroupingSets(expr) => expr,
            // Refused before.
            GroupByWithModifier::Totals => return,
        }];
    }
    for expr in exprs.iter_mut() {
        if let Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) = expr {
            for expr in sets.iter_mut().flatten() {
                resolve_position(expr, &select.projection);
            }
        }
    }
    // `GROUP BY a, b GROUPING SETS (…)` names its keys in their order.
    if written.is_empty() {
        written = grouping_columns(exprs);
    }
    for key in &mut written {
        resolve_position(key, &select.projection);
    }
    if let Some(having) = &mut select.having {
        name_aggregates(having, &select.projection, exprs);
    }
    if exprs.iter().any(is_grouping_set) {
        require_rows(&mut select.having);
    }
    let mut typer = GroupingCalls { keys: written };
    let _ = visit_nodes_mut(&mut select.projection, &mut typer);
    for condition in [&mut select.having, &mut select.qualify] {
        let _ = visit_nodes_mut(condition, &mut typer);
    }
}

/// In HAVING, a name that is no key is that of the select list, also where a column has
/// it, which could not be read there.
fn name_aggregates(condition: &mut Expr, projection: &[SelectItem], keys: &[Expr]) {
    match condition {
        Expr::Identifier(name) => {
            let is_name = |other: &Ident| other.value.to_lowercase() == name.value.to_lowercase();
            let is_key = keys.iter().any(|key| match key {
                Expr::Identifier(key) => is_name(key),
                Expr::CompoundIdentifier(parts) => parts.last().is_some_and(is_name),
                _ => false,
            });
            let named = projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias {
                    expr: expr @ Expr::Function(_),
                    alias,
                } if is_name(alias) => Some(expr.clone()),
                _ => None,
            });
            if let (false, Some(named)) = (is_key || keys.iter().any(is_grouping_set), named) {
                *condition = named;
            }
        }
        Expr::BinaryOp { left, right, .. } => {
            name_aggregates(left, projection, keys);
            name_aggregates(right, projection, keys);
        }
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::InList { expr: inner, .. } => name_aggregates(inner, projection, keys),
        Expr::Between {
            expr, low, high, ..
        } => {
            for part in [expr, low, high] {
                name_aggregates(part, projection, keys);
            }
        }
        _ => {}
    }
}

fn is_grouping_set(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_)
    )
}

/// Without rows Spark has no groups, also not that of all rows.
fn require_rows(having: &mut Option<Expr>) {
    let one = Expr::Value(Value::Number("1".to_owned(), false).into());
    let none = Expr::Value(Value::Number("0".to_owned(), false).into());
    let has_rows = Expr::BinaryOp {
        left: Box::new(call_function("count", vec![one])),
        op: BinaryOperator::Gt,
        right: Box::new(none),
    };
    *having = Some(match having.take() {
        None => has_rows,
        Some(given) => Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(given))),
            op: BinaryOperator::And,
            right: Box::new(has_rows),
        },
    });
}

/// Gives `grouping` and `grouping_id` the types that they have in Spark, and
/// `grouping_id()` its arguments, which are all keys.
struct GroupingCalls {
    keys: Vec<Expr>,
}

impl VisitorMut for GroupingCalls {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(call) = expr else {
            return ControlFlow::Continue(());
        };
        let data_type = match call.name.to_string().to_lowercase().as_str() {
            "grouping" => DataType::TinyInt(None),
            "grouping_id" => DataType::BigInt(None),
            _ => return ControlFlow::Continue(()),
        };
        let FunctionArguments::List(list) = &call.args else {
            return ControlFlow::Continue(());
        };
        let mut call = call.clone();
        call.name = ObjectName::from(vec![Ident::new("grouping")]);
        if list.args.is_empty()
            && let Expr::Function(all) = call_function("grouping", self.keys.clone())
        {
            call = all;
        }
        *expr = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(Expr::Function(call)),
            data_type,
            array: false,
            format: None,
        };
        ControlFlow::Continue(())
    }
}

/// The columns that `exprs` group by, in order.
fn grouping_columns(exprs: &[Expr]) -> Vec<Expr> {
    let mut columns: Vec<Expr> = Vec::new();
    let mut add = |expr: &Expr| {
        if !columns.contains(expr) {
            columns.push(expr.clone());
        }
    };
    for expr in exprs {
        match expr {
            Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                sets.iter().flatten().for_each(&mut add);
            }
            Expr::Tuple(parts) => parts.iter().for_each(&mut add),
            expr => add(expr),
        }
    }
    columns
}

/// Puts the item of the select list in the place of its number.
fn resolve_position(expr: &mut Expr, projection: &[SelectItem]) {
    if let Some(SelectItem::UnnamedExpr(named) | SelectItem::ExprWithAlias { expr: named, .. }) =
        position_of(expr).and_then(|at| projection.get(at))
    {
        *expr = named.clone();
    }
}

/// The index in the select list that a number in GROUP BY stands for. The planner
/// knows positions only outside grouping sets.
fn position_of(expr: &Expr) -> Option<usize> {
    let Expr::Value(value) = expr else {
        return None;
    };
    let Value::Number(digits, _) = &value.value else {
        return None;
    };
    digits.parse::<usize>().ok()?.checked_sub(1)
}
