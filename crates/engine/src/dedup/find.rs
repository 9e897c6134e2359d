//! Recognizes `row_number() OVER (PARTITION BY …) = 1`.

use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::logical_plan::{Filter, Window};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, WindowFunctionDefinition};
use datafusion::scalar::ScalarValue;

/// The nodes of a deduplication inside a plan.
pub(crate) struct DedupMatch<'a> {
    /// The node to replace, a filter.
    pub(crate) node: &'a LogicalPlan,
    pub(crate) filter: &'a Filter,
    /// Which conjunct of the filter keeps only the first row.
    pub(crate) conjunct: usize,
    pub(crate) window: &'a Window,
    pub(crate) function: &'a WindowFunction,
}

/// The first deduplication whose input holds no other one.
pub(super) fn innermost_dedup(plan: &LogicalPlan) -> Option<DedupMatch<'_>> {
    // Plans inside these run more than once, or with outer rows in scope.
    if matches!(
        plan,
        LogicalPlan::Subquery(_) | LogicalPlan::RecursiveQuery(_)
    ) {
        return None;
    }
    plan.inputs()
        .into_iter()
        .find_map(innermost_dedup)
        .or_else(|| match_dedup(plan))
}

/// The deduplication that this node ends.
pub(crate) fn match_dedup(plan: &LogicalPlan) -> Option<DedupMatch<'_>> {
    let LogicalPlan::Filter(filter) = plan else {
        return None;
    };
    split_conjunction(&filter.predicate)
        .into_iter()
        .enumerate()
        .find_map(|(conjunct, predicate)| {
            let column = first_row_column(predicate)?;
            let index = filter.input.schema().maybe_index_of_column(column)?;
            let window = window_below(&filter.input, index)?;
            let function = row_number(window)?;
            Some(DedupMatch {
                node: plan,
                filter,
                conjunct,
                window,
                function,
            })
        })
}

/// The column `c` of `c = 1`, `c <= 1` or `c < 2`, with either side first.
fn first_row_column(predicate: &Expr) -> Option<&Column> {
    let Expr::BinaryExpr(binary) = predicate else {
        return None;
    };
    let (column, op, value) = match (
        integer_literal(&binary.left),
        integer_literal(&binary.right),
    ) {
        (None, Some(value)) => (&binary.left, binary.op, value),
        (Some(value), None) => (&binary.right, binary.op.swap()?, value),
        _ => return None,
    };
    let keeps_first = matches!(
        (op, value),
        (Operator::Eq | Operator::LtEq, 1) | (Operator::Lt, 2)
    );
    keeps_first.then(|| plain_column(column)).flatten()
}

fn plain_column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => plain_column(&alias.expr),
        Expr::Cast(cast) if holds_integers(cast.field.data_type()) => plain_column(&cast.expr),
        _ => None,
    }
}

/// Types to which type coercion converts the row number and the literal: a small
/// number is the same in all of them.
fn holds_integers(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Decimal128(_, 0))
}

fn integer_literal(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Alias(alias) => integer_literal(&alias.expr),
        Expr::Cast(cast) if holds_integers(cast.field.data_type()) => integer_literal(&cast.expr),
        Expr::Literal(value, _) => match value {
            ScalarValue::Int8(Some(v)) => Some(i128::from(*v)),
            ScalarValue::Int16(Some(v)) => Some(i128::from(*v)),
            ScalarValue::Int32(Some(v)) => Some(i128::from(*v)),
            ScalarValue::Int64(Some(v)) => Some(i128::from(*v)),
            ScalarValue::UInt8(Some(v)) => Some(i128::from(*v)),
            ScalarValue::UInt16(Some(v)) => Some(i128::from(*v)),
            ScalarValue::UInt32(Some(v)) => Some(i128::from(*v)),
            ScalarValue::UInt64(Some(v)) => Some(i128::from(*v)),
            _ => None,
        },
        _ => None,
    }
}

/// The window that computes column `index` of `plan`, below nodes that treat each
/// row independently.
fn window_below(plan: &LogicalPlan, index: usize) -> Option<&Window> {
    match plan {
        LogicalPlan::SubqueryAlias(node) => window_below(&node.input, index),
        LogicalPlan::Filter(node) => window_below(&node.input, index),
        LogicalPlan::Sort(node) if node.fetch.is_none() => window_below(&node.input, index),
        LogicalPlan::Projection(node) => {
            let column = renamed_column(node.expr.get(index)?)?;
            window_below(
                &node.input,
                node.input.schema().maybe_index_of_column(column)?,
            )
        }
        // Another function of the same node would also see the dropped rows.
        LogicalPlan::Window(node)
            if node.window_expr.len() == 1 && index == node.input.schema().fields().len() =>
        {
            Some(node)
        }
        _ => None,
    }
}

fn renamed_column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => renamed_column(&alias.expr),
        _ => None,
    }
}

fn row_number(window: &Window) -> Option<&WindowFunction> {
    let [expr] = window.window_expr.as_slice() else {
        return None;
    };
    let mut expr = expr;
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    let Expr::WindowFunction(function) = expr else {
        return None;
    };
    let WindowFunctionDefinition::WindowUDF(udf) = &function.fun else {
        return None;
    };
    let params = &function.params;
    let plain = params.args.is_empty() && params.filter.is_none() && !params.distinct;
    // Without PARTITION BY it keeps one row in all, which is not a
    // deduplication.
    (udf.name() == "row_number" && plain && !params.partition_by.is_empty()).then_some(function)
}
