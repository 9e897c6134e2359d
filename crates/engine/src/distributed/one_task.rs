//! Plans that run in one task, whatever they have inside.
//!
//! A recursion must, because its rounds share a table in memory. A plan that reads little
//! should: a task costs some milliseconds, and so does each stage that waits for another.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};

use crate::codec::file_scan_config;
use crate::source::NdjsonSource;

/// The plan as one task, where a cluster would run it in several. Plans that read landing
/// files stay as they are: what was read of them is counted by their tasks.
pub(crate) fn in_one_task(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let is_cut_at = |node: &Arc<dyn ExecutionPlan>| {
        node.is::<CoalescePartitionsExec>()
            || node.is::<SortPreservingMergeExec>()
            || node.is::<RepartitionExec>()
    };
    let reads_lines = |node: &Arc<dyn ExecutionPlan>| {
        file_scan_config(node.as_ref()).is_some_and(|config| {
            config
                .file_source()
                .downcast_ref::<NdjsonSource>()
                .is_some()
        })
    };
    let has_several = plan.output_partitioning().partition_count() > 1;
    let is_cut = has_several || plan.exists(|node| Ok(is_cut_at(node))).unwrap_or(false);
    if !is_cut || plan.exists(|node| Ok(reads_lines(node))).unwrap_or(true) {
        return plan;
    }
    let plan = match has_several {
        true => Arc::new(CoalescePartitionsExec::new(plan)),
        false => plan,
    };
    Arc::new(OneTaskExec::new(plan))
}

/// Runs a plan of one partition, with all that it reads, as one leaf: nothing cuts, slices
/// or changes what is inside.
pub(crate) struct OneTaskExec {
    plan: Arc<dyn ExecutionPlan>,
}

impl fmt::Debug for OneTaskExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(recursion) = self.plan.downcast_ref::<RecursiveQueryExec>() else {
            return f.debug_tuple("OneTaskExec").field(&self.plan).finish();
        };
        f.debug_struct("OneTaskExec")
            .field("name", &recursion.name())
            .field("is_distinct", &recursion.is_distinct())
            .field("static_term", skip_renaming(recursion.static_term()))
            .field("recursive_term", skip_renaming(recursion.recursive_term()))
            .finish()
    }
}

/// A recursion gives its terms the names and the nullability of its columns by
/// projections, as far as they differ; after decoding they differ elsewhere.
fn skip_renaming(plan: &Arc<dyn ExecutionPlan>) -> &Arc<dyn ExecutionPlan> {
    let Some(projection) = plan.downcast_ref::<ProjectionExec>() else {
        return plan;
    };
    let schema = projection.input().schema();
    let keeps_columns = projection.expr().len() == schema.fields().len()
        && projection.expr().iter().enumerate().all(|(at, column)| {
            let read = match column.expr.downcast_ref::<CastExpr>() {
                Some(cast) if cast.cast_type() == schema.field(at).data_type() => cast.expr(),
                _ => &column.expr,
            };
            let read = read.downcast_ref::<Column>();
            read.is_some_and(|read| read.index() == at)
        });
    if keeps_columns {
        skip_renaming(projection.input())
    } else {
        plan
    }
}

impl OneTaskExec {
    pub(crate) fn new(plan: Arc<dyn ExecutionPlan>) -> Self {
        Self { plan }
    }

    pub(crate) fn plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }
}

impl DisplayAs for OneTaskExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("OneTaskExec: ")?;
        self.plan.fmt_as(format, f)
    }
}

impl ExecutionPlan for OneTaskExec {
    fn name(&self) -> &'static str {
        "OneTaskExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
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
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() {
            Ok(self)
        } else {
            internal_err!("this node has no inputs")
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.plan.execute(partition, context)
    }
}
