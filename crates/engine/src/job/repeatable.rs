//! Which queries give the same rows whenever they are computed from the same input.

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};

/// Functions of our own that mark conditions begin with this. They have no effect on
/// values, and are volatile so that the optimizer leaves them where they are.
const MARKERS: &str = "__";

/// Whether no expression of the plan has a value that depends on the time, the run or
/// chance.
pub(super) fn is_repeatable(plan: &LogicalPlan) -> bool {
    let mut is_repeatable = true;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            is_repeatable &= is_constant_in_time(expr)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(match is_repeatable {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    });
    is_repeatable && walked.is_ok()
}

fn is_constant_in_time(expr: &Expr) -> Result<bool> {
    let has_other_values = expr.exists(|part| {
        let Expr::ScalarFunction(call) = part else {
            return Ok(false);
        };
        let is_immutable = call.func.signature().volatility == Volatility::Immutable;
        Ok(!is_immutable && !call.func.name().starts_with(MARKERS))
    })?;
    Ok(!has_other_values)
}
