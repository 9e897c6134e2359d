//! What makes a plan mean the same on a cluster as in one process.
//!
//! A cluster cuts a plan into stages, changes it once more when the rows of its
//! inputs are counted, slices it into tasks, and sends it as bytes. Each module
//! here removes one way in which that would change the result:
//!
//! | module | without it |
//! |---|---|
//! | [`join_modes`] | every task would report the unmatched rows of a side that all tasks read |
//! | [`late_changes`] | the sides of a join would be swapped after its order was relied on |
//! | [`barrier`] | a sort would be pushed into a branch of a union that a task does not have, and its rows repeated |
//! | [`constant_leaves`] | the rows of a leaf that cannot be sliced would be repeated by every task |
//! | [`recursion`] | the rounds of a recursion would run in tasks that do not share them |
//! | [`stage_knowledge`] | a stage could not prove the order that its operators need |
//! | [`union_order`] | a sort would be pushed into the branches of a union whose orders differ, and the plan refused |
//! | [`unions`] | branches of unions would get more projections each time they are sent |
//! | [`windows`] | clauses of window functions would be lost |

mod barrier;
mod barrier_codec;
mod constant_leaves;
pub mod fidelity;
mod filters_first;
mod join_modes;
mod late_changes;
mod one_task;
pub mod plan_size;
mod recursion;
mod recursion_codec;
mod stage_knowledge;
mod union_order;
mod unions;
pub(crate) mod windows;

use std::sync::Arc;

use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use crate::filter_pushdown::with_unique_names;

pub(crate) use barrier::{OnePartitionExec, SortBarrierExec, StatisticsBarrierExec};
pub(crate) use barrier_codec::{
    decode_one_partition, decode_sort_barrier, decode_statistics_barrier,
};
pub(crate) use one_task::{OneTaskExec, in_one_task};
pub(crate) use recursion::RecursionRule;
pub(crate) use recursion_codec::{
    decode_recursion, decode_work_table, encode_recursion, encode_work_table,
};
pub(crate) use unions::nullable_udf;

use constant_leaves::ConstantLeavesRule;
use filters_first::FiltersFirstRule;
use join_modes::JoinModesRule;
use late_changes::LateChangesRule;
use stage_knowledge::StageKnowledgeRule;
use union_order::UnionOrderRule;
use unions::UnionsRule;

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// DataFusion's physical optimizer rules and ours, in their order.
pub(crate) fn physical_optimizer_rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for rule in PhysicalOptimizer::new().rules {
        let chooses_joins = rule.name() == "join_selection";
        let moves_projections = rule.name() == "ProjectionPushdown";
        rules.push(with_unique_names(rule));
        if moves_projections {
            rules.push(Arc::new(FiltersFirstRule));
        }
        if chooses_joins {
            // Before distribution and order are decided.
            rules.push(Arc::new(JoinModesRule));
            rules.push(Arc::new(UnionOrderRule));
        }
    }
    rules.push(Arc::new(ConstantLeavesRule));
    rules.push(Arc::new(UnionsRule));
    rules.push(Arc::new(LateChangesRule));
    rules.push(Arc::new(StageKnowledgeRule));
    rules
}

#[cfg(test)]
mod tests;
