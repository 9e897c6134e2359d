//! The types of number literals.
//!
//! DataFusion reads every whole number as a BIGINT, or as an unsigned one above
//! that. In Spark it is an INT where it fits, else a BIGINT, else a DECIMAL. The
//! literals are changed in the planned query, not in its syntax, so that functions
//! whose types depend on a literal still see one.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Union, Values};
use datafusion::optimizer::AnalyzerRule;

use crate::outer_columns;

/// Gives whole numbers Spark's types; it comes before the rules that coerce types.
#[derive(Debug, Default)]
pub(crate) struct IntegerLiteralRule;

impl AnalyzerRule for IntegerLiteralRule {
    fn name(&self) -> &str {
        "spark_integer_literals"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        // The columns of a recursive query have the types of its first planning.
        let mut is_recursive = false;
        plan.apply_with_subqueries(|node| {
            is_recursive |= matches!(node, LogicalPlan::RecursiveQuery(_));
            Ok(TreeNodeRecursion::Continue)
        })?;
        if is_recursive {
            return Ok(plan);
        }
        plan.transform_up_with_subqueries(|plan| {
            let plan = match plan {
                LogicalPlan::Limit(_) => return Ok(Transformed::no(plan)),
                LogicalPlan::Values(values) => return narrow_values(values),
                // Its schema has the types that the branches had when it was planned.
                LogicalPlan::Union(union) => {
                    let union = Union::try_new_with_loose_types(union.inputs)?;
                    return Ok(Transformed::yes(LogicalPlan::Union(union)));
                }
                plan => plan,
            };
            let names = NamePreserver::new(&plan);
            let plan = plan.map_expressions(|expr| {
                let saved = names.save(&expr);
                let rewritten = expr.transform_down(narrow_literal)?;
                Ok(if rewritten.transformed {
                    Transformed::yes(saved.restore(rewritten.data))
                } else {
                    rewritten
                })
            })?;
            if plan.transformed {
                plan.data.recompute_schema().map(Transformed::yes)
            } else {
                // A node below may have changed its types.
                plan.data.recompute_schema().map(Transformed::no)
            }
        })
        .and_then(|rewritten| outer_columns::update_types(rewritten.data))
    }
}

/// Narrows the columns of VALUES that hold nothing else than small whole numbers
/// and NULLs; the rows of a column have one type.
fn narrow_values(mut values: Values) -> Result<Transformed<LogicalPlan>> {
    let width = values.schema.fields().len();
    let mut changed = false;
    for at in 0..width {
        let narrowed: Option<Vec<Expr>> = values
            .values
            .iter()
            .map(|row| match row.get(at)? {
                Expr::Literal(ScalarValue::Int64(Some(value)), None) => {
                    let value = i32::try_from(*value).ok()?;
                    Some(Expr::Literal(ScalarValue::Int32(Some(value)), None))
                }
                Expr::Literal(ScalarValue::Int64(None) | ScalarValue::Null, None) => {
                    Some(Expr::Literal(ScalarValue::Int32(None), None))
                }
                _ => None,
            })
            .collect();
        let is_whole = values.schema.field(at).data_type() == &DataType::Int64;
        if let Some(narrowed) = narrowed.filter(|_| is_whole) {
            for (row, value) in values.values.iter_mut().zip(narrowed) {
                if let Some(cell) = row.get_mut(at) {
                    *cell = value;
                }
            }
            changed = true;
            continue;
        }
        // Inside of arrays, maps and structs the numbers are INT too.
        for row in &mut values.values {
            let Some(cell) = row.get_mut(at) else {
                continue;
            };
            if matches!(cell, Expr::Literal(..) | Expr::Cast(_)) {
                continue;
            }
            let narrowed = cell.clone().transform_down(narrow_literal)?;
            if narrowed.transformed {
                *cell = narrowed.data;
                changed = true;
            }
        }
    }
    if changed {
        LogicalPlanBuilder::values(values.values)?
            .build()
            .map(Transformed::yes)
    } else {
        Ok(Transformed::no(LogicalPlan::Values(values)))
    }
}

fn narrow_literal(expr: Expr) -> Result<Transformed<Expr>> {
    if let Expr::HigherOrderFunction(mut call) = expr {
        // Lambdas' parameters have the types that the other arguments had when the
        // query was planned.
        let mut changed = false;
        for argument in &mut call.args {
            if matches!(argument, Expr::Lambda(_)) {
                let narrowed = argument.clone().transform_down(narrow_literal)?;
                changed |= narrowed.transformed;
                *argument = narrowed.data;
            }
        }
        let expr = Expr::HigherOrderFunction(call);
        return Ok(Transformed::new(expr, changed, TreeNodeRecursion::Jump));
    }
    let narrowed = match &expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), None) => i32::try_from(*value)
            .ok()
            .map(|value| ScalarValue::Int32(Some(value))),
        Expr::Literal(ScalarValue::UInt64(Some(value)), None) => match i64::try_from(*value) {
            Ok(value) => Some(ScalarValue::Int64(Some(value))),
            Err(_) => {
                let digits = u8::try_from(value.to_string().len()).unwrap_or(20);
                Some(ScalarValue::Decimal128(Some(i128::from(*value)), digits, 0))
            }
        },
        // The select list names what a grouping set computes, literals included.
        Expr::GroupingSet(_) => {
            return Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump));
        }
        // These functions take positions in arrays as BIGINT only.
        Expr::ScalarFunction(call) if call.name().starts_with("json_") => {
            return Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump));
        }
        // count(1) counts rows, and the optimizer knows it by its literal.
        Expr::AggregateFunction(aggregate) if aggregate.func.name() == "count" => {
            let constant = aggregate
                .params
                .args
                .iter()
                .all(|argument| matches!(argument, Expr::Literal(..)));
            if constant && aggregate.params.filter.is_none() {
                return Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump));
            }
            None
        }
        _ => None,
    };
    Ok(match narrowed {
        Some(value) => Transformed::yes(Expr::Literal(value, None)),
        None => Transformed::no(expr),
    })
}
