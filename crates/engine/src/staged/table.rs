//! A staged relation as a table that can be planned over before it is computed.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use super::part::StagedPart;
use super::sample;
use super::source::{PartRange, StagedFormat, StagedSource, row_id_field};
use crate::scan;

/// The parts of a staged relation, in the order of their manifest rows.
pub(crate) type StagedParts = Arc<[Arc<StagedPart>]>;

/// A staged relation with the schema that its stage step writes.
#[derive(Debug, Clone)]
pub struct StagedTable {
    name: String,
    schema: SchemaRef,
    /// The step that computes it.
    step: usize,
    /// `None` until the step has finished.
    parts: Option<StagedParts>,
}

impl StagedTable {
    /// The relation `name`, which the stage step number `step` computes.
    pub fn new(name: impl Into<String>, schema: SchemaRef, step: usize) -> Self {
        Self {
            name: name.into(),
            schema,
            step,
            parts: None,
        }
    }

    /// The same relation with row ids as its last column. Its plan does not
    /// compute them: readers derive them from the rows' positions in the parts.
    pub fn with_row_id(self) -> Self {
        let mut fields: Vec<FieldRef> = self.schema.fields().iter().cloned().collect();
        fields.push(Arc::new(row_id_field()));
        Self {
            schema: Arc::new(Schema::new_with_metadata(
                fields,
                self.schema.metadata().clone(),
            )),
            ..self
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn step(&self) -> usize {
        self.step
    }

    /// The same relation, computed by another step of the job.
    pub(crate) fn with_step(&self, step: usize) -> Self {
        Self {
            step,
            ..self.clone()
        }
    }

    /// The same relation with these parts, which a scan reads.
    pub(crate) fn with_parts(&self, parts: Option<StagedParts>) -> Self {
        Self {
            parts,
            ..self.clone()
        }
    }

    /// How many rows it has; `None` until the step has finished.
    pub(crate) fn count_rows(&self) -> Option<u64> {
        let parts = self.parts.as_ref()?;
        Some(parts.iter().map(|part| part.rows).sum())
    }

    pub(super) fn parts(&self) -> Option<&StagedParts> {
        self.parts.as_ref()
    }
}

#[async_trait]
impl TableProvider for StagedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    fn statistics(&self) -> Option<Statistics> {
        let parts = self.parts.as_ref()?;
        Some(part_statistics(parts, self.schema.fields().len()))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let parts = self.parts.as_ref().ok_or_else(|| {
            DataFusionError::Internal(format!(
                "relation {} is read before it was computed",
                self.name
            ))
        })?;
        let groups = group_parts(parts, state.config().target_partitions());
        if groups.is_empty() {
            return scan::empty_scan(&self.schema, projection);
        }
        let source = Arc::new(StagedSource::new(Arc::clone(&self.schema), StagedFormat));
        let config = FileScanConfigBuilder::new(staged_url(), source)
            .with_file_groups(groups)
            .with_statistics(part_statistics(parts, self.schema.fields().len()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// The store that a staged scan names. Parts are found without a store, but a
/// file scan must have one.
pub(super) fn staged_url() -> ObjectStoreUrl {
    ObjectStoreUrl::local_filesystem()
}

/// One file group per part; parts are divided by blocks when there are fewer
/// than the session has partitions.
fn group_parts(parts: &[Arc<StagedPart>], target: usize) -> Vec<FileGroup> {
    let parts: Vec<_> = parts
        .iter()
        .filter(|part| !part.blocks.is_empty())
        .collect();
    let pieces = target.max(1).div_ceil(parts.len().max(1));
    parts
        .into_iter()
        .zip(0..)
        .flat_map(|(part, ordinal)| {
            let size = part.blocks.len().div_ceil(pieces);
            (0..part.blocks.len())
                .step_by(size)
                .map(move |first_block| PartRange {
                    part: Arc::clone(part),
                    first_block,
                    blocks: size.min(part.blocks.len() - first_block),
                    ordinal,
                })
        })
        .map(|range| FileGroup::new(vec![partitioned_file(range)]))
        .collect()
}

/// A range of a part as a file of a file scan.
pub(super) fn partitioned_file(range: PartRange) -> PartitionedFile {
    let name = format!("{}/{}", range.part.token, range.part.file_id);
    let bytes = range
        .part
        .blocks
        .iter()
        .skip(range.first_block)
        .take(range.blocks)
        .map(|block| block.length)
        .sum();
    PartitionedFile::new(name, bytes).with_extension(range)
}

fn part_statistics(parts: &[Arc<StagedPart>], columns: usize) -> Statistics {
    let total = |of: fn(&StagedPart) -> u64| {
        let sum: u64 = parts.iter().map(|part| of(part)).sum();
        usize::try_from(sum).map_or(Precision::Absent, Precision::Exact)
    };
    let column_statistics = (0..columns)
        .map(|column| {
            let samples = parts.iter().map(|part| {
                let sample = part.samples.get(column).copied();
                (part.rows, sample.unwrap_or_default())
            });
            sample::column_statistics(samples)
        })
        .collect();
    Statistics {
        num_rows: total(|part| part.rows),
        total_byte_size: total(|part| part.bytes),
        column_statistics,
    }
}
