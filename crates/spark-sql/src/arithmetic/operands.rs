//! Types of operands where the planner of a query does not see them.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, cast, when,
};
use datafusion::optimizer::AnalyzerRule;

use super::common_type::{
    as_common, case_of_one_type, check_compared, chooses, common_type, union_of_one_type,
};
use super::dates::plan_date_and_interval;
use super::decimal_types::DecimalType;
use super::function::{ArithmeticFunction, type_of};
use super::operation::Operation;
use super::planner::{int_literal, narrow_literal, plan_operation};
use crate::casts::named_cast;
use crate::functions::{interval_micros_udf, is_interval};
use crate::map_comparisons::{check_map_comparisons, holds_map};
use crate::plan_expressions::{compares, rewrite_expressions};

/// The engine compares the parts of intervals one by one, so that a day is no 24 hours.
static INTERVAL_MICROS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(interval_micros_udf);

/// Plans the arithmetic inside lambdas, whose parameters get their types late,
/// unary minus and casts by name, and compares text with numbers as
/// numbers. Runs before DataFusion chooses the types of operands.
#[derive(Debug)]
pub(crate) struct NumericOperands;

impl AnalyzerRule for NumericOperands {
    fn name(&self) -> &'static str {
        "numeric_operands"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.apply_with_subqueries(check_map_comparisons)?;
        let plan = rewrite_expressions(plan, &|expr, schema| {
            expr.transform_up(|expr| plan_operands(expr, schema))
        })?;
        Ok(plan.transform_up_with_subqueries(union_of_one_type)?.data)
    }
}

fn plan_operands(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Some(cast) = named_cast(&expr) {
        return Ok(Transformed::yes(cast));
    }
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (Ok(left_type), Ok(right_type)) = (type_of(&left, schema), type_of(&right, schema))
            else {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr {
                    left,
                    op,
                    right,
                })));
            };
            if let Some(operation) = operation_of(op) {
                let planned = plan_operation(
                    operation,
                    left.as_ref().clone(),
                    &left_type,
                    right.as_ref().clone(),
                    &right_type,
                )?;
                if let Some(planned) = planned {
                    return Ok(Transformed::yes(planned));
                }
            } else if compares(op) && (holds_map(&left_type) || holds_map(&right_type)) {
                return plan_err!("maps cannot be compared; compare array_sort(map_entries(m))");
            } else if compares(op) && is_interval(&left_type) && is_interval(&right_type) {
                let micros = |interval: Expr| INTERVAL_MICROS.call(vec![interval]);
                return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr {
                    left: Box::new(micros(*left)),
                    op,
                    right: Box::new(micros(*right)),
                })));
            } else if compares(op) {
                let (left, right) = (
                    compare_as(*left, &left_type, &right_type),
                    compare_as(*right, &right_type, &left_type),
                );
                return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr {
                    left: Box::new(left),
                    op,
                    right: Box::new(right),
                })));
            }
            Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr {
                left,
                op,
                right,
            })))
        }
        Expr::Negative(value) => match value.get_type(schema) {
            Ok(data_type) if data_type.is_integer() => {
                let zero = Expr::Literal(ScalarValue::new_zero(&data_type)?, None);
                let negative = super::checked(Operation::Subtract).call(vec![zero, *value]);
                Ok(Transformed::yes(negative))
            }
            // Text is read as a number.
            Ok(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                let number = Expr::Negative(Box::new(cast(*value, DataType::Float64)));
                Ok(Transformed::yes(number))
            }
            _ => Ok(Transformed::no(Expr::Negative(value))),
        },
        Expr::InList(InList {
            expr,
            list,
            negated,
        }) => {
            let value_type = expr.get_type(schema)?;
            let item_types = types_of(&list, schema)?;
            let mut value = *expr;
            if let Some(number) = item_types
                .iter()
                .find(|item| item.is_floating())
                .or_else(|| item_types.iter().find(|item| item.is_numeric()))
            {
                value = compare_as(value, &value_type, number);
            }
            let list = list
                .into_iter()
                .zip(item_types)
                .map(|(item, item_type)| compare_as(item, &item_type, &value_type))
                .collect();
            Ok(Transformed::yes(Expr::InList(InList {
                expr: Box::new(value),
                list,
                negated,
            })))
        }
        Expr::Between(Between {
            expr,
            negated,
            low,
            high,
        }) => {
            let value_type = expr.get_type(schema)?;
            let (low_type, high_type) = (low.get_type(schema)?, high.get_type(schema)?);
            let bound_type = if low_type.is_numeric() {
                &low_type
            } else {
                &high_type
            };
            Ok(Transformed::yes(Expr::Between(Between {
                expr: Box::new(compare_as(*expr, &value_type, bound_type)),
                negated,
                low: Box::new(compare_as(*low, &low_type, &value_type)),
                high: Box::new(compare_as(*high, &high_type, &value_type)),
            })))
        }
        // Numbers and times are compared with a pattern as texts.
        Expr::Like(mut like) => {
            for side in [&mut like.expr, &mut like.pattern] {
                let data_type = side.get_type(schema)?;
                if data_type.is_numeric() || data_type.is_temporal() {
                    **side = cast(side.as_ref().clone(), DataType::Utf8);
                }
            }
            Ok(Transformed::yes(Expr::Like(like)))
        }
        Expr::Case(case) => case_of_one_type(case, schema),
        // The engine has no RANGE frames over intervals, which windows have by default.
        Expr::WindowFunction(mut window) => {
            for key in &mut window.params.order_by {
                if key.expr.get_type(schema).is_ok_and(|key| is_interval(&key)) {
                    key.expr = INTERVAL_MICROS.call(vec![key.expr.clone()]);
                }
            }
            Ok(Transformed::yes(Expr::WindowFunction(window)))
        }
        // Of the type of its first argument, whatever that is compared with.
        Expr::ScalarFunction(ScalarFunction { func, args })
            if func.name() == "nullif" && args.len() == 2 =>
        {
            let mut args = args.into_iter().map(int_literal);
            let (Some(value), Some(other)) = (args.next(), args.next()) else {
                return internal_err!("nullif has two arguments");
            };
            let equal = value.clone().eq(other);
            let equal = plan_operands(equal, schema)?.data;
            let null = ScalarValue::try_new_null(&value.get_type(schema)?)?;
            let case = when(equal, Expr::Literal(null, None)).otherwise(value)?;
            Ok(Transformed::yes(case))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if chooses(func.name()) => {
            let args: Vec<Expr> = args.into_iter().map(int_literal).collect();
            let types = types_of(&args, schema)?;
            if matches!(func.name(), "greatest" | "least") {
                check_compared(func.name(), &types)?;
            }
            // The condition of `if` is none of its values.
            let values = usize::from(matches!(func.name(), "if" | "nvl2"));
            let Some(common) = common_type(types.get(values..).unwrap_or_default()) else {
                return Ok(Transformed::yes(func.call(args)));
            };
            let args = args
                .into_iter()
                .zip(types)
                .enumerate()
                .map(|(at, (arg, data_type))| {
                    if at < values {
                        arg
                    } else {
                        as_common(arg, &data_type, &common)
                    }
                })
                .collect();
            Ok(Transformed::yes(func.call(args)))
        }
        // The items of an array have one type; keys and values of a map one each.
        Expr::ScalarFunction(ScalarFunction { func, args })
            if matches!(func.name(), "array" | "concat" | "map_concat" | "spark_map")
                && types_of(&args, schema).is_ok() =>
        {
            let types = types_of(&args, schema)?;
            // Values that are no arrays become text.
            let is_text = func.name() == "concat" && !types.iter().any(DataType::is_nested);
            if is_text {
                let concat = ScalarFunction { func, args };
                return Ok(Transformed::no(Expr::ScalarFunction(concat)));
            }
            let kinds = if func.name() == "spark_map" { 2 } else { 1 };
            let commons: Vec<Option<DataType>> = (0..kinds)
                .map(|kind| {
                    let same: Vec<DataType> =
                        types.iter().skip(kind).step_by(kinds).cloned().collect();
                    common_type(&same)
                })
                .collect();
            let args = args
                .into_iter()
                .zip(&types)
                .zip(commons.iter().cycle())
                .map(|((arg, data_type), common)| match common {
                    Some(common) => as_common(arg, data_type, common),
                    None => arg,
                })
                .collect();
            Ok(Transformed::yes(func.call(args)))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            // `try_add` of times, or planned for a lambda's parameter that turned out to be
            // a date.
            let function = func.inner().downcast_ref::<ArithmeticFunction>();
            let types = types_of(&args, schema).unwrap_or_default();
            if let (Some(function), [left, right]) = (function, args.as_slice())
                && let Some(operator) = function.engine_operator()
                && types.iter().any(DataType::is_temporal)
            {
                if let Some(planned) =
                    plan_date_and_interval(left, right, function.operation(), schema)
                {
                    return Ok(Transformed::yes(planned));
                }
                return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
                    Box::new(left.clone()),
                    operator,
                    Box::new(right.clone()),
                ))));
            }
            if function.is_some() {
                let narrowed = match (<[Expr; 2]>::try_from(args), types.as_slice()) {
                    (Ok([left, right]), [left_type, right_type]) => vec![
                        narrow_literal(left, right_type),
                        narrow_literal(right, left_type),
                    ],
                    (Ok(operands), _) => operands.into_iter().map(int_literal).collect(),
                    (Err(args), _) => args,
                };
                return Ok(Transformed::yes(func.call(narrowed)));
            }
            Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction {
                func,
                args,
            })))
        }
        other => Ok(Transformed::no(other)),
    }
}

pub(super) fn types_of(exprs: &[Expr], schema: &DFSchema) -> Result<Vec<DataType>> {
    exprs.iter().map(|expr| type_of(expr, schema)).collect()
}

/// What is compared with a value of the type `other`. Text is read as a number or a
/// boolean; DataFusion would write the number as text. A decimal next to a float becomes
/// one; DataFusion would make a decimal of the float.
fn compare_as(expr: Expr, data_type: &DataType, other: &DataType) -> Expr {
    if other.is_floating() && DecimalType::from_data_type(data_type).is_some() {
        return cast(expr, DataType::Float64);
    }
    let is_text = matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    if is_text && *other == DataType::Boolean {
        return cast(expr, DataType::Boolean);
    }
    if !is_text || !other.is_numeric() {
        return expr;
    }
    cast(
        expr,
        if other.is_integer() {
            DataType::Int64
        } else {
            DataType::Float64
        },
    )
}

const fn operation_of(operator: Operator) -> Option<Operation> {
    Some(match operator {
        Operator::Plus => Operation::Add,
        Operator::Minus => Operation::Subtract,
        Operator::Multiply => Operation::Multiply,
        Operator::Divide => Operation::Divide,
        Operator::Modulo => Operation::Remainder,
        Operator::IntegerDivide => Operation::IntegralDivide,
        _ => return None,
    })
}
