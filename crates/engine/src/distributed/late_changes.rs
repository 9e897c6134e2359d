//! Operators that Ballista must not change after a plan was made.
//!
//! When the inputs of a stage are complete, Ballista knows their row counts and
//! runs two rules once more, without planning order and distribution again:
//! the sides of a join may be swapped, and an aggregate may become a constant.
//! A swapped join loses the order of its probe side, which sorts were removed
//! for (datafusion-ballista #2046); and where a union's branches are sliced, a
//! branch must stay one that can be sliced (#2184). Ballista also chooses the
//! mode of joins by their size when it cuts a plan into stages.
//!
//! A swap is useful where the sizes were not known before, so it is prevented
//! only where it could matter.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::Partitioning;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode,
};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary,
};

use super::barrier::{StatisticsBarrierExec, VisibleSize};

/// Puts barriers below the operators that must stay as they are planned.
#[derive(Debug)]
pub(super) struct LateChangesRule;

impl PhysicalOptimizerRule for LateChangesRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        protect_plan(plan, false)
    }

    fn name(&self) -> &'static str {
        "late_changes"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `in_union`: the node runs in the same stage as a union above it.
fn protect_plan(plan: Arc<dyn ExecutionPlan>, in_union: bool) -> Result<Arc<dyn ExecutionPlan>> {
    let children = plan
        .children()
        .into_iter()
        .enumerate()
        .map(|(index, child)| {
            let child_in_union =
                is_same_stage(plan.as_ref(), index) && (in_union || plan.is::<UnionExec>());
            protect_plan(Arc::clone(child), child_in_union)
        })
        .collect::<Result<Vec<_>>>()?;
    let children = add_barriers(plan.as_ref(), in_union, children)?;
    replace_children_if_necessary(plan, children)
}

/// Whether Ballista runs a node and its child in the same stage.
fn is_same_stage(node: &dyn ExecutionPlan, child: usize) -> bool {
    if let Some(repartition) = node.downcast_ref::<RepartitionExec>() {
        return !matches!(repartition.partitioning(), Partitioning::Hash(..));
    }
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        return child != 0 || *join.partition_mode() != PartitionMode::CollectLeft;
    }
    !node.is::<CoalescePartitionsExec>() && !node.is::<SortPreservingMergeExec>()
}

fn add_barriers(
    node: &dyn ExecutionPlan,
    in_union: bool,
    mut children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        let [left, right] = children.as_mut_slice() else {
            return Ok(children);
        };
        match join.partition_mode() {
            // Never swapped.
            _ if join.null_aware => {}
            PartitionMode::CollectLeft => {
                *left = show_as_small(left)?;
                *right = hide_statistics(right);
            }
            PartitionMode::Partitioned | PartitionMode::Auto => {
                if in_union || node.output_ordering().is_some() {
                    *left = hide_statistics(left);
                    *right = hide_statistics(right);
                }
            }
        }
    } else if node.is::<CrossJoinExec>() || node.is::<NestedLoopJoinExec>() {
        if let Some(right) = children.last_mut() {
            *right = hide_statistics(right);
        }
    } else if let Some(aggregate) = node.downcast_ref::<AggregateExec>()
        && aggregate.group_expr().is_empty()
        && aggregate.mode().input_mode() == AggregateInputMode::Raw
        && let Some(input) = children.first_mut()
    {
        *input = hide_statistics(input);
    }
    Ok(children)
}

fn hide_statistics(input: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    Arc::new(StatisticsBarrierExec::new(
        Arc::clone(input),
        VisibleSize::Unknown,
    ))
}

/// The collected side of a join, in a form that Ballista does not find too large.
/// The node that merges its partitions stays on top: Ballista looks for it.
fn show_as_small(input: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let small = |input| -> Arc<dyn ExecutionPlan> {
        Arc::new(StatisticsBarrierExec::new(input, VisibleSize::Small))
    };
    match input.downcast_ref::<CoalescePartitionsExec>() {
        Some(merge) => {
            replace_children_if_necessary(Arc::clone(input), vec![small(Arc::clone(merge.input()))])
        }
        None => Ok(small(Arc::clone(input))),
    }
}
