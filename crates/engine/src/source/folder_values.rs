//! Columns whose values are in the names of folders.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use serde::{Deserialize, Serialize};
use sluice_values::TimeZone;

/// The values of the folders that a file is in, carried by each
/// `PartitionedFile` of a scan: one for each of
/// [`NdjsonOptions::folder_columns`](super::NdjsonOptions::folder_columns),
/// `None` for NULL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FolderValues(pub(crate) Vec<Option<String>>);

/// A value as a column of `rows` rows.
pub(super) fn repeat_value(
    field: &Field,
    text: Option<&str>,
    time_zone: TimeZone,
    rows: usize,
) -> Result<ArrayRef> {
    // The values were checked when the files were listed.
    let value = sluice_csv::single_value(field, text, time_zone).ok_or_else(|| {
        DataFusionError::Internal(format!("a folder has no value for column {}", field.name()))
    })?;
    ScalarValue::try_from_array(&value, 0)?.to_array_of_size(rows)
}

/// The fields that are not in the names of folders.
pub(super) fn without_folder_columns<'a>(
    fields: impl IntoIterator<Item = &'a FieldRef>,
    folder_columns: &[String],
) -> Vec<FieldRef> {
    fields
        .into_iter()
        .filter(|field| !folder_columns.contains(field.name()))
        .cloned()
        .collect()
}
