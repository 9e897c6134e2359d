//! Joins that give every row once, however many tasks run them.
//!
//! Where one side of a join is collected, every task of a cluster collects all
//! of it and reads its own slice of the other side. No task knows which
//! collected rows another one has matched, so the join must not report rows on
//! behalf of the collected side: not the unmatched rows of an outer join, and
//! not those of a semi or anti join. In one process, DataFusion shares that
//! knowledge between partitions, and plans such joins. Ballista repairs hash
//! joins only, after the order of rows was relied on.

use std::sync::Arc;

use ballista_core::config::BallistaConfig;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, PartitionMode};
use datafusion::physical_plan::{
    ExecutionPlan, StatisticsArgs, StatisticsContext, replace_children_if_necessary,
};

use super::barrier::OnePartitionExec;

/// Chooses which side of a join is collected, if any, before distribution and
/// order are planned.
#[derive(Debug)]
pub(super) struct JoinModesRule;

impl PhysicalOptimizerRule for JoinModesRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let max_bytes = config
            .extensions
            .get::<BallistaConfig>()
            .cloned()
            .unwrap_or_default()
            .broadcast_join_threshold_bytes();
        plan.transform_up(|node| {
            let changed = if let Some(join) = node.downcast_ref::<HashJoinExec>() {
                settle_hash_join(join, max_bytes)?
            } else if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
                settle_nested_loop_join(&node, join)?
            } else {
                None
            };
            Ok(changed.map_or_else(|| Transformed::no(node), Transformed::yes))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "join_modes"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether the join reports rows on behalf of its left side, which depend on
/// matches with all rows of its right side.
fn reports_left_rows(join_type: JoinType) -> bool {
    match join_type {
        JoinType::Inner
        | JoinType::Right
        | JoinType::RightSemi
        | JoinType::RightAnti
        | JoinType::RightMark => false,
        JoinType::Left
        | JoinType::Full
        | JoinType::LeftSemi
        | JoinType::LeftAnti
        | JoinType::LeftMark => true,
    }
}

fn settle_hash_join(
    join: &HashJoinExec,
    max_bytes: usize,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if join.null_aware {
        // A NULL on either side decides about all rows.
        let right = Arc::new(OnePartitionExec::new(Arc::clone(join.right())));
        let join = join
            .builder()
            .with_partition_mode(PartitionMode::CollectLeft)
            .with_new_children(vec![Arc::clone(join.left()), right])?;
        return join.build_exec().map(Some);
    }
    if *join.partition_mode() != PartitionMode::CollectLeft {
        return Ok(None);
    }
    let is_small = known_bytes(join.left().as_ref())?.is_some_and(|bytes| bytes < max_bytes);
    if is_small && !reports_left_rows(*join.join_type()) {
        return Ok(None);
    }
    let join = join
        .builder()
        .with_partition_mode(PartitionMode::Partitioned);
    join.build_exec().map(Some)
}

fn settle_nested_loop_join(
    node: &Arc<dyn ExecutionPlan>,
    join: &NestedLoopJoinExec,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let join_type = *join.join_type();
    if !reports_left_rows(join_type) {
        return Ok(None);
    }
    let left_is_smaller = match (
        known_bytes(join.left().as_ref())?,
        known_bytes(join.right().as_ref())?,
    ) {
        (Some(left), Some(right)) => left < right,
        _ => false,
    };
    if join_type != JoinType::Full && !left_is_smaller && join_type.supports_swap() {
        return join.swap_inputs().map(Some);
    }
    let right = Arc::new(OnePartitionExec::new(Arc::clone(join.right())));
    replace_children_if_necessary(Arc::clone(node), vec![Arc::clone(join.left()), right]).map(Some)
}

/// The size of a plan's rows where statistics show it; 0 is not believed.
fn known_bytes(plan: &dyn ExecutionPlan) -> Result<Option<usize>> {
    let statistics = StatisticsContext::new().compute(plan, &StatisticsArgs::new())?;
    let bytes = statistics.total_byte_size.get_value().copied();
    if let Some(bytes) = bytes.filter(|bytes| *bytes > 0) {
        return Ok(Some(bytes));
    }
    let rows = statistics.num_rows.get_value().copied();
    Ok(rows
        .filter(|rows| *rows > 0)
        .map(|rows| rows.saturating_mul(row_width(plan))))
}

/// An estimate of the bytes of a row.
fn row_width(plan: &dyn ExecutionPlan) -> usize {
    const VARIABLE_WIDTH: usize = 32;
    plan.schema()
        .fields()
        .iter()
        .map(|field| {
            field
                .data_type()
                .primitive_width()
                .unwrap_or(VARIABLE_WIDTH)
        })
        .sum::<usize>()
        .max(8)
}
