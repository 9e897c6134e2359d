//! What must hold of a planned query before anything runs.

use datafusion::common::plan_err;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Runs the analyzer, which finds wrong types; optimizing comes later, over
/// narrowed sources.
pub(super) fn check_types(
    state: &SessionState,
    plan: LogicalPlan,
) -> Result<LogicalPlan, DataFusionError> {
    // The optimizer finds what the analyzer leaves, such as a cast of a
    // constant that cannot be.
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

/// Whether a subquery is left that no task could run.
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
