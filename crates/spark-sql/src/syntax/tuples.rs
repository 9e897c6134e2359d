//! `(a, b) IN ((1, 2), (3, 4))` and `(a, b) = (1, 2)`.
//!
//! In Spark these compare structs, whose fields are equal also where both are NULL.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{BinaryOperator, Expr, Spanned, UnaryOperator, Value};

use super::error_at;

/// Rewrites a comparison of tuples as comparisons of their parts.
pub(super) fn compare_parts(expr: &mut Expr) -> Result<(), Box<Diagnostic>> {
    let (rows, negated) = match expr {
        Expr::InList {
            expr: row,
            list,
            negated,
        } => match row.as_ref() {
            Expr::Tuple(parts) => (equal_rows(parts, list)?, *negated),
            _ => return Ok(()),
        },
        Expr::BinaryOp { left, op, right } => {
            let negated = match op {
                BinaryOperator::Eq | BinaryOperator::Spaceship => false,
                BinaryOperator::NotEq => true,
                _ => return Ok(()),
            };
            match left.as_ref() {
                Expr::Tuple(parts) => (
                    equal_rows(parts, std::slice::from_ref(right.as_ref()))?,
                    negated,
                ),
                _ => return Ok(()),
            }
        }
        _ => return Ok(()),
    };
    let any = rows
        .into_iter()
        .reduce(|left, right| combine(left, BinaryOperator::Or, right))
        .unwrap_or_else(|| Expr::Value(Value::Boolean(false).into()));
    let any = Expr::Nested(Box::new(any));
    *expr = if negated {
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(any),
        }
    } else {
        any
    };
    Ok(())
}

/// For each row, whether all its parts are those of `parts`.
fn equal_rows(parts: &[Expr], rows: &[Expr]) -> Result<Vec<Expr>, Box<Diagnostic>> {
    rows.iter()
        .map(|row| {
            let others = match row {
                Expr::Tuple(others) => others.as_slice(),
                _ => &[],
            };
            if others.len() != parts.len() {
                return Err(Box::new(
                    error_at(
                        format!("a row of {} values is expected here", parts.len()),
                        row.span(),
                    )
                    .with_help("write as many values as on the left: (a, b) IN ((1, 2), (3, 4))"),
                ));
            }
            let equal = parts.iter().zip(others).map(|(part, other)| {
                Expr::IsNotDistinctFrom(Box::new(part.clone()), Box::new(other.clone()))
            });
            let all = equal
                .reduce(|left, right| combine(left, BinaryOperator::And, right))
                .unwrap_or_else(|| Expr::Value(Value::Boolean(true).into()));
            Ok(Expr::Nested(Box::new(all)))
        })
        .collect()
}

fn combine(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}
