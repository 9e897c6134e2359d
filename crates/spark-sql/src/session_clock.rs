//! Arithmetic of timestamps in sessions whose zone is not UTC.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::expr::WindowFunctionParams;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, WindowFrameBound,
    WindowFrameUnits, cast, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use crate::functions::{Zone, plus_interval_udf, session_zone};
use crate::plan_expressions::rewrite_expressions;

static PLUS_INTERVAL: LazyLock<Arc<ScalarUDF>> = LazyLock::new(plus_interval_udf);

/// Counts months and days on the clock of the session's zone, and the time between
/// two timestamps as its clock shows it. The engine counts in UTC. Runs after the
/// types of operands are known.
#[derive(Debug)]
pub(crate) struct SessionClock;

impl AnalyzerRule for SessionClock {
    fn name(&self) -> &'static str {
        "session_clock"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        if session_zone(config)? == Zone::UTC {
            return Ok(plan);
        }
        rewrite_expressions(plan, &|expr, schema| {
            expr.transform_up(|expr| count_on_clock(expr, schema))
        })
    }
}

fn count_on_clock(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Expr::WindowFunction(call) = &expr {
        refuse_days_of_frame(&call.params, schema)?;
    }
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr else {
        return Ok(Transformed::no(expr));
    };
    let sign = match op {
        Operator::Plus => 1_i64,
        Operator::Minus => -1,
        _ => return Ok(Transformed::no(expr)),
    };
    let (left_type, right_type) = (left.get_type(schema)?, right.get_type(schema)?);
    let plus = |time: &Expr, interval: &Expr| {
        let arguments = vec![time.clone(), interval.clone(), lit(sign)];
        Ok(Transformed::yes(PLUS_INTERVAL.call(arguments)))
    };
    if is_instant(&left_type) && is_interval(&right_type) {
        return plus(left, right);
    }
    if *op == Operator::Plus && is_interval(&left_type) && is_instant(&right_type) {
        return plus(right, left);
    }
    if *op == Operator::Minus && is_instant(&left_type) && is_instant(&right_type) {
        let shown = |time: &Expr| {
            cast(
                time.clone(),
                DataType::Timestamp(TimeUnit::Microsecond, None),
            )
        };
        return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
            Box::new(shown(left)),
            Operator::Minus,
            Box::new(shown(right)),
        ))));
    }
    Ok(Transformed::no(expr))
}

/// The engine finds the bounds of a frame in UTC.
fn refuse_days_of_frame(params: &WindowFunctionParams, schema: &DFSchema) -> Result<()> {
    let frame = &params.window_frame;
    let counts_days = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(ScalarValue::IntervalMonthDayNano(Some(value)))
        | WindowFrameBound::Following(ScalarValue::IntervalMonthDayNano(Some(value))) => {
            value.months != 0 || value.days != 0
        }
        _ => false,
    };
    if frame.units != WindowFrameUnits::Range
        || !(counts_days(&frame.start_bound) || counts_days(&frame.end_bound))
    {
        return Ok(());
    }
    for key in &params.order_by {
        if is_instant(&key.expr.get_type(schema)?) {
            return plan_err!(
                "a RANGE of days or months over timestamps is counted in UTC, and the session's time \
                 zone is another; write ORDER BY CAST(ts AS TIMESTAMP_NTZ), or RANGE with hours"
            );
        }
    }
    Ok(())
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
}
