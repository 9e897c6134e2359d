//! The scan of landing files: our own file source for newline-delimited JSON and
//! for CSV.
//!
//! It is part of a `FileScanConfig`, because that is the only leaf that the
//! cluster's scheduler slices by task. Every task would read a leaf of another
//! kind whole, and rows would be duplicated silently.

pub(crate) mod codec;
mod file_bytes;
mod file_list;
pub(crate) mod file_metadata;
mod file_uri;
mod folder_values;
mod groups;
mod joined_run;
mod metric;
mod opener;
mod table;

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig};
use datafusion::error::{DataFusionError, Result};
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use sluice_values::TimeZone;

use crate::scan::{ColumnFormat, ColumnSource, PartitionScan};

pub(crate) use file_metadata::METADATA_COLUMN;
pub(crate) use folder_values::FolderValues;
pub use groups::{InputFile, group_files};
pub(crate) use joined_run::with_few_parts;
pub use metric::SourceMetric;
pub use sluice_csv::{CsvOptions, CsvSyntax};
pub use sluice_ndjson::{Compression, Mode, NewFields};
pub use table::NdjsonTable;

/// The hidden column with the position of a row in its source, UInt64 and unique:
/// the file's ordinal among the source's files in path order, shifted left by 40
/// bits, plus the byte offset of its line. It is the same on every run over the
/// same files.
pub const POSITION_COLUMN: &str = "__position";

/// The column that receives the lines that could not be read, where a source
/// declares it.
pub const CORRUPT_COLUMN: &str = "_corrupt_record";

/// How the lines of a source are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NdjsonOptions {
    /// The name of the source, for errors and metrics.
    pub name: String,
    pub mode: Mode,
    /// The longest line that is accepted, in bytes.
    pub max_line_bytes: usize,
    /// The compression of every file; by the file's name when not set.
    pub compression: Option<Compression>,
    /// How records are written when the files are CSV and not JSON.
    pub csv: Option<CsvOptions>,
    /// The columns whose values are in the names of folders (`day=2024-01-01`).
    pub folder_columns: Vec<String>,
    /// The name of the zone of times that name none.
    pub time_zone: String,
    /// What becomes of fields that are not declared.
    pub new_fields: NewFields,
    /// The column that holds those that are rescued.
    pub rescued_column: Option<String>,
    /// Whether the types of what is read are given, and not its values: the rows are those
    /// of [`sluice_ndjson::type_schema`].
    pub finds_types: bool,
}

impl NdjsonOptions {
    /// The zone of times that name none.
    pub(crate) fn time_zone(&self) -> Result<TimeZone> {
        find_time_zone(&self.time_zone)
    }

    /// The schema that a scan of declared columns returns: in mode permissive
    /// every column may be null, except the position, which the reader always
    /// knows.
    pub(crate) fn output_schema(&self, declared: &SchemaRef) -> SchemaRef {
        let relaxed = sluice_ndjson::output_schema(declared, self.mode);
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

/// The zone of a name that was checked when the job file was.
pub(crate) fn find_time_zone(name: &str) -> Result<TimeZone> {
    TimeZone::find(name)
        .ok_or_else(|| DataFusionError::Configuration(format!("'{name}' is not a time zone")))
}

/// The ordinal of a file among the files of its source, carried by each
/// `PartitionedFile` of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileOrdinal(pub(crate) u32);

/// A [`FileSource`](datafusion::datasource::physical_plan::FileSource) over
/// newline-delimited JSON or CSV, plain, gzip or zstd.
pub(crate) type NdjsonSource = ColumnSource<NdjsonFormat>;

/// The format of an [`NdjsonSource`].
#[derive(Debug, Clone)]
pub(crate) struct NdjsonFormat {
    /// The columns of the table, as they were declared; nested types may have only
    /// the fields that the job reads. One named [`POSITION_COLUMN`] or
    /// [`CORRUPT_COLUMN`] is filled by the reader, and so is [`METADATA_COLUMN`] when it
    /// is not declared.
    pub(crate) columns: SchemaRef,
    /// All columns as they were declared, by which every line is judged.
    pub(crate) declared: SchemaRef,
    pub(crate) options: Arc<NdjsonOptions>,
}

impl NdjsonFormat {
    /// A source of lines with the columns `columns`, judged by `declared`.
    pub(crate) fn new_source(
        columns: SchemaRef,
        declared: SchemaRef,
        options: Arc<NdjsonOptions>,
    ) -> NdjsonSource {
        let schema = options.output_schema(&columns);
        let format = Self {
            columns,
            declared,
            options,
        };
        ColumnSource::new(schema, format)
    }

    /// The column with what is known of a row's file, and its index.
    pub(crate) fn metadata_column(&self) -> Option<(usize, &Field)> {
        if self.declared.field_with_name(METADATA_COLUMN).is_ok() {
            return None;
        }
        self.columns.column_with_name(METADATA_COLUMN)
    }
}

impl ColumnFormat for NdjsonFormat {
    const FILE_TYPE: &'static str = "ndjson";

    fn create_opener(
        &self,
        scan: &PartitionScan<'_>,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
    ) -> Result<Arc<dyn FileOpener>> {
        let opener = opener::NdjsonOpener::new(
            (store, config.object_store_url.clone()),
            self,
            scan.projection.output_schema(scan.table)?,
            scan.projection,
            opener::ScanMetrics::new(scan.metrics, &self.options.name, scan.partition),
        )?;
        Ok(Arc::new(opener))
    }

    fn write_details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NdjsonOptions { name, mode, .. } = self.options.as_ref();
        write!(f, ", source={name}, mode={mode:?}")
    }
}
