//! `max` and `min` of structs and arrays.

use std::sync::{Arc, LazyLock};

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{
    AggregateUDF, Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition,
};
use datafusion::optimizer::AnalyzerRule;

use super::extreme_by::{Extreme, ExtremeByFunction};
use crate::plan_expressions::rewrite_expressions;

static MAX_BY: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(ExtremeByFunction::new(Extreme::Greatest).into()));
static MIN_BY: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(ExtremeByFunction::new(Extreme::Least).into()));

/// Plans `max(x)` of structs and arrays as `max_by(x, x)`, where a NULL field is
/// less than every other. DataFusion's `max` skips such values.
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

fn replacement(function: &str, args: &[Expr], schema: &DFSchema) -> Option<Arc<AggregateUDF>> {
    let [value] = args else { return None };
    let by = match function {
        "max" => &MAX_BY,
        "min" => &MIN_BY,
        _ => return None,
    };
    let data_type = value.get_type(schema).ok()?;
    data_type.is_nested().then(|| Arc::clone(by))
}

fn replace_extreme(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::AggregateFunction(mut aggregate) => {
            match replacement(aggregate.func.name(), &aggregate.params.args, schema) {
                Some(func) => {
                    aggregate.params.args.extend_from_within(..);
                    let params = aggregate.params;
                    Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params }))
                }
                None => Transformed::no(Expr::AggregateFunction(aggregate)),
            }
        }
        Expr::WindowFunction(mut window) => {
            match replacement(window.fun.name(), &window.params.args, schema) {
                Some(func) => {
                    window.params.args.extend_from_within(..);
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
