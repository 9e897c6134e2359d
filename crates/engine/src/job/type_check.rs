//! Checks of a planned query before anything runs.

use datafusion::common::plan_err;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Runs the analyzer, which finds type errors. The plan is optimized later, over
/// narrowed sources.
pub(super) fn check_types(
    state: &SessionState,
    plan: LogicalPlan,
) -> Result<LogicalPlan, DataFusionError> {
    // The optimizer finds errors that the analyzer does not, such as an
    // impossible cast of a constant.
    let optimized = state.optimize(&plan)?;
    if reads_outer_columns(&optimized) {
        return plan_err!(
            "this correlated subquery cannot be turned into a join: its condition on the outer query must \
             be an equality, and it cannot hold LIMIT"
        );
    }
    state
        .analyzer()
        .execute_and_check(plan, state.config_options(), |_, _| {})
}

/// Whether a correlated subquery is left, which no task could run.
fn reads_outer_columns(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found |= matches!(expr, Expr::OuterReferenceColumn(..));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    found || walked.is_err()
}
