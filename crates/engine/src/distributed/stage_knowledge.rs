//! What a stage knows about rows that another stage made.
//!
//! A plan is made as one: that a column is constant, or equal to another one, is
//! known everywhere above the filter or join that says so, and sorts and exchanges
//! that such knowledge makes needless are left out. A cluster cuts the plan into
//! stages, and a stage that reads rows of another one knows their columns and
//! their partitioning, and nothing else. There a window function, for example, is
//! sorted by its partition only as far as it can prove it, and fails.
//!
//! [`StageKnowledgeRule`] follows a finished plan twice at the same time: as it is,
//! and as the stages see it. Where a node's requirement holds in the first only,
//! the sort or the exchange that was left out is put in. So it is where a window function
//! would not find its partition in rows that are in its order.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr,
};
use datafusion::physical_expr_common::sort_expr::{LexRequirement, OrderingRequirements};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{
    BoundedWindowAggExec, WindowAggExec, get_ordered_partition_by_indices,
};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputOrderMode,
    PlanProperties, replace_children_if_necessary,
};

use super::barrier::SortBarrierExec;

/// Makes the requirements of each node hold in its stage.
#[derive(Debug)]
pub(super) struct StageKnowledgeRule;

impl PhysicalOptimizerRule for StageKnowledgeRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(follow_plan(plan)?.whole)
    }

    fn name(&self) -> &'static str {
        "stage_knowledge"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A node with what is known about it.
#[derive(Clone)]
struct Views {
    /// In the plan as a whole.
    whole: Arc<dyn ExecutionPlan>,
    /// In its stage.
    stage: Arc<dyn ExecutionPlan>,
}

fn follow_plan(plan: Arc<dyn ExecutionPlan>) -> Result<Views> {
    let children = plan.children();
    if children.is_empty() {
        let stage = Arc::new(StageInputExec {
            // Executors get no statistics, which may show that a column is constant.
            properties: Arc::clone(plan.properties()),
        });
        return Ok(Views { whole: plan, stage });
    }
    let inputs = children
        .into_iter()
        .enumerate()
        .map(|(index, child)| {
            let input = follow_plan(Arc::clone(child))?;
            let input = restore_distribution(&plan, index, input)?;
            let input = restore_order(&plan, index, input)?;
            Ok(if is_cut_above(plan.as_ref(), index) {
                input.read_by_another_stage()
            } else {
                input
            })
        })
        .collect::<Result<Vec<_>>>()?;
    if let Some(repartition) = plan.downcast_ref::<RepartitionExec>() {
        return follow_repartition(&plan, repartition, inputs);
    }
    let (whole, stage) = inputs
        .into_iter()
        .map(|input| (input.whole, input.stage))
        .unzip();
    Ok(Views {
        stage: replace_children_if_necessary(Arc::clone(&plan), stage)?,
        whole: replace_children_if_necessary(plan, whole)?,
    })
}

/// Ballista replaces an exchange by hashes by a read of another stage, and leaves
/// out any other exchange.
fn follow_repartition(
    plan: &Arc<dyn ExecutionPlan>,
    repartition: &RepartitionExec,
    mut inputs: Vec<Views>,
) -> Result<Views> {
    let Some(input) = inputs.pop() else {
        return internal_err!("an exchange has one input");
    };
    let whole = replace_children_if_necessary(Arc::clone(plan), vec![input.whole])?;
    let stage = match repartition.partitioning() {
        Partitioning::Hash(..) => unknown_rows(&whole, whole.output_partitioning().clone()),
        _ => input.stage,
    };
    Ok(Views { whole, stage })
}

/// Whether Ballista cuts the plan between a node and its child, or may do so.
fn is_cut_above(node: &dyn ExecutionPlan, child: usize) -> bool {
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        return match join.partition_mode() {
            PartitionMode::CollectLeft => child == 0,
            // Of one partition, it may come to collect one of its sides.
            PartitionMode::Partitioned | PartitionMode::Auto => true,
        };
    }
    node.is::<CoalescePartitionsExec>()
        || node.is::<SortPreservingMergeExec>()
        || node.is::<UnionExec>()
}

impl Views {
    fn read_by_another_stage(self) -> Self {
        let partitioning = self.stage.output_partitioning().clone();
        Self {
            stage: unknown_rows(&self.whole, partitioning),
            whole: self.whole,
        }
    }
}

fn unknown_rows(
    plan: &Arc<dyn ExecutionPlan>,
    partitioning: Partitioning,
) -> Arc<dyn ExecutionPlan> {
    Arc::new(StageInputExec {
        properties: Arc::new(PlanProperties::new(
            EquivalenceProperties::new(plan.schema()),
            partitioning,
            EmissionType::Incremental,
            Boundedness::Bounded,
        )),
    })
}

/// Adds an exchange if only the whole plan shows that equal keys are together.
fn restore_distribution(
    node: &Arc<dyn ExecutionPlan>,
    index: usize,
    input: Views,
) -> Result<Views> {
    let requirements = node.input_distribution_requirements();
    let Some(required @ Distribution::KeyPartitioned(keys)) =
        requirements.child_distribution(index)
    else {
        return Ok(input);
    };
    let satisfies = |plan: &Arc<dyn ExecutionPlan>| {
        let knowledge = plan.equivalence_properties();
        let partitioning = plan.output_partitioning();
        partitioning
            .satisfaction(required, knowledge, true)
            .is_satisfied()
    };
    if satisfies(&input.stage) || !satisfies(&input.whole) {
        return Ok(input);
    }
    let count = input.whole.output_partitioning().partition_count();
    let partitioning = Partitioning::Hash(keys.clone(), count);
    let whole: Arc<dyn ExecutionPlan> =
        Arc::new(RepartitionExec::try_new(input.whole, partitioning.clone())?);
    let stage = unknown_rows(&whole, partitioning);
    Ok(Views { whole, stage })
}

/// Adds a sort if only the whole plan shows that rows are in a required order.
fn restore_order(node: &Arc<dyn ExecutionPlan>, index: usize, input: Views) -> Result<Views> {
    let mut required = node.required_input_ordering();
    let Some(Some(OrderingRequirements::Hard(orders))) = required.get_mut(index).map(Option::take)
    else {
        return Ok(input);
    };
    let holds = |plan: &Arc<dyn ExecutionPlan>, order: &LexRequirement| {
        let knowledge = plan.equivalence_properties();
        knowledge.ordering_satisfy_requirement(order.clone())
    };
    // A node may name several orders and was built for the first one that holds: a
    // window function over a constant partition, for one in which the partition
    // comes first, although the order within the partition alone would do.
    let mut built_for = None;
    let mut first = None;
    for order in orders {
        if holds(&input.whole, &order)? {
            built_for = Some(order);
            break;
        }
        first.get_or_insert(order);
    }
    // None holds where the knowledge of the input was hidden below.
    let Some(order) = built_for.or(first) else {
        return Ok(input);
    };
    let input = match holds(&input.stage, &order)? && holds(&input.whole, &order)? {
        true => input,
        false => Views {
            whole: sort_rows(&input.whole, order.clone())?,
            stage: sort_rows(&input.stage, order.clone())?,
        },
    };
    if finds_partition(node, &input.whole)? && finds_partition(node, &input.stage)? {
        return Ok(input);
    }
    Ok(Views {
        whole: sort_rows(&hide_knowledge(&input.whole), order.clone())?,
        stage: sort_rows(&hide_knowledge(&input.stage), order)?,
    })
}

/// Whether a window function finds its partition in the order of its input, as
/// DataFusion 55 looks for it. It does not where the partition has two equal columns, or
/// a column that equals an expression of itself, as in `greatest(2, a) = a`.
fn finds_partition(node: &Arc<dyn ExecutionPlan>, input: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let windows = if let Some(window) = node.downcast_ref::<BoundedWindowAggExec>() {
        if window.input_order_mode != InputOrderMode::Sorted {
            return Ok(true);
        }
        window.window_expr()
    } else if let Some(window) = node.downcast_ref::<WindowAggExec>() {
        window.window_expr()
    } else {
        return Ok(true);
    };
    let Some(window) = windows.first() else {
        return Ok(true);
    };
    let keys = window.partition_by();
    let indices = get_ordered_partition_by_indices(keys, input)?;
    let found: Vec<Arc<dyn PhysicalExpr>> = indices
        .iter()
        .filter_map(|index| keys.get(*index).cloned())
        .collect();
    let knowledge = input.equivalence_properties();
    let (order, _) = knowledge.find_longest_permutation(&found)?;
    Ok(found.len() == keys.len() && order.len() == keys.len())
}

/// The rows of a plan of which nothing is known any more.
fn hide_knowledge(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let rows = match plan.downcast_ref::<SortExec>() {
        Some(sort) if sort.fetch().is_none() => sort.input(),
        _ => plan,
    };
    Arc::new(SortBarrierExec::new(Arc::clone(rows)))
}

fn sort_rows(
    input: &Arc<dyn ExecutionPlan>,
    order: LexRequirement,
) -> Result<Arc<dyn ExecutionPlan>> {
    // A sort that was enough for the whole plan.
    let input = match input.downcast_ref::<SortExec>() {
        Some(sort) if sort.fetch().is_none() => sort.input(),
        _ => input,
    };
    let sort = SortExec::new(LexOrdering::from(order), Arc::clone(input));
    let keeps_partitions = input.output_partitioning().partition_count() > 1;
    Ok(Arc::new(sort.with_preserve_partitioning(keeps_partitions)))
}

/// Stands for the rows that a stage reads while a plan is followed.
#[derive(Debug)]
struct StageInputExec {
    properties: Arc<PlanProperties>,
}

impl DisplayAs for StageInputExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("StageInputExec")
    }
}

impl ExecutionPlan for StageInputExec {
    fn name(&self) -> &'static str {
        "StageInputExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("this node only stands for rows")
    }
}
