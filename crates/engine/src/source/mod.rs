//! The scan of landing files: our own file source for newline-delimited JSON.
//!
//! It is part of a `FileScanConfig`, because that is the only leaf that the
//! cluster's scheduler slices by task. Every task would read a leaf of another
//! kind whole, and rows would be duplicated silently.

pub(crate) mod codec;
mod file_bytes;
mod groups;
mod metric;
mod opener;
mod table;

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig};
use datafusion::error::Result;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};

use crate::scan::{ColumnFormat, ColumnSource, PartitionScan};

pub use groups::{InputFile, group_files};
pub use metric::SourceMetric;
pub use sluice_ndjson::{Compression, Mode};
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
}

impl NdjsonOptions {
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

/// The ordinal of a file among the files of its source, carried by each
/// `PartitionedFile` of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileOrdinal(pub(crate) u32);

/// A [`FileSource`](datafusion::datasource::physical_plan::FileSource) over
/// newline-delimited JSON, plain, gzip or zstd.
pub(crate) type NdjsonSource = ColumnSource<NdjsonFormat>;

/// The format of an [`NdjsonSource`].
#[derive(Debug, Clone)]
pub(crate) struct NdjsonFormat {
    /// The columns as they were declared. One named [`POSITION_COLUMN`] or
    /// [`CORRUPT_COLUMN`] is filled by the reader.
    pub(crate) declared: SchemaRef,
    pub(crate) options: Arc<NdjsonOptions>,
}

impl NdjsonFormat {
    /// A source of lines with the columns of `declared`.
    pub(crate) fn new_source(declared: SchemaRef, options: Arc<NdjsonOptions>) -> NdjsonSource {
        let schema = options.output_schema(&declared);
        ColumnSource::new(schema, Self { declared, options })
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
            &self.declared,
            scan.projection.output_schema(scan.table)?,
            scan.projection,
            Arc::clone(&self.options),
            opener::ScanMetrics::new(scan.metrics, &self.options.name, scan.partition),
        )?;
        Ok(Arc::new(opener))
    }

    fn write_details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NdjsonOptions { name, mode, .. } = self.options.as_ref();
        write!(f, ", source={name}, mode={mode:?}")
    }
}
