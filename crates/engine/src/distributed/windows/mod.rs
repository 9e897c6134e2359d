//! Window functions that keep their clauses on a cluster.
//!
//! The encoding of plans has no place for three parts of a window expression:
//! the FILTER clause, IGNORE NULLS of window functions, and that DataFusion
//! reversed the function to save a sort (datafusion #17417). Without them the
//! expression means something else, silently. So these parts become part of the
//! function: [`WindowFunctionsRule`] replaces a function by one of ours that
//! calls it and has a name, arguments and an encoding that keep everything.

mod aggregate;
mod codec;
mod function;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    AggregateUDF, Expr, LogicalPlan, ReversedUDAF, ReversedUDWF, WindowFunctionDefinition,
    WindowUDF,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

pub(crate) use codec::{
    decode_window_aggregate, decode_window_function, encode_window_aggregate,
    encode_window_function,
};

use aggregate::WindowAggregate;
use function::ExactWindowFunction;

/// Replaces the window functions that a cluster would change. It runs after
/// types are coerced, as the last rule: the other rules do not know our
/// functions.
#[derive(Debug)]
pub(crate) struct WindowFunctionsRule;

impl OptimizerRule for WindowFunctionsRule {
    fn name(&self) -> &'static str {
        "window_functions"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !matches!(plan, LogicalPlan::Window(_)) {
            return Ok(Transformed::no(plan));
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| {
                Ok(match expr {
                    Expr::WindowFunction(call) => match replace_function(*call) {
                        Ok(replaced) => Transformed::yes(Expr::from(replaced)),
                        Err(call) => Transformed::no(Expr::from(call)),
                    },
                    other => Transformed::no(other),
                })
            })?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    }
}

/// The same call with a function of ours; the call itself when it needs none.
#[allow(
    clippy::result_large_err,
    reason = "the other variant is the call that was not changed"
)]
fn replace_function(mut call: WindowFunction) -> Result<WindowFunction, WindowFunction> {
    match &call.fun {
        WindowFunctionDefinition::AggregateUDF(function) => {
            let is_filtered = call.params.filter.is_some();
            if !is_filtered && !depends_on_order(function)
                || function.inner().is::<WindowAggregate>()
            {
                return Err(call);
            }
            let function = WindowAggregate::new(Arc::clone(function), is_filtered);
            if let Some(filter) = call.params.filter.take() {
                call.params.args.insert(0, *filter);
            }
            call.fun =
                WindowFunctionDefinition::AggregateUDF(Arc::new(AggregateUDF::from(function)));
        }
        WindowFunctionDefinition::WindowUDF(function) => {
            let ignores_nulls = call.params.null_treatment == Some(NullTreatment::IgnoreNulls);
            if function.inner().is::<ExactWindowFunction>()
                || (!ignores_nulls && !matches!(function.reverse_expr(), ReversedUDWF::Reversed(_)))
            {
                return Err(call);
            }
            let function = ExactWindowFunction::new(Arc::clone(function), ignores_nulls);
            call.params.null_treatment = None;
            call.fun = WindowFunctionDefinition::WindowUDF(Arc::new(WindowUDF::from(function)));
        }
    }
    Ok(call)
}

/// Whether the aggregate gives another result when it sees its rows in the
/// opposite order.
fn depends_on_order(function: &AggregateUDF) -> bool {
    matches!(function.reverse_udf(), ReversedUDAF::Reversed(_))
}
