//! Opens one file, or one range of a file, for a scan.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::StreamExt;
use object_store::ObjectStore;
use sluice_ndjson::{DecodeError, DecodeOptions, DecodeStats, FileScan, ScanFile, ScanOutput};

use super::file_bytes::FileBytes;
use super::{
    CORRUPT_COLUMN, Compression, FileOrdinal, NdjsonOptions, POSITION_COLUMN, SourceMetric,
};
use crate::display_path::display_path;
use crate::scan::ColumnProjection;
use crate::task_failure::{FailureKind, TaskFailure, to_task_error};

/// Rows of a batch: enough to make the overhead per batch small, few enough to
/// stay in the processor's cache.
const BATCH_ROWS: usize = 8192;

/// Opens files of one source for one task.
pub(super) struct NdjsonOpener {
    store: Arc<dyn ObjectStore>,
    /// The URL that names the store.
    url: ObjectStoreUrl,
    /// What the decoder reads: the projected columns, each once.
    decode_options: DecodeOptions,
    /// For each output column, its index among the decoded ones.
    output_indices: Vec<usize>,
    output: SchemaRef,
    options: Arc<NdjsonOptions>,
    metrics: ScanMetrics,
}

/// The counts of one scan.
#[derive(Clone)]
pub(super) struct ScanMetrics {
    bytes: Count,
    lines: Count,
    malformed: Count,
    dropped: Count,
}

impl ScanMetrics {
    pub(super) fn new(set: &ExecutionPlanMetricsSet, source: &str, partition: usize) -> Self {
        let count =
            |metric: SourceMetric| MetricBuilder::new(set).counter(metric.name(source), partition);
        Self {
            bytes: count(SourceMetric::Bytes),
            lines: count(SourceMetric::Lines),
            malformed: count(SourceMetric::Malformed),
            dropped: count(SourceMetric::Dropped),
        }
    }

    fn add_difference(&self, before: DecodeStats, after: DecodeStats) {
        let more = |of: fn(&DecodeStats) -> u64| (of(&after) - of(&before)) as usize;
        self.lines.add(more(|stats| stats.lines - stats.blank));
        self.malformed.add(more(|stats| stats.malformed));
        self.dropped.add(more(|stats| stats.dropped));
    }
}

impl NdjsonOpener {
    pub(super) fn new(
        (store, url): (Arc<dyn ObjectStore>, ObjectStoreUrl),
        declared: &SchemaRef,
        output: SchemaRef,
        projection: &ColumnProjection,
        options: Arc<NdjsonOptions>,
        metrics: ScanMetrics,
    ) -> Result<Self> {
        let wanted = projection.indices();
        let mut decoded: Vec<usize> = wanted.clone();
        decoded.sort_unstable();
        decoded.dedup();
        if declared
            .index_of(CORRUPT_COLUMN)
            .is_ok_and(|corrupt| decoded.contains(&corrupt))
        {
            // Whether a line is broken depends on all declared columns.
            decoded = (0..declared.fields().len()).collect();
        }
        let pick = wanted
            .iter()
            .filter_map(|index| decoded.iter().position(|d| d == index))
            .collect();
        let schema: Schema = declared.project(&decoded)?;
        let mut decode = DecodeOptions::new(Arc::new(schema));
        decode.mode = options.mode;
        decode.batch_rows = BATCH_ROWS;
        decode.max_line_bytes = options.max_line_bytes;
        decode.corrupt_record = decode.schema.index_of(CORRUPT_COLUMN).ok();
        decode.position = decode.schema.index_of(POSITION_COLUMN).ok();
        Ok(Self {
            store,
            url,
            decode_options: decode,
            output_indices: pick,
            output,
            options,
            metrics,
        })
    }

    fn compression_of(&self, file: &PartitionedFile) -> Compression {
        self.options
            .compression
            .unwrap_or_else(|| Compression::from_path(file.object_meta.location.as_ref()))
    }
}

impl FileOpener for NdjsonOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let scanned = ScanFile {
            path: display_path(self.url.as_str(), &file.object_meta.location).into(),
            ordinal: file
                .extension::<FileOrdinal>()
                .map_or(0, |ordinal| ordinal.0),
            size: file.object_meta.size,
            range: file
                .range
                .as_ref()
                .map(|range| range.start.cast_unsigned()..range.end.cast_unsigned()),
            compression: self.compression_of(&file),
        };
        let scan = FileScan::new(self.decode_options.clone(), vec![scanned])
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let reading = FileReader {
            scan,
            bytes: FileBytes::new(Arc::clone(&self.store), file.object_meta),
            metrics: self.metrics.clone(),
            output_indices: self.output_indices.clone(),
            output: Arc::clone(&self.output),
            source: self.options.name.clone(),
        };
        Ok(Box::pin(async move {
            Ok(futures::stream::try_unfold(reading, FileReader::next_batch).boxed())
        }))
    }
}

/// A file, or a range of a file, while it is read.
struct FileReader {
    scan: FileScan,
    bytes: FileBytes,
    metrics: ScanMetrics,
    output_indices: Vec<usize>,
    output: SchemaRef,
    source: String,
}

impl FileReader {
    async fn next_batch(mut self) -> Result<Option<(RecordBatch, Self)>> {
        loop {
            let before = self.scan.stats();
            let step = self.scan.next_output();
            self.metrics.add_difference(before, self.scan.stats());
            match step.map_err(|error| data_error(&self.source, &error))? {
                ScanOutput::Batch(batch) => return Ok(Some((self.project_output(&batch)?, self))),
                ScanOutput::Fetch { range, .. } => {
                    let bytes = self.bytes.read_chunk(range).await?;
                    self.metrics.bytes.add(bytes.len());
                    self.scan.supply_bytes(bytes);
                }
                ScanOutput::CountLines { range, .. } => {
                    let lines = self.bytes.count_lines(range).await?;
                    self.scan.set_base_line(lines);
                }
                ScanOutput::Done => return Ok(None),
            }
        }
    }

    /// The columns in the order of the plan.
    fn project_output(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self
            .output_indices
            .iter()
            .map(|index| Arc::clone(batch.column(*index)))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.output),
            columns,
            &options,
        )?)
    }
}

/// The error for data that cannot be read, encoded here because a plan's error
/// does not show whether the data or the system is at fault.
fn data_error(source: &str, error: &DecodeError) -> DataFusionError {
    let message = format!("source {source}: {error}");
    to_task_error(&TaskFailure::new(FailureKind::DataQuality, message))
}
