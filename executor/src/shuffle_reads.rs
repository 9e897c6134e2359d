//! Shuffle readers that notice when rows are missing, and whose errors are not taken
//! for those of the query.
//!
//! A file of shuffled rows that ends early reads as a shorter one: Arrow's stream format
//! takes the end of the file for the end of the rows, and so does what another executor
//! sends. The tasks that wrote the rows have reported their number, so it is compared.

use std::fmt;
use std::sync::Arc;

use ballista_core::execution_plans::{ShuffleReaderExec, stats_for_partitions};
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sluice_engine::task_failure::{
    FailureKind, TaskFailure, classify_error, failed_fetch, is_cancelled, to_task_error,
};

/// The plan with readers that fail when they read another number of rows than were
/// written.
pub(crate) fn count_shuffled_rows(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let Some(reader) = node.downcast_ref::<ShuffleReaderExec>() else {
            return Ok(Transformed::no(node));
        };
        let counted = CountedReadExec {
            stage: reader.stage_id,
            written: written_rows(reader),
            input: node,
        };
        Ok(Transformed::yes(Arc::new(counted) as _))
    })
    .data()
}

/// How many rows were written for each partition of a reader, where that is known.
fn written_rows(reader: &ShuffleReaderExec) -> Vec<Option<usize>> {
    let partitions = reader.properties().output_partitioning().partition_count();
    (0..partitions)
        .map(|partition| {
            // All partitions of a broadcast are the first one.
            let index = if reader.broadcast { 0 } else { partition };
            let locations = reader.partition.get(index)?;
            let statistics = locations.iter().map(|location| location.partition_stats);
            let rows = stats_for_partitions(0, statistics).num_rows;
            rows.get_value().copied()
        })
        .collect()
}

/// A shuffle reader whose rows are counted.
#[derive(Debug)]
struct CountedReadExec {
    input: Arc<dyn ExecutionPlan>,
    stage: usize,
    /// The number of rows of each partition.
    written: Vec<Option<usize>>,
}

impl DisplayAs for CountedReadExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountedReadExec")
    }
}

impl ExecutionPlan for CountedReadExec {
    fn name(&self) -> &'static str {
        "CountedReadExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
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
                stage: self.stage,
                written: self.written.clone(),
            })),
            _ => internal_err!("a counted read has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let stage = self.stage;
        let rows = self.input.execute(partition, context)?;
        let rows = rows.map_err(move |error| to_read_error(stage, partition, error));
        let Some(written) = self.written.get(partition).copied().flatten() else {
            return Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)));
        };
        let rows = Box::pin(rows);
        let counted = stream::unfold((rows, 0), move |(mut rows, mut read)| async move {
            let next = match rows.next().await {
                Some(Ok(batch)) => {
                    read += batch.num_rows();
                    Ok(batch)
                }
                Some(Err(error)) => Err(error),
                None if read == written => return None,
                None => {
                    let message = format!(
                        "stage {stage} wrote {written} rows for partition {partition}, and {read} were read"
                    );
                    // Read again, the stream would end in the same way.
                    read = written;
                    Err(to_task_error(&TaskFailure::new(
                        FailureKind::Transient,
                        message,
                    )))
                }
            };
            Some((next, (rows, read)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            counted,
        )))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

/// The error of a reader, which computes nothing: whatever is wrong with rows that
/// arrive, such as a stream that breaks off in the middle of a batch because its
/// executor ended, another attempt may read them. If the executor is lost, that attempt
/// cannot fetch them, and they are computed again.
fn to_read_error(stage: usize, partition: usize, error: DataFusionError) -> DataFusionError {
    if failed_fetch(&error).is_some() || is_cancelled(&error) {
        return error;
    }
    let failure = classify_error(&error, &|_| None);
    if failure.kind != FailureKind::Execution {
        return error;
    }
    to_task_error(&TaskFailure::new(
        FailureKind::Transient,
        format!(
            "rows of stage {stage} for partition {partition} cannot be read: {}",
            failure.message
        ),
    ))
}

#[cfg(test)]
mod tests;
