//! The plan node that writes staged rows.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::part::{Block, StagedPart};
use super::sample::{ColumnSample, PartSampler};
use crate::executor_context::ExecutorContext;
use crate::manifest::{manifest_field, manifest_lines};

/// Writes each partition of its input to one staged file and returns one row for
/// it: the [`StagedPart`] as JSON in the column `manifest`.
///
/// For a partition without rows there is no row and no file.
#[derive(Debug, Clone)]
pub struct StageWriterExec {
    input: Arc<dyn ExecutionPlan>,
    token: String,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl StageWriterExec {
    /// Stages `input` under `token`, which must be a plain folder name that
    /// nothing else uses: no other relation and no other run.
    pub fn new(input: Arc<dyn ExecutionPlan>, token: impl Into<String>) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(parts_schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            input,
            token: token.into(),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Names the relation and run that the files belong to.
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// One column, `manifest`: a part in each row.
pub(crate) fn parts_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![manifest_field()]))
}

/// The parts that manifest rows name.
///
/// # Errors
/// When the rows are not a manifest of parts, or of another version.
pub fn read_parts(batch: &RecordBatch) -> Result<Vec<StagedPart>> {
    manifest_lines(batch)?
        .map(|line| {
            serde_json::from_str(line).map_err(|error| DataFusionError::External(error.into()))
        })
        .collect()
}

impl DisplayAs for StageWriterExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StageWriterExec: token={}", self.token)
    }
}

impl ExecutionPlan for StageWriterExec {
    fn name(&self) -> &str {
        "StageWriterExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
            Some(input) if children.is_empty() => {
                Ok(Arc::new(Self::new(input, self.token.clone())))
            }
            _ => Err(DataFusionError::Internal(
                "StageWriterExec has one child".to_owned(),
            )),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let node = ExecutorContext::from_task(&context)?;
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let part = StagedPart::new(&node, &self.token, uuid::Uuid::new_v4().as_u64_pair().0);
        let metrics = WriterMetrics::new(&self.metrics, partition);
        let rows = stream::once(write_part(part, input, metrics))
            .try_filter_map(|row| async move { Ok(row) });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            parts_schema(),
            rows.boxed(),
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

struct WriterMetrics {
    baseline: BaselineMetrics,
    bytes: datafusion::physical_plan::metrics::Count,
    rows: datafusion::physical_plan::metrics::Count,
}

impl WriterMetrics {
    fn new(set: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        Self {
            baseline: BaselineMetrics::new(set, partition),
            bytes: MetricBuilder::new(set).counter("staged_bytes", partition),
            rows: MetricBuilder::new(set).counter("staged_rows", partition),
        }
    }
}

/// Writes the whole stream. Returns the manifest row, or nothing when the stream
/// was empty.
async fn write_part(
    part: StagedPart,
    mut input: SendableRecordBatchStream,
    metrics: WriterMetrics,
) -> Result<Option<RecordBatch>> {
    let mut file: Option<PartFile> = None;
    while let Some(batch) = input.next().await {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        let _timer = metrics.baseline.elapsed_compute().timer();
        let writer = match &mut file {
            Some(writer) => writer,
            None => file.insert(PartFile::create(part.clone(), &batch.schema())?),
        };
        let bytes = writer.append_batch(&batch)?;
        metrics.rows.add(batch.num_rows());
        metrics.bytes.add(bytes as usize);
    }
    let Some(file) = file else {
        return Ok(None);
    };
    let part = file.finish_file()?;
    let line = ManifestLine {
        part: &part,
        samples: &part.samples,
    };
    let json = serde_json::to_string(&line).map_err(|e| DataFusionError::External(Box::new(e)))?;
    let column: ArrayRef = Arc::new(StringArray::from(vec![json]));
    Ok(Some(RecordBatch::try_new(parts_schema(), vec![column])?))
}

/// A part with what only manifests say of it.
#[derive(serde::Serialize)]
struct ManifestLine<'a> {
    #[serde(flatten)]
    part: &'a StagedPart,
    samples: &'a [ColumnSample],
}

/// A staged file while it is written; deleted when dropped unfinished.
struct PartFile {
    part: StagedPart,
    writer: StreamWriter<CountingWriter<BufWriter<File>>>,
    sampler: PartSampler,
    finished: bool,
}

impl PartFile {
    fn create(part: StagedPart, schema: &Schema) -> Result<Self> {
        let open = || -> io::Result<File> {
            if let Some(folder) = part.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            File::create_new(&part.path)
        };
        let file = open().map_err(|e| part_io_error(&part, e))?;
        let counting = CountingWriter {
            inner: BufWriter::with_capacity(1 << 20, file),
            written: 0,
        };
        let writer = StreamWriter::try_new(counting, schema)?;
        Ok(Self {
            part,
            writer,
            sampler: PartSampler::default(),
            finished: false,
        })
    }

    /// Appends a batch and returns its bytes in the file.
    fn append_batch(&mut self, batch: &RecordBatch) -> Result<u64> {
        let offset = self.writer.get_ref().written;
        self.writer.write(batch).map_err(|e| self.write_error(e))?;
        let length = self.writer.get_ref().written - offset;
        self.part.blocks.push(Block {
            offset,
            length,
            first_row: self.part.rows,
        });
        self.part.rows += batch.num_rows() as u64;
        self.sampler.add_batch(batch)?;
        Ok(length)
    }

    fn finish_file(mut self) -> Result<StagedPart> {
        self.writer.finish().map_err(|e| self.write_error(e))?;
        self.writer
            .get_mut()
            .flush()
            .map_err(|e| part_io_error(&self.part, e))?;
        self.part.bytes = self.writer.get_ref().written;
        self.part.samples = std::mem::take(&mut self.sampler).into_samples();
        self.finished = true;
        Ok(self.part.clone())
    }

    fn write_error(&self, error: datafusion::arrow::error::ArrowError) -> DataFusionError {
        match error {
            datafusion::arrow::error::ArrowError::IoError(_, source) => {
                part_io_error(&self.part, source)
            }
            other => other.into(),
        }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.finished {
            // The run's clean-up removes the folder; this only frees the space
            // sooner.
            let _ = std::fs::remove_file(&self.part.path);
        }
    }
}

/// An I/O error with the path of the file.
fn part_io_error(part: &StagedPart, source: io::Error) -> DataFusionError {
    DataFusionError::IoError(io::Error::new(
        source.kind(),
        format!("cannot write staged file {}: {source}", part.path.display()),
    ))
}

/// Counts the bytes written.
struct CountingWriter<W> {
    inner: W,
    written: u64,
}

impl<W: Write> Write for CountingWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
