//! The plan node of the gold sink.

use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use datafusion::common::plan_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::OrderingRequirements;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::{TryStreamExt, stream};

use super::manifest;
use super::partition::Partitioner;
use super::schema_mapping::SchemaMapping;
use super::spec::SinkSpec;
use super::task::{SinkTask, TaskMetrics};

/// Writes its input's rows to the files of a gold table, partition by partition,
/// and returns manifest rows.
#[derive(Debug)]
pub struct GoldSinkExec {
    input: Arc<dyn ExecutionPlan>,
    spec: Arc<SinkSpec>,
    mapping: SchemaMapping,
    /// How the input's rows must be sorted, if at all.
    ordering: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl GoldSinkExec {
    /// A sink for the rows of `input`. [`super::plan_sink`] adds the nodes that it
    /// needs below and above.
    ///
    /// # Errors
    /// When the columns of the input cannot be converted to the table's without loss,
    /// or a partition or sort column cannot be used.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, spec: Arc<SinkSpec>) -> Result<Self> {
        spec.check_columns()?;
        let conform = SchemaMapping::new(&spec, &input.schema())?;
        let ordering = required_ordering(&spec, &conform)?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new(manifest::manifest_schema()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(Self {
            input,
            spec,
            mapping: conform,
            ordering,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    pub fn spec(&self) -> &Arc<SinkSpec> {
        &self.spec
    }

    /// How the input's rows must be sorted, by hive partition first.
    pub(super) fn ordering(&self) -> Option<&LexOrdering> {
        self.ordering.as_ref()
    }
}

/// The number of the task for its file names: from the cluster's `TID
/// <job>/<stage>.<attempt>/<task>.<attempt>`, or else the number of the partition.
fn task_number(task_id: Option<&str>, partition: usize) -> u64 {
    task_id
        .and_then(|id| id.rsplit('/').next()?.split('.').next()?.parse().ok())
        .unwrap_or(partition as u64)
}

/// The order by partition and sort columns, over the columns of the input.
fn required_ordering(spec: &SinkSpec, conform: &SchemaMapping) -> Result<Option<LexOrdering>> {
    let partitions = spec
        .partition_by
        .iter()
        .map(|column| (column, SortOptions::new(false, true)));
    let sorts = spec.sort_by.iter().map(|sort| {
        (
            &sort.column,
            SortOptions::new(sort.descending, sort.nulls_first),
        )
    });
    let mut exprs = Vec::new();
    for (column, options) in partitions.chain(sorts) {
        let Some(index) = conform.source_index(column) else {
            return plan_err!("column '{column}' is not in the sink's input");
        };
        let column = Column::new(column, index);
        exprs.push(PhysicalSortExpr::new(Arc::new(column), options));
    }
    Ok(LexOrdering::new(exprs))
}

impl DisplayAs for GoldSinkExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        match kind {
            DisplayFormatType::TreeRender => write!(f, "dataset={}", self.spec.dataset),
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "GoldSinkExec: dataset={}", self.spec.dataset)?;
                if !self.spec.partition_by.is_empty() {
                    write!(
                        f,
                        ", partitioned by=[{}]",
                        self.spec.partition_by.join(", ")
                    )?;
                }
                Ok(())
            }
        }
    }
}

impl ExecutionPlan for GoldSinkExec {
    fn name(&self) -> &'static str {
        "GoldSinkExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.ordering.clone().map(OrderingRequirements::from)]
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
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = children.as_slice() else {
            return plan_err!("a gold sink has one input, not {}", children.len());
        };
        Ok(Arc::new(Self::try_new(
            Arc::clone(input),
            Arc::clone(&self.spec),
        )?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (store_url, root) = self.spec.store_and_root()?;
        let task = SinkTask {
            spec: Arc::clone(&self.spec),
            mapping: self.mapping.clone(),
            partitioner: Partitioner::new(&self.spec),
            store: context.runtime_env().object_store(&store_url)?,
            root,
            task_number: task_number(context.task_id().as_deref(), partition),
            memory: MemoryConsumer::new(format!("GoldSinkExec[{partition}]"))
                .register(context.memory_pool()),
            metrics: self.task_metrics(partition),
        };
        let rows = self.input.execute(partition, context)?;
        let written = async move {
            let (partitioner, files) = task.run(rows).await?;
            manifest::manifest_rows(&partitioner, &files)
        };
        // A task without files returns no batch.
        let batches =
            stream::once(written).try_filter(|batch| futures::future::ready(batch.num_rows() > 0));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            manifest::manifest_schema(),
            batches,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

impl GoldSinkExec {
    fn task_metrics(&self, partition: usize) -> TaskMetrics {
        let metric = || MetricBuilder::new(&self.metrics);
        TaskMetrics {
            baseline: BaselineMetrics::new(&self.metrics, partition),
            rows_written: metric().counter("rows_written", partition),
            bytes_written: metric().counter("bytes_written", partition),
            files_written: metric().counter("files_written", partition),
            encode_time: metric().subset_time("encode_time", partition),
            upload_time: metric().subset_time("upload_time", partition),
        }
    }
}
