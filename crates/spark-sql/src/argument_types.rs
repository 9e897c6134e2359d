//! Types of arguments that go together in Spark, and are an error where they do not.
//!
//! The functions themselves take more: when a call is planned, all of its whole numbers
//! are BIGINT ([`crate::literals`]), so its types are known in the analyzed plan only.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::arithmetic::DecimalType;
use crate::functions::{Kind, parameter_kind, plain_type};
use crate::types::{spark_type_name, sql_type_name};

/// Checks the arguments of functions that put values into arrays and maps or look for
/// them there, and of those that take no number but an INT.
#[derive(Debug)]
pub(crate) struct ArgumentTypes;

impl AnalyzerRule for ArgumentTypes {
    fn name(&self) -> &'static str {
        "spark_argument_types"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        // The whole numbers of a recursive query are BIGINT.
        if !is_recursive(&plan)? {
            plan.apply_with_subqueries(check_node)?;
        }
        Ok(plan)
    }
}

fn is_recursive(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::RecursiveQuery(_));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn check_node(node: &LogicalPlan) -> Result<TreeNodeRecursion> {
    let schema = merge_schema(&node.inputs());
    node.apply_expressions(|expr| {
        expr.apply(|expr| {
            if let Expr::ScalarFunction(call) = expr {
                check_numbers(call, &schema)?;
                check_call(call, &schema)?;
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })
}

/// Functions that take no wider number for their INT; the others cast it.
const TAKES_INT_ONLY: &[&str] = &["array_insert", "array_repeat", "date_add", "date_sub"];

/// Functions of arrays by position, and of maps by key.
const ELEMENT_AT: &[&str] = &["element_at", "try_element_at"];

/// A BIGINT, a decimal or a float does not become an INT everywhere.
fn check_numbers(call: &ScalarFunction, schema: &DFSchema) -> Result<()> {
    let is_position = match call.args.first().map(|first| first.get_type(schema)) {
        Some(Ok(first)) => {
            ELEMENT_AT.contains(&call.name()) && matches!(plain_type(&first), DataType::List(_))
        }
        _ => false,
    };
    if !is_position && !TAKES_INT_ONLY.contains(&call.name()) {
        return Ok(());
    }
    for (at, argument) in call.args.iter().enumerate() {
        let is_int = parameter_kind(&call.func, at) == Some(Kind::Int);
        if !(is_int || is_position && at == 1) {
            continue;
        }
        let Ok(given) = argument.get_type(schema) else {
            continue;
        };
        let is_wider = given == DataType::Int64 || (given.is_numeric() && !given.is_integer());
        if is_wider {
            return plan_err!(
                "argument {} of `{}` is an INT, not a {}; write CAST(… AS INT)",
                at + 1,
                call.name(),
                sql_type_name(&given)
            );
        }
    }
    Ok(())
}

/// Which types two values may have that become one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Widening {
    /// Types of which one holds all values of the other.
    Tightest,
    /// Those, and decimals next to other numbers.
    Decimals,
}

/// What a function does with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Combination {
    /// Looks for the last argument in the first.
    Search,
    /// Has the last argument among the elements of the first, or takes it from there.
    Element,
    /// Takes the elements of two arrays as one set.
    Arrays,
    Maps,
}

fn combination_of(function: &str) -> Option<Combination> {
    Some(match function {
        "array_contains" | "map_contains_key" => Combination::Search,
        "array_append" | "array_insert" | "array_position" | "array_prepend" | "array_remove" => {
            Combination::Element
        }
        "array_except" | "array_intersect" | "array_union" | "arrays_overlap" => {
            Combination::Arrays
        }
        "map_concat" => Combination::Maps,
        _ => return None,
    })
}

fn check_call(call: &ScalarFunction, schema: &DFSchema) -> Result<()> {
    let Some(combination) = combination_of(call.name()) else {
        return Ok(());
    };
    let types: Result<Vec<DataType>> = call
        .args
        .iter()
        .map(|argument| Ok(plain_type(&argument.get_type(schema)?)))
        .collect();
    // The parameter of a lambda has no type here.
    let (Ok(types), name) = (types, call.name()) else {
        return Ok(());
    };
    let (Some(first), Some(last)) = (types.first(), types.last()) else {
        return Ok(());
    };
    let untyped = match combination {
        Combination::Search | Combination::Arrays => first.is_null() || last.is_null(),
        Combination::Element => first.is_null(),
        Combination::Maps => types.iter().any(DataType::is_null),
    };
    if untyped {
        return plan_err!(
            "`{name}` cannot take a NULL without a type; write CAST(NULL AS …) or leave it out"
        );
    }
    let go_together =
        match combination {
            Combination::Search => element_of(first)
                .is_none_or(|element| have_one_type(element, last, Widening::Decimals)),
            Combination::Element => element_of(first)
                .is_none_or(|element| have_one_type(element, last, Widening::Tightest)),
            Combination::Arrays => have_one_type(first, last, Widening::Tightest),
            Combination::Maps => true,
        };
    if go_together {
        return Ok(());
    }
    plan_err!(
        "`{name}` cannot combine values of the types {} and {}; CAST one of them",
        spark_type_name(first),
        spark_type_name(last)
    )
}

/// The type of an array's elements, or of a map's keys.
fn element_of(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(element) => Some(element.data_type()),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => fields.first().map(|key| key.data_type()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether values of both types become values of one type.
fn have_one_type(left: &DataType, right: &DataType, widening: Widening) -> bool {
    use DataType as T;
    if left == right || left.is_null() || right.is_null() {
        return true;
    }
    let is_time = |data_type: &DataType| matches!(data_type, T::Date32 | T::Timestamp(..));
    let is_interval = |data_type: &DataType| matches!(data_type, T::Interval(_) | T::Duration(_));
    match (left, right) {
        (T::List(left), T::List(right)) => {
            have_one_type(left.data_type(), right.data_type(), widening)
        }
        (T::Map(left, _), T::Map(right, _)) => {
            have_one_type(left.data_type(), right.data_type(), widening)
        }
        (T::Struct(left), T::Struct(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| {
                    left.name().eq_ignore_ascii_case(right.name())
                        && have_one_type(left.data_type(), right.data_type(), widening)
                })
        }
        (left, right) if left.is_numeric() && right.is_numeric() => {
            widening == Widening::Decimals || is_one_number(left, right)
        }
        (left, right) => {
            (is_time(left) && is_time(right)) || (is_interval(left) && is_interval(right))
        }
    }
}

/// Whether one of two types of numbers holds all numbers of the other; a float is taken
/// to hold all whole numbers.
fn is_one_number(left: &DataType, right: &DataType) -> bool {
    let decimals = (
        DecimalType::from_data_type(left),
        DecimalType::from_data_type(right),
    );
    let holds = |decimal: DecimalType, other: &DataType| {
        let before_point = i16::from(decimal.precision) - i16::from(decimal.scale);
        DecimalType::of_integer(other)
            .is_some_and(|whole| i16::from(whole.precision) <= before_point)
    };
    match decimals {
        (None, None) => true,
        (Some(decimal), None) => holds(decimal, right),
        (None, Some(decimal)) => holds(decimal, left),
        (Some(left), Some(right)) => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_one_type_with_few_others() {
        let tightest = |left: &DataType, right: &DataType| {
            let forth = have_one_type(left, right, Widening::Tightest);
            assert_eq!(forth, have_one_type(right, left, Widening::Tightest));
            forth
        };
        let decimal = |precision, scale| DataType::Decimal128(precision, scale);
        assert!(tightest(&decimal(12, 2), &DataType::Int32));
        assert!(!tightest(&decimal(11, 2), &DataType::Int32));
        assert!(!tightest(&decimal(12, 2), &decimal(12, 3)));
        assert!(!tightest(&decimal(12, 2), &DataType::Float64));
        assert!(tightest(&DataType::Int64, &DataType::Float32));
        assert!(!tightest(&DataType::Int64, &DataType::Utf8));
        assert!(have_one_type(
            &decimal(12, 2),
            &DataType::Float64,
            Widening::Decimals
        ));
    }
}
