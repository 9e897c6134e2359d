//! Plans that end soon after their task was cancelled.
//!
//! A cancelled future ends only between two polls, and a join whose filter rejects
//! nearly every pair computes on inside one: it has no row to return. An operator
//! that reads many batches before it returns one takes as long. And a future that an
//! operator has started separately is not cancelled with the task's own. So all
//! operators, conditions of joins and keys of sorts ask whether the task was cancelled,
//! for every batch, and end the task with an error.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ballista_core::error::BallistaError;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs,
};
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

/// The plan with checks for `cancel`.
pub(crate) fn check_for_cancel(
    plan: Arc<dyn ExecutionPlan>,
    cancel: &CancellationToken,
) -> Result<Arc<dyn ExecutionPlan>> {
    let checked = plan.transform_up(|node| {
        let properties = Arc::clone(node.properties());
        let inner = match check_join(&node, cancel)? {
            Some(join) => join,
            None => check_sort(&node, cancel).unwrap_or(node),
        };
        let check = CancelCheckExec {
            input: inner,
            properties,
            cancel: cancel.clone(),
        };
        Ok(Transformed::yes(Arc::new(check) as _))
    });
    let checked = checked.data()?;
    // The engine that runs the plan looks for its own operator at the root.
    Ok(match checked.downcast_ref::<CancelCheckExec>() {
        Some(root) if !root.input.children().is_empty() => Arc::clone(&root.input),
        _ => checked,
    })
}

/// The sort of all rows with keys that check: it merges what it has read for long,
/// and evaluates the keys of every batch.
fn check_sort(
    node: &Arc<dyn ExecutionPlan>,
    cancel: &CancellationToken,
) -> Option<Arc<dyn ExecutionPlan>> {
    let sort = node.downcast_ref::<SortExec>()?;
    if sort.fetch().is_some() {
        return None;
    }
    let keys = sort.expr().iter().map(|key| {
        let expr = Arc::new(CancelCheckExpr {
            inner: Arc::clone(&key.expr),
            cancel: cancel.clone(),
        });
        PhysicalSortExpr::new(expr, key.options)
    });
    let checked = SortExec::new(LexOrdering::new(keys)?, Arc::clone(sort.input()))
        .with_preserve_partitioning(sort.preserve_partitioning());
    Some(Arc::new(checked))
}

/// The join with a filter that checks; `None` when the node is no join with a
/// filter.
fn check_join(
    node: &Arc<dyn ExecutionPlan>,
    cancel: &CancellationToken,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let check = |filter: Option<&JoinFilter>| filter.map(|filter| check_filter(filter, cancel));
    if let Some(join) = node.downcast_ref::<HashJoinExec>()
        && let Some(filter) = check(join.filter())
    {
        return join
            .builder()
            .with_filter(Some(filter))
            .build_exec()
            .map(Some);
    }
    if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
        && let Some(filter) = check(join.filter())
    {
        let checked = NestedLoopJoinExec::try_new(
            Arc::clone(join.left()),
            Arc::clone(join.right()),
            Some(filter),
            join.join_type(),
            join.projection().as_deref().map(<[usize]>::to_vec),
        )?;
        return Ok(Some(Arc::new(checked)));
    }
    if let Some(join) = node.downcast_ref::<SortMergeJoinExec>()
        && let Some(filter) = check(join.filter().as_ref())
    {
        let checked = SortMergeJoinExec::try_new(
            Arc::clone(join.left()),
            Arc::clone(join.right()),
            join.on().to_vec(),
            Some(filter),
            join.join_type(),
            join.sort_options().to_vec(),
            join.null_equality(),
        )?;
        return Ok(Some(Arc::new(checked)));
    }
    Ok(None)
}

fn check_filter(filter: &JoinFilter, cancel: &CancellationToken) -> JoinFilter {
    let expression = CancelCheckExpr {
        inner: Arc::clone(filter.expression()),
        cancel: cancel.clone(),
    };
    JoinFilter::new(
        Arc::new(expression),
        filter.column_indices().to_vec(),
        Arc::clone(filter.schema()),
    )
}

fn fail_if_cancelled(cancel: &CancellationToken) -> Result<()> {
    if cancel.is_cancelled() {
        Err(BallistaError::Cancelled.into_datafusion())
    } else {
        Ok(())
    }
}

/// An expression that fails when its task was cancelled.
#[derive(Debug)]
struct CancelCheckExpr {
    inner: Arc<dyn PhysicalExpr>,
    cancel: CancellationToken,
}

impl PartialEq for CancelCheckExpr {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for CancelCheckExpr {}

impl Hash for CancelCheckExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl fmt::Display for CancelCheckExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl PhysicalExpr for CancelCheckExpr {
    fn data_type(&self, input_schema: &Schema) -> Result<DataType> {
        self.inner.data_type(input_schema)
    }

    fn nullable(&self, input_schema: &Schema) -> Result<bool> {
        self.inner.nullable(input_schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        fail_if_cancelled(&self.cancel)?;
        self.inner.evaluate(batch)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(input_schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match children.pop() {
            Some(inner) if children.is_empty() => Ok(Arc::new(Self {
                inner,
                cancel: self.cancel.clone(),
            })),
            _ => internal_err!("a check for a cancel has one child"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}

/// An operator whose rows end with an error when its task was cancelled.
#[derive(Debug)]
struct CancelCheckExec {
    input: Arc<dyn ExecutionPlan>,
    /// Those of the operator as it was planned, in whose terms others know its order.
    properties: Arc<PlanProperties>,
    cancel: CancellationToken,
}

impl DisplayAs for CancelCheckExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelCheckExec")
    }
}

impl ExecutionPlan for CancelCheckExec {
    fn name(&self) -> &'static str {
        "CancelCheckExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) if children.is_empty() => Ok(Arc::new(Self {
                input,
                properties: Arc::clone(&self.properties),
                cancel: self.cancel.clone(),
            })),
            _ => internal_err!("a check for a cancel has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?;
        let cancel = self.cancel.clone();
        let checked = rows.map(move |batch| {
            fail_if_cancelled(&cancel)?;
            batch
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            checked,
        )))
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        match inputs {
            [input] => Ok(Arc::clone(input)),
            _ => Ok(Arc::new(Statistics::new_unknown(&self.schema()))),
        }
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

#[cfg(test)]
mod tests;
