//! Which expressions can be evaluated on any row.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

/// Functions that give a value for every argument.
const TOTAL_FUNCTIONS: &[&str] = &[
    "btrim",
    "character_length",
    "coalesce",
    "contains",
    "date_part",
    "ends_with",
    "get_field",
    "left",
    "length",
    "lower",
    "ltrim",
    "nullif",
    "nvl",
    "right",
    "rtrim",
    "starts_with",
    "substr",
    "substring",
    "trim",
    "upper",
];

/// Whether `expr` cannot fail, whatever the values of its columns. A predicate
/// that can fail may be evaluated only on rows on which the query, as it is
/// written, evaluates it: another condition may guard it.
pub(super) fn is_total(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::Alias(alias) => is_total(&alias.expr, schema),
        Expr::Not(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsNotUnknown(inner) => is_total(inner, schema),
        Expr::Between(between) => [&between.expr, &between.low, &between.high]
            .into_iter()
            .all(|part| is_total(part, schema)),
        Expr::InList(in_list) => {
            is_total(&in_list.expr, schema)
                && in_list.list.iter().all(|value| is_total(value, schema))
        }
        Expr::Like(like) => is_total(&like.expr, schema) && is_total(&like.pattern, schema),
        Expr::Case(case) => {
            let branches = case
                .when_then_expr
                .iter()
                .flat_map(|(when, then)| [when, then]);
            branches
                .chain(&case.expr)
                .chain(&case.else_expr)
                .all(|part| is_total(part, schema))
        }
        Expr::TryCast(cast) => is_total(&cast.expr, schema),
        Expr::Cast(cast) => {
            is_total(&cast.expr, schema)
                && cast
                    .expr
                    .get_type(schema)
                    .is_ok_and(|from| is_total_cast(&from, cast.field.data_type()))
        }
        Expr::BinaryExpr(binary) => {
            is_total_operator(binary, schema)
                && is_total(&binary.left, schema)
                && is_total(&binary.right, schema)
        }
        Expr::ScalarFunction(function) => {
            TOTAL_FUNCTIONS.contains(&function.name())
                && function.args.iter().all(|arg| is_total(arg, schema))
        }
        _ => false,
    }
}

fn is_total_operator(binary: &BinaryExpr, schema: &dyn ExprSchema) -> bool {
    match binary.op {
        Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq
        | Operator::And
        | Operator::Or
        | Operator::IsDistinctFrom
        | Operator::IsNotDistinctFrom
        | Operator::StringConcat => true,
        // The sum of a date and a number of days leaves the range of dates only
        // far beyond year 9999.
        Operator::Plus | Operator::Minus => [&binary.left, &binary.right]
            .into_iter()
            .any(|side| side.get_type(schema).is_ok_and(|t| t.is_temporal())),
        _ => false,
    }
}

/// Whether every value of a type has a value in another one.
fn is_total_cast(from: &DataType, to: &DataType) -> bool {
    let integer_digits = |data_type: &DataType| match data_type {
        DataType::Int8 => Some(3),
        DataType::Int16 => Some(5),
        DataType::Int32 => Some(10),
        DataType::Int64 => Some(19),
        _ => None,
    };
    match (from, to) {
        (from, to) if from == to => true,
        (DataType::Utf8 | DataType::Utf8View, DataType::Utf8 | DataType::LargeUtf8) => true,
        (DataType::Date32, DataType::Timestamp(..)) => true,
        (DataType::Decimal128(precision, scale), DataType::Decimal128(to, to_scale)) => {
            to_scale >= scale
                && i16::from(*to) - i16::from(*to_scale)
                    >= i16::from(*precision) - i16::from(*scale)
        }
        (from, DataType::Decimal128(precision, scale)) => integer_digits(from)
            .is_some_and(|digits| i16::from(*precision) - i16::from(*scale) >= digits),
        (from, DataType::Float64) => from.is_numeric(),
        (from, to) => match (integer_digits(from), integer_digits(to)) {
            (Some(from), Some(to)) => from <= to,
            _ => false,
        },
    }
}
