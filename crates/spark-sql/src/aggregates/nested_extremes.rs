//! `max` and `min` of structs, arrays and intervals.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{
    AggregateUDF, Expr, ExprSchemable, LogicalPlan, ScalarUDF, WindowFunctionDefinition,
};
use datafusion::optimizer::AnalyzerRule;

use super::extreme_by::{Extreme, ExtremeByFunction};
use crate::functions::interval_micros_udf;
use crate::plan_expressions::rewrite_expressions;

static MAX_BY: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(ExtremeByFunction::new(Extreme::Greatest).into()));
static INTERVAL_MICROS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(interval_micros_udf);
static MIN_BY: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(ExtremeByFunction::new(Extreme::Least).into()));

/// Plans `max(x)` of structs and arrays as `max_by(x, x)`, where a NULL field is
/// less than every other. DataFusion's `max` skips such values. Intervals are compared by
/// their microseconds, not part by part.
#[derive(Debug)]
pub(crate) struct NestedExtremes;

impl AnalyzerRule for NestedExtremes {
    fn name(&self) -> &'static str {
        "nested_extremes"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_expressions(plan, &|expr, schema| {
            expr.transform_up(|expr| Ok(replace_extreme(expr, schema)))
        })
    }
}

/// The function that stands for `max` or `min`, and its second argument.
fn replacement(
    function: &str,
    args: &[Expr],
    schema: &DFSchema,
) -> Option<(Arc<AggregateUDF>, Expr)> {
    let [value] = args else { return None };
    let by = match function {
        "max" => &MAX_BY,
        "min" => &MIN_BY,
        _ => return None,
    };
    let key = match value.get_type(schema).ok()? {
        DataType::Interval(_) => INTERVAL_MICROS.call(vec![value.clone()]),
        data_type if data_type.is_nested() => value.clone(),
        _ => return None,
    };
    Some((Arc::clone(by), key))
}

fn replace_extreme(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::AggregateFunction(mut aggregate) => {
            match replacement(aggregate.func.name(), &aggregate.params.args, schema) {
                Some((func, key)) => {
                    aggregate.params.args.push(key);
                    let params = aggregate.params;
                    Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params }))
                }
                None => Transformed::no(Expr::AggregateFunction(aggregate)),
            }
        }
        Expr::WindowFunction(mut window) => {
            match replacement(window.fun.name(), &window.params.args, schema) {
                Some((func, key)) => {
                    window.params.args.push(key);
                    Transformed::yes(Expr::from(WindowFunction {
                        fun: WindowFunctionDefinition::AggregateUDF(func),
                        params: window.params,
                    }))
                }
                None => Transformed::no(Expr::WindowFunction(window)),
            }
        }
        other => Transformed::no(other),
    }
}
