//! Landing files as a scan: our own [`FileSource`] for newline-delimited JSON.
//!
//! It lives inside a `FileScanConfig`, because that is the only leaf that the
//! cluster's scheduler slices by task (a leaf of another kind would be read
//! whole by every task, and rows would repeat silently).

pub(crate) mod codec;
mod groups;
mod metric;
mod opener;
mod projection;
mod read;
mod table;

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};

pub use groups::{InputFile, group};
pub use metric::SourceMetric;
pub(crate) use opener::DATA_QUALITY_MARKER;
pub(crate) use projection::ColumnProjection;
pub use table::NdjsonTable;

/// The hidden column that says where a row came from: the file's ordinal among
/// the source's files in path order, shifted left by 40 bits, plus the byte
/// offset of its line. The same on every run over the same files.
pub const POSITION_COLUMN: &str = "__position";

/// The column that receives what could not be read, where a source declares it.
pub const CORRUPT_COLUMN: &str = "_corrupt_record";

/// How the lines of a source are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NdjsonOptions {
    /// The name of the source, for errors.
    pub name: String,
    /// What happens to a line that does not fit.
    pub mode: Mode,
    /// The longest line that is accepted, in bytes.
    pub max_line_bytes: usize,
    /// The compression of every file; by its name when not given.
    pub compression: Option<Compression>,
}

impl NdjsonOptions {
    /// What a scan gives of declared columns: in mode permissive everything may
    /// be null, except the position, which the reader knows of every line.
    pub(crate) fn output_schema(&self, declared: &SchemaRef) -> SchemaRef {
        let relaxed = sluice_ndjson::output_schema(declared, self.mode.into());
        let fields = relaxed
            .fields()
            .iter()
            .zip(declared.fields())
            .map(|(relaxed, declared)| {
                if declared.name() == POSITION_COLUMN {
                    Arc::clone(declared)
                } else {
                    Arc::clone(relaxed)
                }
            });
        Arc::new(Schema::new_with_metadata(
            fields.collect::<Vec<_>>(),
            declared.metadata().clone(),
        ))
    }
}

impl From<Mode> for sluice_ndjson::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Permissive => Self::Permissive,
            Mode::DropMalformed => Self::DropMalformed,
            Mode::FailFast => Self::FailFast,
        }
    }
}

/// What happens to a line that does not fit its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The row is kept with nulls where it does not fit.
    Permissive,
    /// The row is left out and counted.
    DropMalformed,
    /// The job fails with file and line.
    FailFast,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Plain text; such a file can be split.
    None,
    /// gzip, one member or more.
    Gzip,
    /// Zstandard, one frame or more.
    Zstd,
}

impl Compression {
    /// By the file's name.
    pub fn of_path(path: &str) -> Self {
        match sluice_ndjson::Compression::from_path(path) {
            sluice_ndjson::Compression::Plain => Self::None,
            sluice_ndjson::Compression::Gzip => Self::Gzip,
            sluice_ndjson::Compression::Zstd => Self::Zstd,
        }
    }
}

impl From<Compression> for sluice_ndjson::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::Plain,
            Compression::Gzip => Self::Gzip,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// The ordinal of a file among the files of its source, carried by each
/// `PartitionedFile` of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileOrdinal(pub(crate) u32);

/// A [`FileSource`] over newline-delimited JSON, plain, gzip or zstd.
#[derive(Debug, Clone)]
pub struct NdjsonSource {
    pub(crate) declared: SchemaRef,
    table_schema: TableSchema,
    pub(crate) options: Arc<NdjsonOptions>,
    pub(crate) projection: ColumnProjection,
    metrics: ExecutionPlanMetricsSet,
}

impl NdjsonSource {
    /// Reads lines with the columns of `declared`. A column named
    /// [`POSITION_COLUMN`] or [`CORRUPT_COLUMN`] is filled by the reader.
    pub fn new(declared: SchemaRef, options: Arc<NdjsonOptions>) -> Self {
        let schema = options.output_schema(&declared);
        let projection = ColumnProjection::all(&schema);
        Self {
            declared,
            table_schema: TableSchema::from(schema),
            options,
            projection,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same source giving only the columns of `projection`.
    pub(crate) fn with_projection(mut self, projection: ColumnProjection) -> Self {
        self.projection = projection;
        self
    }
}

impl FileSource for NdjsonSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let opener = opener::NdjsonOpener::new(
            (store, config.object_store_url.clone()),
            &self.declared,
            self.projection.schema(self.table_schema.file_schema())?,
            &self.projection,
            Arc::clone(&self.options),
            opener::ScanMetrics::new(&self.metrics, &self.options.name, partition),
        )?;
        Ok(Arc::new(opener))
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, _: usize) -> Arc<dyn FileSource> {
        Arc::new(self.clone())
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(self.projection.exprs())
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        Ok(self.projection.select(projection)?.map(|projection| {
            Arc::new(self.clone().with_projection(projection)) as Arc<dyn FileSource>
        }))
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        "ndjson"
    }

    fn fmt_extra(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            ", source={}, mode={:?}",
            self.options.name, self.options.mode
        )
    }

    /// Files are divided when the table is scanned, never afterwards.
    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.projection.apply(f)
    }
}
