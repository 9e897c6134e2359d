//! Replaces casts in a plan.

use std::sync::{Arc, LazyLock};

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan, ScalarUDF, TryCast};
use datafusion::optimizer::AnalyzerRule;

use super::convert::{Conversion, find_forbidden};
use super::function::cast_functions;
use super::special_times::special_time;
use crate::functions::{Zone, session_zone};
use crate::plan_expressions::rewrite_expressions;
use crate::types::sql_type_name;

static FUNCTIONS: LazyLock<[Arc<ScalarUDF>; 2]> = LazyLock::new(cast_functions);

/// Replaces the casts that DataFusion does otherwise than Spark. Runs after the
/// types of operands and arguments are known.
#[derive(Debug)]
pub(crate) struct SparkCasts;

impl AnalyzerRule for SparkCasts {
    fn name(&self) -> &'static str {
        "spark_casts"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let in_utc = session_zone(config)? == Zone::UTC;
        rewrite_expressions(plan, &|expr, schema| {
            expr.transform_up(|expr| replace_cast(expr, schema, in_utc))
        })
    }
}

fn replace_cast(expr: Expr, schema: &DFSchema, in_utc: bool) -> Result<Transformed<Expr>> {
    let (value, target, function) = match &expr {
        Expr::Cast(Cast { expr, field }) => (expr, field.data_type(), &FUNCTIONS[0]),
        Expr::TryCast(TryCast { expr, field }) => (expr, field.data_type(), &FUNCTIONS[1]),
        _ => return Ok(Transformed::no(expr)),
    };
    if let Some(time) = special_time(value, target) {
        let time = time.transform_up(|expr| replace_cast(expr, schema, in_utc))?;
        return Ok(Transformed::yes(time.data));
    }
    let from = value.get_type(schema)?;
    if let Some(help) = find_forbidden(&from, target) {
        return plan_err!(
            "{} cannot be cast to {}; {help}",
            sql_type_name(&from),
            sql_type_name(target)
        );
    }
    match Conversion::choose(&from, target) {
        None => return Ok(Transformed::no(expr)),
        // In UTC DataFusion's cast is the same, and its optimizer knows it.
        Some(Conversion::ByClock) if in_utc => return Ok(Transformed::no(expr)),
        Some(_) => {}
    }
    let target = Expr::Literal(ScalarValue::try_new_null(target)?, None);
    let value = value.as_ref().clone();
    Ok(Transformed::yes(function.call(vec![value, target])))
}
