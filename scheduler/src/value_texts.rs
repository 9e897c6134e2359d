//! Rows as texts, for people.

use arrow::array::{Array as _, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The values of each row as text; nothing for NULL and for what has no text.
pub(crate) fn value_texts(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default().with_display_error(true);
    let formatters: Vec<_> = (batch.columns().iter())
        .map(|column| ArrayFormatter::try_new(column, &options).ok())
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            let columns = batch.columns().iter().zip(&formatters);
            columns
                .map(|(column, formatter)| {
                    let formatter = formatter.as_ref().filter(|_| column.is_valid(row))?;
                    Some(formatter.value(row).to_string())
                })
                .collect()
        })
        .collect()
}
