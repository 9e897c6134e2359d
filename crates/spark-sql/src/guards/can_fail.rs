//! Which expressions can end a query.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable};

use super::functions::is_guarded;
use crate::arithmetic::{ArithmeticFunction, type_of};
use crate::casts::CastFunction;
use crate::functions::SORT_BY;

/// Functions that fail for some values, in addition to those that say so
/// themselves.
const FALLIBLE: &[&str] = &[
    "array_element",
    "array_item",
    "assert_true",
    "conv",
    "decode",
    "element_at",
    "elt",
    "factorial",
    "format_number",
    "from_csv",
    "from_json",
    "from_unixtime",
    "make_date",
    "make_interval",
    "make_timestamp",
    "make_timestamp_ltz",
    "make_timestamp_ntz",
    "next_day",
    "parse_json",
    "parse_url",
    "raise_error",
    "range",
    "sequence",
    "to_binary",
    "to_char",
    "to_date",
    "to_number",
    "to_timestamp",
    "to_timestamp_ltz",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_nanos",
    "to_timestamp_ntz",
    "to_timestamp_seconds",
    "to_unix_timestamp",
    "to_unixtime",
    "unix_timestamp",
    "url_decode",
];

/// Functions that fail for some integers and decimals.
const FALLIBLE_UNLESS_FLOAT: &[&str] = &["abs", "bround", "ceil", "floor", "negative", "round"];

/// Whether evaluating `expr` can fail for some row. What has no columns is
/// computed once, when the query is planned, and counts as safe.
pub(crate) fn can_fail(expr: &Expr, schema: &DFSchema) -> bool {
    let mut found = false;
    let walked = expr.apply(|expr| {
        if is_guarded(expr) {
            // Its parts are evaluated only where they are needed.
            return Ok(TreeNodeRecursion::Jump);
        }
        if node_can_fail(expr, schema) {
            found = true;
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found || walked.is_err()
}

fn node_can_fail(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            if args.iter().all(is_constant) {
                return false;
            }
            let types = || -> Option<Vec<DataType>> {
                args.iter().map(|arg| type_of(arg, schema).ok()).collect()
            };
            if let Some(function) = func.inner().downcast_ref::<ArithmeticFunction>() {
                return match types().as_deref() {
                    Some([left, right]) => function.can_fail(left, right, args.get(1)),
                    _ => true,
                };
            }
            if let Some(function) = func.inner().downcast_ref::<CastFunction>() {
                return match types().as_deref() {
                    Some([from, to]) => function.can_fail(from, to),
                    _ => true,
                };
            }
            let name = func.name();
            let of_float =
                || types().is_some_and(|types| types.first().is_some_and(DataType::is_floating));
            FALLIBLE.contains(&name) || (FALLIBLE_UNLESS_FLOAT.contains(&name) && !of_float())
        }
        // A comparison that gives NULL.
        Expr::HigherOrderFunction(call) => call.func.name() == SORT_BY,
        Expr::Cast(Cast { expr, field }) => {
            let from = expr.get_type(schema);
            !is_constant(expr)
                && from.is_ok_and(|from| is_text(&from) && !is_text(field.data_type()))
        }
        _ => false,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_constant(expr: &Expr) -> bool {
    let mut constant = true;
    let walked = expr.apply(|expr| {
        constant &= !matches!(
            expr,
            Expr::Column(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::LambdaVariable(_)
                | Expr::ScalarSubquery(_)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
        );
        Ok(TreeNodeRecursion::Continue)
    });
    constant && walked.is_ok()
}
