//! The files of a view's table that may have groups of what is new.
//!
//! Only their rows change, so the others stay in the table. Which they are is known when
//! the keys of the new groups are computed: they are decided when the step that writes
//! the table is planned, once, for its readers and for the commit.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use sluice_gold::DataFile;

use super::dataset_table::DatasetTable;
use super::key_ranges::{GroupRanges, KeyRange, may_have_groups};
use crate::staged::StagedTable;

/// Files below this size are written again together when a partition has more than
/// `MAX_SMALL_FILES` of them: every run adds some, and a table of many is slow to read.
const SMALL_FILE_BYTES: u64 = 256 * 1024;
const MAX_SMALL_FILES: usize = 16;

/// The files of a table that a run replaces.
#[derive(Debug, Clone, Default)]
pub struct ReplacedFiles(Arc<OnceLock<Arc<[String]>>>);

impl ReplacedFiles {
    /// Files that are known when the job is planned.
    pub(super) fn known(paths: Vec<String>) -> Self {
        let files = Self::default();
        files.decide(paths);
        files
    }

    /// Their paths; `None` before the step that writes the table is planned.
    pub fn paths(&self) -> Option<&[String]> {
        self.0.get().map(AsRef::as_ref)
    }

    /// The paths, which stay the same once they are decided.
    fn decide(&self, paths: Vec<String>) -> &[String] {
        self.0.get_or_init(|| paths.into()).as_ref()
    }
}

/// The rows that the table of a view had before a run, of the files that may have groups
/// of the run.
#[derive(Debug, Clone)]
pub(super) struct ChangedFilesTable {
    table: DatasetTable,
    /// The groups of what is new.
    groups: GroupRanges,
    replaced: ReplacedFiles,
}

impl ChangedFilesTable {
    pub(super) fn new(table: DatasetTable, groups: GroupRanges, replaced: ReplacedFiles) -> Self {
        Self {
            table,
            groups,
            replaced,
        }
    }

    /// The same table with another version of the groups.
    pub(super) fn map_groups(&self, map: impl Fn(&StagedTable) -> StagedTable) -> Self {
        Self {
            groups: self.groups.map_groups(map),
            ..self.clone()
        }
    }
}

#[async_trait]
impl TableProvider for ChangedFilesTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// What is read when all files may have groups of the run.
    fn statistics(&self) -> Option<Statistics> {
        let bytes: u64 = self.table.kept_files().iter().map(|file| file.size).sum();
        Some(Statistics {
            total_byte_size: usize::try_from(bytes).map_or(Precision::Absent, Precision::Inexact),
            ..Statistics::new_unknown(&self.table.schema())
        })
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.table.kept_files();
        let replaced = match self.replaced.paths() {
            Some(paths) => paths,
            None => {
                let ranges = self.groups.read_ranges().await?;
                let schema = self.table.schema();
                let paths = choose_files(files, ranges.as_deref(), &schema);
                tracing::debug!(
                    files = files.len(),
                    replaced = paths.len(),
                    "files that may have groups of what is new"
                );
                self.replaced.decide(paths)
            }
        };
        let table = self.table.with_kept(|file| replaced.contains(&file.path));
        table.scan(state, projection, filters, limit).await
    }
}

/// The paths of the files that are replaced. `ranges`: those of the groups of the run;
/// `None`: they may be in any file.
fn choose_files(files: &[DataFile], ranges: Option<&[KeyRange]>, schema: &Schema) -> Vec<String> {
    let is_changed = |file: &DataFile| may_have_groups(file, ranges, schema);
    let (changed, kept): (Vec<&DataFile>, Vec<&DataFile>) =
        files.iter().partition(|file| is_changed(file));
    if changed.is_empty() && ranges.is_some_and(<[KeyRange]>::is_empty) {
        return Vec::new();
    }
    let mut small: HashMap<&[(String, Option<String>)], Vec<&DataFile>> = HashMap::new();
    for file in kept {
        if file.size < SMALL_FILE_BYTES {
            small.entry(&file.partition_values).or_default().push(file);
        }
    }
    let many = small
        .into_values()
        .filter(|files| files.len() > MAX_SMALL_FILES);
    let replaced = changed.into_iter().chain(many.flatten());
    replaced.map(|file| file.path.clone()).collect()
}

#[cfg(test)]
mod tests;
