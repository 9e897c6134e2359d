//! Checks of a planned query before anything runs.

use std::sync::Arc;

use datafusion::common::plan_err;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;

use super::results::empty_tables;

/// Runs the analyzer, which finds type errors, and plans the query to the end, so
/// that whatever cannot be planned is found before anything runs. The plan that is
/// returned is optimized later, over narrowed sources.
pub(super) async fn check_query(
    state: &SessionState,
    plan: LogicalPlan,
) -> Result<LogicalPlan, DataFusionError> {
    // The optimizer finds errors that the analyzer does not, such as an
    // impossible cast of a constant.
    let optimized = state.optimize(&plan)?;
    if reads_outer_columns(&optimized) {
        return plan_err!(
            "this correlated subquery cannot be turned into a join: write it as a join in FROM"
        );
    }
    let physical = state
        .query_planner()
        .create_physical_plan(&empty_tables(&optimized)?, state)
        .await?;
    create_accumulators(&physical)?;
    state
        .analyzer()
        .execute_and_check(plan, state.config_options(), |_, _| {})
}

/// Creates what the aggregates of a plan count with, as every task does when it
/// begins: they check arguments that must be constants only then.
fn create_accumulators(plan: &Arc<dyn ExecutionPlan>) -> Result<(), DataFusionError> {
    plan.apply(|node| {
        if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
            for function in aggregate.aggr_expr() {
                function.create_accumulator()?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
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
