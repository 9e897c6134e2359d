//! Maps have no order and no equality, so a plan that needs one is an error.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::expr::{AggregateFunction, GroupingSet};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

/// Aggregates that compare the values of their first argument.
const COMPARING: &[&str] = &["collect_set", "max", "min", "mode", "greatest_mode"];

/// Whether values of the type cannot be compared, because there is a map in them.
pub(crate) fn holds_map(data_type: &DataType) -> bool {
    match data_type {
        DataType::Map(..) => true,
        DataType::List(element) => holds_map(element.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| holds_map(field.data_type())),
        _ => false,
    }
}

/// An error for a node that orders, groups or compares rows by maps.
pub(crate) fn check_map_comparisons(node: &LogicalPlan) -> Result<TreeNodeRecursion> {
    match node {
        LogicalPlan::Sort(sort) => {
            let keys = sort.expr.iter().map(|key| &key.expr);
            if has_map(keys, sort.input.schema()) {
                return plan_err!("maps have no order; write ORDER BY array_sort(map_entries(m))");
            }
        }
        LogicalPlan::Distinct(distinct) => {
            let fields = distinct.input().schema().fields();
            if fields.iter().any(|field| holds_map(field.data_type())) {
                return plan_err!(
                    "rows with maps cannot be compared by DISTINCT or a set operation; select \
                     array_sort(map_entries(m)) in the place of the map"
                );
            }
        }
        LogicalPlan::Aggregate(aggregate) => {
            let schema = aggregate.input.schema();
            let keys = aggregate.group_expr.iter().flat_map(group_keys);
            if has_map(keys, schema) {
                return plan_err!(
                    "rows cannot be grouped by a map; write GROUP BY array_sort(map_entries(m))"
                );
            }
            for expr in &aggregate.aggr_expr {
                expr.apply(|expr| check_aggregate(expr, schema))?;
            }
        }
        LogicalPlan::Window(window) => {
            let schema = window.input.schema();
            for expr in &window.window_expr {
                expr.apply(|expr| check_window(expr, schema))?;
            }
        }
        _ => {}
    }
    Ok(TreeNodeRecursion::Continue)
}

fn has_map<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> bool {
    exprs.into_iter().any(|expr| {
        expr.get_type(schema)
            .is_ok_and(|data_type| holds_map(&data_type))
    })
}

fn group_keys(key: &Expr) -> Vec<&Expr> {
    match key {
        Expr::GroupingSet(GroupingSet::Rollup(keys) | GroupingSet::Cube(keys)) => {
            keys.iter().collect()
        }
        Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => sets.iter().flatten().collect(),
        key => vec![key],
    }
}

fn check_aggregate(expr: &Expr, schema: &DFSchema) -> Result<TreeNodeRecursion> {
    if let Expr::AggregateFunction(AggregateFunction { func, params }) = expr {
        let compared: &[Expr] = match func.name() {
            name if params.distinct || COMPARING.contains(&name) => &params.args,
            "max_by" | "min_by" => params.args.get(1..2).unwrap_or_default(),
            _ => &[],
        };
        if has_map(compared, schema) {
            return plan_err!(
                "`{}` cannot compare maps; write array_sort(map_entries(m))",
                func.name()
            );
        }
    }
    Ok(TreeNodeRecursion::Continue)
}

fn check_window(expr: &Expr, schema: &DFSchema) -> Result<TreeNodeRecursion> {
    if let Expr::WindowFunction(window) = expr {
        let params = &window.params;
        let keys = params.order_by.iter().map(|key| &key.expr);
        if has_map(params.partition_by.iter().chain(keys), schema) {
            return plan_err!(
                "the rows of a window cannot be compared by a map; write \
                 array_sort(map_entries(m))"
            );
        }
    }
    Ok(TreeNodeRecursion::Continue)
}
