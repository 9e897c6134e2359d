//! `_metadata`, the hidden column of sources: the file and the line that a row comes
//! from.
//!
//! Names, types and values of the fields are those of Spark 4; `line` is ours, and
//! sources of Parquet do not have it. Spark's `file_block_start` and `file_block_length`
//! are missing: they say how a run divides a file into tasks, so they would differ from
//! run to run.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use object_store::ObjectMeta;

use super::file_uri::file_uri;

/// The name of the column.
pub(crate) const METADATA_COLUMN: &str = "_metadata";

/// The field with the number of a row's line in its file, from 1.
const LINE: &str = "line";

const ZONE: &str = "UTC";

/// The fields that are the same for all rows of a file.
pub(crate) fn file_fields() -> Fields {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into()));
    [
        ("file_path", DataType::Utf8),
        ("file_name", DataType::Utf8),
        ("file_size", DataType::Int64),
        ("file_modification_time", time),
    ]
    .into_iter()
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .collect()
}

/// The name of the column of its own that a field is where a reader has no structs of
/// values of files.
pub(crate) fn flat_name(field: &str) -> String {
    format!("__{field}")
}

/// The column of a source of lines.
pub(super) fn metadata_field() -> Field {
    let mut fields: Vec<_> = file_fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(LINE, DataType::Int64, true)));
    Field::new(METADATA_COLUMN, DataType::Struct(fields.into()), true)
}

/// Whether a column, which may have fewer fields than [`metadata_field`], has line
/// numbers.
pub(super) fn has_lines(field: &Field) -> bool {
    match field.data_type() {
        DataType::Struct(fields) => fields.iter().any(|field| field.name() == LINE),
        _ => false,
    }
}

/// What is known of a file.
#[derive(Debug, Clone)]
pub(crate) struct FileMetadata {
    path: String,
    size: i64,
    modified_us: i64,
}

impl FileMetadata {
    /// Of a file of the store with the URL `store`.
    pub(crate) fn new(store: &str, meta: &ObjectMeta) -> Self {
        Self {
            path: file_uri(store, &meta.location),
            size: i64::try_from(meta.size).unwrap_or(i64::MAX),
            // Plans carry milliseconds, as Spark does: a run in this process must not
            // give other values than one on a cluster.
            modified_us: meta.last_modified.timestamp_millis().saturating_mul(1000),
        }
    }

    /// The value of one of [`file_fields`]; `None` for any other name.
    pub(crate) fn value_of(&self, field: &str) -> Option<ScalarValue> {
        Some(match field {
            "file_path" => ScalarValue::Utf8(Some(self.path.clone())),
            "file_name" => {
                let name = self.path.rsplit('/').next().unwrap_or_default();
                ScalarValue::Utf8(Some(name.to_owned()))
            }
            "file_size" => ScalarValue::Int64(Some(self.size)),
            "file_modification_time" => {
                ScalarValue::TimestampMicrosecond(Some(self.modified_us), Some(ZONE.into()))
            }
            _ => return None,
        })
    }

    /// The column `field` of a batch of `rows` rows, whose lines are `lines`.
    pub(super) fn build_column(
        &self,
        field: &Field,
        lines: Option<&ArrayRef>,
        rows: usize,
    ) -> Result<ArrayRef> {
        let DataType::Struct(fields) = field.data_type() else {
            return Err(unknown_field(field));
        };
        let columns = fields
            .iter()
            .map(|field| match (self.value_of(field.name()), lines) {
                (Some(value), _) => value.to_array_of_size(rows),
                (None, Some(lines)) if field.name() == LINE => Ok(Arc::clone(lines)),
                _ => Err(unknown_field(field)),
            })
            .collect::<Result<Vec<_>>>()?;
        let column = StructArray::try_new_with_length(fields.clone(), columns, None, rows)?;
        Ok(Arc::new(column))
    }
}

fn unknown_field(field: &Field) -> DataFusionError {
    DataFusionError::Internal(format!("a file has no `{}`", field.name()))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use datafusion::arrow::array::Int64Array;
    use object_store::path::Path;

    use super::*;

    #[test]
    fn a_column_has_the_fields_that_are_asked_for() {
        let meta = ObjectMeta {
            location: Path::from("events/a.json"),
            last_modified: DateTime::from_timestamp_nanos(1_234_567_899),
            size: 12,
            e_tag: None,
            version: None,
        };
        let file = FileMetadata::new("s3://lake", &meta);
        let lines: ArrayRef = Arc::new(Int64Array::from(vec![1, 3]));
        let column = file.build_column(&metadata_field(), Some(&lines), 2);
        let column = column.unwrap();
        let value = ScalarValue::try_from_array(&column, 1).unwrap();
        assert_eq!(
            value.to_string(),
            "{file_path:s3://lake/events/a.json,file_name:a.json,file_size:12,\
             file_modification_time:1970-01-01T00:00:01.234Z,line:3}"
        );
        assert!(has_lines(&metadata_field()));

        let narrow = Fields::from(vec![Arc::clone(&file_fields()[2])]);
        let narrow = Field::new(METADATA_COLUMN, DataType::Struct(narrow), true);
        assert!(!has_lines(&narrow));
        let column = file.build_column(&narrow, None, 2).unwrap();
        assert_eq!(column.data_type(), narrow.data_type());
        // Line numbers that were not counted are not made up.
        file.build_column(&metadata_field(), None, 2).unwrap_err();
    }
}
