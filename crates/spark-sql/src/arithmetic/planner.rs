//! Plans the arithmetic operators of a query as checked functions.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, ScalarUDF, binary_expr, cast};
use datafusion::scalar::ScalarValue;
use sqlparser::ast::BinaryOperator;

use super::dates::plan_date_and_interval;
use super::decimal_types::DecimalType;
use super::function::type_of;
use super::operation::Operation;
use crate::functions::{interval_multiple_udfs, is_interval};

/// Plans `+ - * / % DIV` of numbers; leaves dates and intervals to the engine.
#[derive(Debug)]
pub(crate) struct ArithmeticPlanner;

impl ExprPlanner for ArithmeticPlanner {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let Some(operation) = operation_of(&expr.op) else {
            return Ok(match plan_boolean_and_text(&expr, schema) {
                Some(planned) => PlannerResult::Planned(planned),
                None => PlannerResult::Original(expr),
            });
        };
        if let Some(planned) = plan_date_and_interval(&expr.left, &expr.right, operation, schema) {
            return Ok(PlannerResult::Planned(planned));
        }
        // A lambda's parameter has no type yet; the analyzer comes back to it.
        let (Ok(left), Ok(right)) = (type_of(&expr.left, schema), type_of(&expr.right, schema))
        else {
            return Ok(PlannerResult::Original(expr));
        };
        Ok(
            match plan_operation(
                operation,
                expr.left.clone(),
                &left,
                expr.right.clone(),
                &right,
            )? {
                Some(planned) => PlannerResult::Planned(planned),
                None => PlannerResult::Original(expr),
            },
        )
    }
}

/// A comparison of a boolean with a text, which is read as a boolean. The engine has no
/// common type for them.
fn plan_boolean_and_text(expr: &RawBinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let operator = match expr.op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        BinaryOperator::Spaceship => Operator::IsNotDistinctFrom,
        _ => return None,
    };
    let is_boolean = |data_type: &DataType| *data_type == DataType::Boolean;
    let is_text = |data_type: &DataType| {
        !data_type.is_numeric() && !data_type.is_null() && is_operand(data_type)
    };
    let (left, right) = (
        expr.left.get_type(schema).ok()?,
        expr.right.get_type(schema).ok()?,
    );
    let (left, right) = if is_boolean(&left) && is_text(&right) {
        (
            expr.left.clone(),
            cast(expr.right.clone(), DataType::Boolean),
        )
    } else if is_text(&left) && is_boolean(&right) {
        (
            cast(expr.left.clone(), DataType::Boolean),
            expr.right.clone(),
        )
    } else {
        return None;
    };
    Some(binary_expr(left, operator, right))
}

fn operation_of(operator: &BinaryOperator) -> Option<Operation> {
    Some(match operator {
        BinaryOperator::Plus => Operation::Add,
        BinaryOperator::Minus => Operation::Subtract,
        BinaryOperator::Multiply => Operation::Multiply,
        BinaryOperator::Divide => Operation::Divide,
        BinaryOperator::MyIntegerDivide | BinaryOperator::DuckIntegerDivide => {
            Operation::IntegralDivide
        }
        BinaryOperator::Modulo => Operation::Remainder,
        _ => return None,
    })
}

/// The checked form of an operation on numbers; `None` if it is the engine's own,
/// such as that of dates and intervals, or cannot fail and has the same type.
pub(crate) fn plan_operation(
    operation: Operation,
    left: Expr,
    left_type: &DataType,
    right: Expr,
    right_type: &DataType,
) -> Result<Option<Expr>> {
    if operation == Operation::Subtract
        && let Some(difference) = plan_difference(&left, left_type, &right, right_type)
    {
        return Ok(Some(difference));
    }
    if let Some(multiple) = plan_multiple(operation, &left, left_type, &right, right_type) {
        return Ok(Some(multiple));
    }
    if !is_operand(left_type) || !is_operand(right_type) {
        return Ok(None);
    }
    let text = |data_type: &DataType| !data_type.is_numeric() && !data_type.is_null();
    if text(left_type) && text(right_type) {
        // Also an error in Spark; the engine's message says which types.
        return Ok(None);
    }
    let [left_operand, right_operand] = operation.operand_types(left_type, right_type)?;
    if left_operand.is_floating() && !operation.divides() {
        // Cannot fail: the engine's own operator, which its optimizer knows.
        let left = cast_to(left, left_type, left_operand);
        let right = cast_to(right, right_type, right_operand);
        return Ok(Some(engine_operation(operation, left, right)));
    }
    let (left, right) = (
        narrow_literal(left, right_type),
        narrow_literal(right, left_type),
    );
    Ok(Some(super::checked(operation).call(vec![left, right])))
}

pub(super) static MULTIPLES: LazyLock<[Arc<ScalarUDF>; 2]> = LazyLock::new(interval_multiple_udfs);

/// An interval times a number, or divided by one.
fn plan_multiple(
    operation: Operation,
    left: &Expr,
    left_type: &DataType,
    right: &Expr,
    right_type: &DataType,
) -> Option<Expr> {
    let number = |data_type: &DataType| data_type.is_numeric() || data_type.is_null();
    let [times, divided] = &*MULTIPLES;
    match operation {
        Operation::Multiply if is_interval(left_type) && number(right_type) => {
            Some(times.call(vec![left.clone(), right.clone()]))
        }
        Operation::Multiply if number(left_type) && is_interval(right_type) => {
            Some(times.call(vec![right.clone(), left.clone()]))
        }
        Operation::Divide if is_interval(left_type) && number(right_type) => {
            Some(divided.call(vec![left.clone(), right.clone()]))
        }
        _ => None,
    }
}

/// The difference of two dates, or of a date or a timestamp and a text that is read as one.
fn plan_difference(
    left: &Expr,
    left_type: &DataType,
    right: &Expr,
    right_type: &DataType,
) -> Option<Expr> {
    let is_text = |data_type: &DataType| {
        matches!(
            data_type,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        )
    };
    let is_time =
        |data_type: &DataType| matches!(data_type, DataType::Date32 | DataType::Timestamp(..));
    let read = |text: &Expr, as_type: &DataType| cast(text.clone(), as_type.clone());
    let (left, right, common) = if *left_type == DataType::Date32 && left_type == right_type {
        (left.clone(), right.clone(), left_type)
    } else if is_time(left_type) && is_text(right_type) {
        (left.clone(), read(right, left_type), left_type)
    } else if is_text(left_type) && is_time(right_type) {
        (read(left, right_type), right.clone(), right_type)
    } else {
        return None;
    };
    Some(if *common == DataType::Date32 {
        days_between(left, right)
    } else {
        left - right
    })
}

/// The difference of two dates is an interval of days, which is the only one that
/// counts in seconds; the engine's would be a number.
fn days_between(left: Expr, right: Expr) -> Expr {
    let midnight = |day| cast(day, DataType::Timestamp(TimeUnit::Second, None));
    midnight(left) - midnight(right)
}

fn engine_operation(operation: Operation, left: Expr, right: Expr) -> Expr {
    match operation {
        Operation::Add => left + right,
        Operation::Subtract => left - right,
        _ => left * right,
    }
}

fn cast_to(expr: Expr, from: &DataType, to: DataType) -> Expr {
    if *from == to { expr } else { cast(expr, to) }
}

fn is_operand(data_type: &DataType) -> bool {
    data_type.is_numeric()
        || matches!(
            data_type,
            DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        )
}

/// An integer literal is an INT if it fits. Next to a decimal it has as many digits
/// as are written: `m * 2` has one digit more than `m`, and not ten.
pub(super) fn narrow_literal(literal: Expr, other: &DataType) -> Expr {
    let Some(value) = integer_literal(&literal) else {
        return literal;
    };
    if DecimalType::from_data_type(other).is_none() {
        return int_literal(literal);
    }
    let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
    match u8::try_from(digits) {
        Ok(precision) => Expr::Literal(
            ScalarValue::Decimal128(Some(i128::from(value)), precision, 0),
            None,
        ),
        Err(_) => literal,
    }
}

/// An integer literal that fits is an INT; the engine's parser makes all of them
/// BIGINT.
pub(super) fn int_literal(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), metadata) => {
            let value = match i32::try_from(value) {
                Ok(value) => ScalarValue::Int32(Some(value)),
                Err(_) => ScalarValue::Int64(Some(value)),
            };
            Expr::Literal(value, metadata)
        }
        other => other,
    }
}

fn integer_literal(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int8(value), _) => value.map(i64::from),
        Expr::Literal(ScalarValue::Int16(value), _) => value.map(i64::from),
        Expr::Literal(ScalarValue::Int32(value), _) => value.map(i64::from),
        Expr::Literal(ScalarValue::Int64(value), _) => *value,
        Expr::Cast(cast) if cast.field.data_type().is_integer() => match cast.expr.as_ref() {
            // `1L` is written as a cast of its digits.
            Expr::Literal(text, _)
                if text.data_type() == DataType::Utf8
                    && *cast.field.data_type() == DataType::Int64 =>
            {
                text.try_as_str()??.parse().ok()
            }
            number => integer_literal(number),
        },
        _ => None,
    }
}
