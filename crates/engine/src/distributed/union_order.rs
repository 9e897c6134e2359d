//! Unions below which no sort is pushed.
//!
//! A sort by several columns may be pushed into the branches of a union. In a branch
//! in which some of them are equal or constant, fewer are enough, and DataFusion
//! derives from the branches' shorter orders that the union has a shorter order, too.
//! Then the plan fails its last check. Such unions are sorted above.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::barrier::SortBarrierExec;

/// Keeps sorts above unions whose branches have equal or constant columns. Runs
/// before order is planned.
#[derive(Debug)]
pub(super) struct UnionOrderRule;

impl PhysicalOptimizerRule for UnionOrderRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            if !node.is::<UnionExec>() || !node.children().into_iter().any(knows_columns) {
                return Ok(Transformed::no(node));
            }
            Ok(Transformed::yes(Arc::new(SortBarrierExec::new(node))))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "union_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether some columns of the rows are known to be equal or constant.
fn knows_columns(branch: &Arc<dyn ExecutionPlan>) -> bool {
    let group = branch.equivalence_properties().eq_group();
    group.iter().any(|class| !class.is_trivial())
}
