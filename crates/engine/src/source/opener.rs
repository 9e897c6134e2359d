//! Opens one file, or one range of a file, for a scan.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use sluice_csv::{CsvDecoder, CsvTypeDecoder};
use sluice_ndjson::{
    DecodeError, DecodeOptions, DecodeStats, Decoder, FileContext, FileDecoder, FileScan, ScanFile,
    ScanOutput, SchemaError, TypeDecoder,
};
use sluice_values::TimeZone;

use super::file_bytes::{FileBytes, ReadAhead};
use super::file_metadata::{self, FileMetadata};
use super::folder_values::{FolderValues, repeat_value, without_folder_columns};
use super::joined_run::{JoinedPart, JoinedRun};
use super::{
    CORRUPT_COLUMN, Compression, FileOrdinal, NdjsonFormat, NdjsonOptions, POSITION_COLUMN,
    SourceMetric,
};
use crate::display_path::display_path;
use crate::scan::ColumnProjection;
use crate::task_failure::{FailureKind, TaskFailure, to_task_error};

/// Rows of a batch: enough to make the overhead per batch small, few enough to
/// stay in the processor's cache.
const BATCH_ROWS: usize = 8192;

/// The column of the decoder with the numbers of the lines.
const LINE_COLUMN: &str = "__line";

/// Opens files of one source for one task.
#[derive(Clone)]
pub(super) struct NdjsonOpener {
    store: Arc<dyn ObjectStore>,
    /// The URL that names the store.
    url: ObjectStoreUrl,
    /// What the decoder reads: the projected columns, each once.
    decode_options: DecodeOptions,
    /// Where each output column comes from.
    origins: Arc<[ColumnOrigin]>,
    has_metadata: bool,
    output: SchemaRef,
    options: Arc<NdjsonOptions>,
    time_zone: TimeZone,
    metrics: ScanMetrics,
    /// What was read in advance of the joined file that is read now.
    read_ahead: ReadAhead,
}

/// Where a column of the scan comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnOrigin {
    /// The decoded column with this index.
    Decoded(usize),
    /// The folder column with this index.
    Folder(usize),
    /// What is known of the file.
    Metadata,
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
        format: &NdjsonFormat,
        output: SchemaRef,
        projection: &ColumnProjection,
        metrics: ScanMetrics,
    ) -> Result<Self> {
        let options = Arc::clone(&format.options);
        let wanted = projection.indices();
        let metadata = format
            .metadata_column()
            .filter(|(index, _)| wanted.contains(index));
        let is_metadata = |index: &usize| metadata.is_some_and(|(at, _)| at == *index);
        let mut decoded: Vec<usize> = wanted.clone();
        decoded.sort_unstable();
        decoded.dedup();
        decoded.retain(|index| {
            let field = format.columns.fields().get(*index);
            let in_lines = field.is_some_and(|f| !options.folder_columns.contains(f.name()));
            in_lines && !is_metadata(index)
        });
        let origin_of = |index: &usize| {
            if is_metadata(index) {
                return Some(ColumnOrigin::Metadata);
            }
            if let Some(at) = decoded.iter().position(|d| d == index) {
                return Some(ColumnOrigin::Decoded(at));
            }
            let name = format.columns.fields().get(*index)?.name();
            let at = options.folder_columns.iter().position(|c| c == name)?;
            Some(ColumnOrigin::Folder(at))
        };
        let origins = wanted.iter().filter_map(origin_of).collect();
        let mut schema: Schema = format.columns.project(&decoded)?;
        if metadata.is_some_and(|(_, field)| file_metadata::has_lines(field)) {
            let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
            fields.push(Arc::new(Field::new(LINE_COLUMN, DataType::Int64, true)));
            schema = Schema::new(fields);
        }
        let mut decode = DecodeOptions::new(Arc::new(schema));
        decode.declared = Some(columns_of_lines(&format.declared, &options));
        decode.mode = options.mode;
        decode.batch_rows = BATCH_ROWS;
        decode.max_line_bytes = options.max_line_bytes;
        let time_zone = options.time_zone()?;
        decode.time_zone = time_zone;
        decode.new_fields = options.new_fields;
        let rescued = options.rescued_column.as_ref();
        decode.rescued = rescued.and_then(|name| decode.schema.index_of(name).ok());
        decode.corrupt_record = decode.schema.index_of(CORRUPT_COLUMN).ok();
        decode.position = decode.schema.index_of(POSITION_COLUMN).ok();
        decode.line = decode.schema.index_of(LINE_COLUMN).ok();
        Ok(Self {
            store,
            url,
            decode_options: decode,
            origins,
            has_metadata: metadata.is_some(),
            output,
            options,
            time_zone,
            metrics,
            read_ahead: ReadAhead::default(),
        })
    }

    fn create_decoder(&self, file: &ScanFile) -> Result<AnyDecoder> {
        let options = self.decode_options.clone();
        let context = FileContext::new(Arc::clone(&file.path), file.ordinal);
        let limits = (options.mode, options.max_line_bytes);
        let decoder: Result<AnyDecoder, SchemaError> = match &self.options.csv {
            Some(csv) if self.options.finds_types => {
                CsvTypeDecoder::new(limits, csv.clone(), self.time_zone, context)
                    .map(|decoder| Box::new(decoder) as _)
            }
            None if self.options.finds_types => {
                Ok(Box::new(TypeDecoder::new(limits.0, limits.1, context)) as _)
            }
            Some(csv) => CsvDecoder::new(&options, csv.clone(), context)
                .map(|decoder| Box::new(decoder) as _),
            None => Decoder::new(options, context).map(|decoder| Box::new(decoder) as _),
        };
        decoder.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    /// A file to be decoded, or a range of it.
    fn scan_file(
        &self,
        meta: &ObjectMeta,
        ordinal: FileOrdinal,
        range: Option<Range<u64>>,
    ) -> ScanFile {
        let compression = self.options.compression;
        ScanFile {
            path: display_path(self.url.as_str(), &meta.location).into(),
            ordinal: ordinal.0,
            size: meta.size,
            range,
            compression: compression
                .unwrap_or_else(|| Compression::from_path(meta.location.as_ref())),
        }
    }

    /// A reader of these files, whose bytes begin at offsets of the object at `bytes`.
    /// `meta` is what is known of all of their rows.
    fn create_reader(
        &self,
        files: Vec<(u64, ScanFile)>,
        bytes: FileBytes,
        meta: &ObjectMeta,
        folder_values: FolderValues,
    ) -> Result<FileReader> {
        let (offsets, files): (Vec<u64>, Vec<ScanFile>) = files.into_iter().unzip();
        let first = files.first().ok_or_else(|| {
            DataFusionError::Internal("a scan has a file without parts".to_owned())
        })?;
        let decoder = self.create_decoder(first)?;
        let metadata = self
            .has_metadata
            .then(|| FileMetadata::new(self.url.as_str(), meta));
        Ok(FileReader {
            scan: FileScan::with_decoder(decoder, files),
            bytes,
            offsets,
            metrics: self.metrics.clone(),
            origins: Arc::clone(&self.origins),
            folder_values,
            metadata,
            line: self.decode_options.line,
            output: Arc::clone(&self.output),
            time_zone: self.time_zone,
            source: self.options.name.clone(),
        })
    }

    fn file_bytes(&self, path: &Path) -> FileBytes {
        FileBytes::new(Arc::clone(&self.store), self.url.as_str(), path.clone())
    }

    /// Opens adjacent parts of a joined file. Their rows share batches, unless rows say
    /// which file they come from, or a file begins with a header.
    fn open_run(
        &self,
        run: JoinedRun,
        range: Option<Range<u64>>,
        folder_values: FolderValues,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let (read_to, path) = (run.end(), run.path.clone());
        let opener = self.clone();
        let open_bytes = move || {
            let read_ahead = Arc::clone(&opener.read_ahead);
            opener.file_bytes(&path).of_joined(read_to, read_ahead)
        };
        if !self.has_metadata && self.options.csv.is_none() {
            let parts = run.parts_with_offsets();
            let files = parts.map(|(offset, part)| {
                (
                    offset,
                    self.scan_file(&part.meta, part.ordinal, range.clone()),
                )
            });
            let files: Vec<_> = files.collect();
            let meta = run.parts.first().map(|part| &part.meta);
            let meta = meta.ok_or_else(|| {
                DataFusionError::Internal("a run of a joined file has no parts".to_owned())
            })?;
            let reader = self.create_reader(files, open_bytes(), meta, folder_values)?;
            return Ok(reader.into_batches());
        }
        let opener = self.clone();
        let parts: Vec<_> = run
            .parts_with_offsets()
            .map(|(offset, part)| (offset, part.clone()))
            .collect();
        let open_part = move |(offset, part): (u64, JoinedPart)| {
            let file = opener.scan_file(&part.meta, part.ordinal, range.clone());
            let files = vec![(offset, file)];
            let values = folder_values.clone();
            match opener.create_reader(files, open_bytes(), &part.meta, values) {
                Ok(reader) => reader.into_batches(),
                Err(error) => futures::stream::iter([Err(error)]).boxed(),
            }
        };
        Ok(futures::stream::iter(parts).flat_map(open_part).boxed())
    }
}

/// The columns that are read from lines.
fn columns_of_lines(declared: &SchemaRef, options: &NdjsonOptions) -> SchemaRef {
    let rescued = options.rescued_column.as_deref();
    let generated = [Some(CORRUPT_COLUMN), Some(POSITION_COLUMN), rescued];
    let mut fields = without_folder_columns(declared.fields(), &options.folder_columns);
    fields.retain(|field| !generated.contains(&Some(field.name())));
    Arc::new(Schema::new(fields))
}

impl FileOpener for NdjsonOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let range = file
            .range
            .as_ref()
            .map(|range| range.start.cast_unsigned()..range.end.cast_unsigned());
        let folder_values = file.extension::<FolderValues>().cloned();
        let folder_values = folder_values.unwrap_or_default();
        let batches = match file.extension::<JoinedRun>() {
            Some(run) => self.open_run(run.clone(), range, folder_values)?,
            None => {
                let ordinal = file.extension::<FileOrdinal>().copied();
                let meta = &file.object_meta;
                let scanned = self.scan_file(meta, ordinal.unwrap_or(FileOrdinal(0)), range);
                let bytes = self.file_bytes(&meta.location);
                let reader = self.create_reader(vec![(0, scanned)], bytes, meta, folder_values)?;
                reader.into_batches()
            }
        };
        Ok(Box::pin(async move { Ok(batches) }))
    }
}

/// A decoder of either format.
type AnyDecoder = Box<dyn FileDecoder + Send>;

/// A file, or a range of a file, while it is read.
struct FileReader {
    scan: FileScan<AnyDecoder>,
    bytes: FileBytes,
    /// Where each file begins in the bytes.
    offsets: Vec<u64>,
    metrics: ScanMetrics,
    origins: Arc<[ColumnOrigin]>,
    folder_values: FolderValues,
    /// What is known of the file, when it is a column.
    metadata: Option<FileMetadata>,
    /// The index of the decoded column with the numbers of the lines.
    line: Option<usize>,
    output: SchemaRef,
    time_zone: TimeZone,
    source: String,
}

impl FileReader {
    fn into_batches(self) -> BoxStream<'static, Result<RecordBatch>> {
        futures::stream::try_unfold(self, Self::next_batch).boxed()
    }

    /// The range of the bytes that is this range of a file.
    fn stored_range(&self, file: usize, range: Range<u64>) -> Range<u64> {
        let offset = self.offsets.get(file).copied().unwrap_or(0);
        offset + range.start..offset + range.end
    }

    async fn next_batch(mut self) -> Result<Option<(RecordBatch, Self)>> {
        loop {
            let before = self.scan.stats();
            let step = self.scan.next_output();
            self.metrics.add_difference(before, self.scan.stats());
            match step.map_err(|error| data_error(&self.source, &error))? {
                ScanOutput::Batch(batch) => return Ok(Some((self.project_output(&batch)?, self))),
                ScanOutput::Fetch { file, range } => {
                    let range = self.stored_range(file, range);
                    let bytes = self.bytes.read_chunk(range).await?;
                    self.metrics.bytes.add(bytes.len());
                    self.scan.supply_bytes(bytes);
                }
                ScanOutput::CountLines { file, range } => {
                    let range = self.stored_range(file, range);
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
            .origins
            .iter()
            .zip(self.output.fields())
            .map(|(origin, field)| match origin {
                ColumnOrigin::Decoded(index) => Ok(Arc::clone(batch.column(*index))),
                ColumnOrigin::Folder(index) => {
                    let text = self.folder_values.0.get(*index).and_then(Option::as_deref);
                    repeat_value(field, text, self.time_zone, batch.num_rows())
                }
                ColumnOrigin::Metadata => {
                    let metadata = self.metadata.as_ref().ok_or_else(|| {
                        DataFusionError::Internal("nothing is known of a file".to_owned())
                    })?;
                    let lines = self.line.map(|index| batch.column(index));
                    metadata.build_column(field, lines, batch.num_rows())
                }
            })
            .collect::<Result<_>>()?;
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
