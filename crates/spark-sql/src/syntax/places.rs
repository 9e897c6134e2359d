//! The places of `round` and its kin, which may be any constant: `round(x, 1L)`,
//! `round(x, 1 + 1)`. The type of the result depends on them, and the engine sees literals
//! only.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, UnaryOperator, Value,
};

/// Writes the second argument of a rounding as a number, if it is a constant.
pub(super) fn fold_places(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(places))] = list.args.as_mut_slice() else {
        return;
    };
    if let Some(number) = whole_constant(places) {
        let digits = Value::Number(number.unsigned_abs().to_string(), false);
        let digits = Expr::Value(digits.into());
        *places = if number < 0 {
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr: Box::new(digits),
            }
        } else {
            digits
        };
    }
}

/// The whole number that a constant is, or becomes by a cast to INT.
fn whole_constant(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Nested(expr) => whole_constant(expr),
        Expr::Value(value) => match &value.value {
            // The digits after the point are cut off.
            Value::Number(digits, _) => {
                let whole = digits
                    .split_once('.')
                    .map_or(digits.as_str(), |parts| parts.0);
                whole.parse().ok()
            }
            Value::SingleQuotedString(text) => text.trim().parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op, expr } => {
            let number = whole_constant(expr)?;
            match op {
                UnaryOperator::Minus => number.checked_neg(),
                UnaryOperator::Plus => Some(number),
                _ => None,
            }
        }
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = (whole_number(left)?, whole_number(right)?);
            match op {
                BinaryOperator::Plus => left.checked_add(right),
                BinaryOperator::Minus => left.checked_sub(right),
                BinaryOperator::Multiply => left.checked_mul(right),
                _ => None,
            }
        }
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type:
                DataType::TinyInt(_)
                | DataType::SmallInt(_)
                | DataType::Int(_)
                | DataType::Integer(_)
                | DataType::BigInt(_),
            ..
        } => whole_constant(expr),
        _ => None,
    }
}

/// As [`whole_constant`], of operands: `1.5 + 1.5` is no sum of whole numbers.
fn whole_number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        expr => whole_constant(expr),
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn constants_are_folded() {
        for (text, number) in [
            ("2", Some(2)),
            ("-2", Some(-2)),
            ("CAST('1' AS BIGINT)", Some(1)),
            ("CAST(2 AS TINYINT)", Some(2)),
            ("1 + 1", Some(2)),
            ("(3 - 1) * -1", Some(-2)),
            ("'1'", Some(1)),
            ("1.9", Some(1)),
            ("1.5 + 1.5", None),
            ("x", None),
            ("NULL", None),
            ("CAST(x AS INT)", None),
        ] {
            let mut parser = Parser::new(&GenericDialect).try_with_sql(text).unwrap();
            let expr = parser.parse_expr().unwrap();
            assert_eq!(whole_constant(&expr), number, "{text}");
        }
    }
}
