//! Spark's arguments of aggregates as DataFusion has them.

use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, WindowFunctionParams};
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawAggregateExpr, RawWindowExpr,
};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, lit, when};

/// Functions with an argument that says whether NULL is ignored.
const WITH_NULL_ARGUMENT: &[&str] = &["first_value", "last_value"];

/// Plans `first(x, true)` as `first(x) IGNORE NULLS`.
#[derive(Debug)]
pub(crate) struct AggregatePlanner;

impl ExprPlanner for AggregatePlanner {
    fn plan_aggregate(&self, mut raw: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        let treatment = take_null_argument(raw.func.name(), &mut raw.args);
        let counts_tuples = raw.func.name() == "count" && raw.args.len() > 1;
        if treatment.is_none() && !counts_tuples {
            return Ok(PlannerResult::Original(raw));
        }
        if counts_tuples {
            raw.args = vec![complete_tuple(raw.args, raw.distinct)?];
        }
        Ok(PlannerResult::Planned(Expr::AggregateFunction(
            AggregateFunction::new_udf(
                raw.func,
                raw.args,
                raw.distinct,
                raw.filter,
                raw.order_by,
                treatment.or(raw.null_treatment),
            ),
        )))
    }

    fn plan_window(&self, mut raw: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        let Some(treatment) = take_null_argument(raw.func_def.name(), &mut raw.args) else {
            return Ok(PlannerResult::Original(raw));
        };
        let mut window =
            datafusion::logical_expr::expr::WindowFunction::new(raw.func_def, raw.args);
        window.params = WindowFunctionParams {
            args: window.params.args,
            partition_by: raw.partition_by,
            order_by: raw.order_by,
            window_frame: raw.window_frame,
            filter: raw.filter,
            null_treatment: Some(treatment),
            distinct: raw.distinct,
        };
        Ok(PlannerResult::Planned(Expr::from(window)))
    }
}

/// The argument of `count(a, b)`, which counts the rows where all are there, and of
/// `count(DISTINCT a, b)`, which counts their different values.
fn complete_tuple(args: Vec<Expr>, distinct: bool) -> Result<Expr> {
    let complete = conjunction(args.iter().cloned().map(Expr::is_not_null)).unwrap_or(lit(true));
    let value = if distinct {
        datafusion::functions::core::r#struct().call(args)
    } else {
        lit(true)
    };
    when(complete, value).end()
}

/// Removes the second argument of `first(x, true)` from `args`.
fn take_null_argument(function: &str, args: &mut Vec<Expr>) -> Option<NullTreatment> {
    if !WITH_NULL_ARGUMENT.contains(&function) {
        return None;
    }
    let [_, Expr::Literal(ScalarValue::Boolean(Some(ignore)), _)] = args.as_slice() else {
        return None;
    };
    let treatment = if *ignore {
        NullTreatment::IgnoreNulls
    } else {
        NullTreatment::RespectNulls
    };
    args.truncate(1);
    Some(treatment)
}
