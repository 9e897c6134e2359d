//! Hive partitions: which rows belong to which folder.

use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::partition;
use arrow::datatypes::Schema;
use datafusion::error::Result;
use sluice_gold::{partition_path, partition_value};

use super::error::SinkError;
use super::spec::SinkSpec;

/// How long a name may be on common file systems. The same limit holds in a bucket,
/// so that a job does not depend on where its tables are.
const MAX_FOLDER_BYTES: usize = 255;

/// The value of each partition column, in their order, in Delta's text form.
pub(super) type PartitionValues = Vec<Option<String>>;

/// The partition columns of a table and the other columns, by index.
#[derive(Debug, Clone)]
pub(super) struct Partitioner {
    dataset: String,
    names: Vec<String>,
    columns: Vec<usize>,
    others: Vec<usize>,
}

impl Partitioner {
    pub(super) fn new(spec: &SinkSpec) -> Self {
        let schema: &Schema = &spec.schema;
        let columns: Vec<usize> = spec
            .partition_by
            .iter()
            .filter_map(|name| schema.index_of(name).ok())
            .collect();
        let others = (0..schema.fields().len())
            .filter(|index| !columns.contains(index))
            .collect();
        Self {
            dataset: spec.dataset.clone(),
            names: spec.partition_by.clone(),
            columns,
            others,
        }
    }

    /// Groups of adjacent rows with equal partition values, without the partition
    /// columns.
    pub(super) fn split_rows(
        &self,
        batch: &RecordBatch,
    ) -> Result<Vec<(PartitionValues, RecordBatch)>> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        if self.columns.is_empty() {
            return Ok(vec![(Vec::new(), batch.clone())]);
        }
        let keys: Vec<ArrayRef> = batch.project(&self.columns)?.columns().to_vec();
        let rows = batch.project(&self.others)?;
        partition(&keys)?
            .ranges()
            .into_iter()
            .map(|Range { start, end }| {
                let values = keys
                    .iter()
                    .zip(&self.names)
                    .map(|(key, name)| self.partition_text(name, key, start))
                    .collect::<Result<_>>()?;
                Ok((values, rows.slice(start, end - start)))
            })
            .collect()
    }

    fn partition_text(&self, name: &str, key: &ArrayRef, row: usize) -> Result<Option<String>> {
        let value = partition_value(key.as_ref(), row).map_err(|data_type| SinkError::Columns {
            dataset: self.dataset.clone(),
            detail: format!(
                "a partition column of type {data_type} cannot name a folder; use a string, number, date, timestamp or boolean"
            ),
        })?;
        // Delta and Spark do not distinguish an empty string from NULL here.
        let value = value.filter(|text| !text.is_empty());
        let folder = partition_path(&[(name, value.clone())]);
        let bytes = folder.trim_end_matches('/').len();
        if bytes > MAX_FOLDER_BYTES {
            return Err(SinkError::PartitionValue {
                dataset: self.dataset.clone(),
                column: name.to_owned(),
                bytes,
                max_bytes: MAX_FOLDER_BYTES,
            }
            .into());
        }
        Ok(value)
    }

    /// The folder of a partition below the table's root, ending in `/`; empty
    /// without partition columns.
    pub(super) fn folder_path(&self, values: &PartitionValues) -> String {
        partition_path(&self.named_values(values))
    }

    /// Names of the partition columns with their values.
    pub(super) fn named_values(&self, values: &PartitionValues) -> Vec<(String, Option<String>)> {
        self.names
            .iter()
            .cloned()
            .zip(values.iter().cloned())
            .collect()
    }
}
