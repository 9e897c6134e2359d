//! What a sink writes, and how.

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::path::Path;
use url::{Position, Url};

use super::error::SinkError;
use crate::display_path::display_path;

/// One column by which the rows of each file are sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortColumn {
    pub column: String,
    pub descending: bool,
    pub nulls_first: bool,
}

/// What a sink writes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkSpec {
    /// The root folder of the table, as a URL.
    pub table_url: String,
    /// Part of the file names.
    pub job_id: String,
    /// The name of the dataset, for messages.
    pub dataset: String,
    /// Columns of the table in order, including partition columns, in types that
    /// Delta can hold.
    pub schema: SchemaRef,
    /// Hive partition columns, in the order of their folders.
    pub partition_by: Vec<String>,
    /// Columns by which rows are looked up: they get Bloom filters.
    pub keys: Vec<String>,
    /// The order of the rows in each file; empty to keep the order of the input.
    pub sort_by: Vec<SortColumn>,
    /// Bytes at which a file ends and the next one begins.
    pub target_file_bytes: u64,
    /// The maximum of rows of a row group.
    pub row_group_rows: usize,
    /// The approximate maximum of encoded bytes of a row group.
    pub row_group_bytes: usize,
    pub zstd_level: i32,
}

impl SinkSpec {
    /// A sink without partitions and order, with default sizes: files of 256 MiB,
    /// row groups of a million rows or 128 MiB, zstd level 1.
    pub fn new(
        table_url: impl Into<String>,
        job_id: impl Into<String>,
        dataset: impl Into<String>,
        schema: SchemaRef,
    ) -> Self {
        Self {
            table_url: table_url.into(),
            job_id: job_id.into(),
            dataset: dataset.into(),
            schema,
            partition_by: Vec::new(),
            keys: Vec::new(),
            sort_by: Vec::new(),
            target_file_bytes: 256 << 20,
            row_group_rows: 1 << 20,
            row_group_bytes: 128 << 20,
            zstd_level: 1,
        }
    }

    /// Columns of the files: all except the partition columns.
    pub(super) fn file_schema(&self) -> SchemaRef {
        let fields: Vec<FieldRef> = self
            .schema
            .fields()
            .iter()
            .filter(|field| !self.partition_by.contains(field.name()))
            .cloned()
            .collect();
        Schema::new(fields).into()
    }

    /// The location of a path of the table's store, for messages.
    pub(super) fn display_location(&self, path: &Path) -> String {
        match Url::parse(&self.table_url) {
            Ok(url) => display_path(&url[..Position::BeforePath], path),
            Err(_) => path.to_string(),
        }
    }

    /// The store of the table and the table's root in it.
    pub(super) fn store_and_root(&self) -> Result<(ObjectStoreUrl, Path)> {
        let unusable = |detail: String| {
            self.columns_error(format!(
                "table location '{}' is not a usable url: {detail}",
                self.table_url
            ))
        };
        let url = Url::parse(&self.table_url).map_err(|error| unusable(error.to_string()))?;
        let root = Path::from_url_path(url.path()).map_err(|error| unusable(error.to_string()))?;
        let store = ObjectStoreUrl::parse(&url[..Position::BeforePath])?;
        Ok((store, root))
    }

    /// Checks that the table has the partition and sort columns and that at least
    /// one column remains for the files.
    pub(super) fn check_columns(&self) -> Result<()> {
        self.store_and_root()?;
        for column in &self.partition_by {
            self.find_column(column, "partition")?;
        }
        for sort in &self.sort_by {
            self.find_column(&sort.column, "sort")?;
        }
        if self.file_schema().fields().is_empty() {
            return Err(self
                .columns_error("at least one column must not be a partition column".to_owned())
                .into());
        }
        Ok(())
    }

    fn find_column(&self, name: &str, role: &str) -> Result<&FieldRef> {
        let found = self
            .schema
            .fields()
            .iter()
            .find(|field| field.name() == name);
        found.ok_or_else(|| {
            self.columns_error(format!(
                "{role} column '{name}' is not a column of the dataset"
            ))
            .into()
        })
    }

    pub(super) fn columns_error(&self, detail: String) -> SinkError {
        SinkError::Columns {
            dataset: self.dataset.clone(),
            detail,
        }
    }
}
