//! Encodes rows as a Parquet file whose statistics readers can trust.
//!
//! `parquet`'s own writer leaves NaN out of a column's minimum and maximum
//! (arrow-rs #264). DataFusion and DuckDB, which like Spark order NaN above all
//! numbers, then skip row groups with NaN that a filter such as `x > 5` selects
//! (datafusion #15812). Spark's writer gives a column with NaN no bounds
//! (PARQUET-1246); so does this one.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    ArrowNativeType as _, DataType, Field, Float32Type, Float64Type, SchemaRef,
};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriter,
    ArrowWriterOptions, compute_leaves,
};
use parquet::basic::Type;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::SerializedFileWriter;

use super::key_filters::{build_filter, has_filter};

/// Encodes a Parquet file into a buffer.
pub(super) struct FileEncoder {
    writer: SerializedFileWriter<Vec<u8>>,
    column_writers: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// The indices of the columns of the schema that get Bloom filters.
    keys: Vec<usize>,
    max_group_rows: usize,
    max_group_bytes: usize,
    /// The row group that takes rows.
    group: Option<OpenGroup>,
}

/// A row group while it is written.
struct OpenGroup {
    /// One for each leaf column.
    writers: Vec<ArrowColumnWriter>,
    rows: usize,
    /// Names of the top-level columns with NaN.
    with_nan: HashSet<String>,
    /// Of each key column the number of its writer, and its values.
    keys: Vec<(usize, Vec<ArrayRef>)>,
}

impl std::fmt::Debug for FileEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileEncoder")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl FileEncoder {
    /// `keys`: the names of the columns that get Bloom filters, where their types allow it.
    pub(super) fn try_new(
        schema: SchemaRef,
        properties: WriterProperties,
        keys: &[String],
    ) -> Result<Self> {
        let max_group_rows = properties.max_row_group_row_count().unwrap_or(usize::MAX);
        let max_group_bytes = properties.max_row_group_bytes().unwrap_or(usize::MAX);
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            // Readers take the types from Parquet's own schema.
            .with_skip_arrow_metadata(true);
        let (writer, column_writers) =
            ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)?
                .into_serialized_writer()?;
        let fields = schema.fields().iter().enumerate();
        let is_key = |field: &Field| keys.contains(field.name()) && has_filter(field.data_type());
        let keys = fields
            .filter(|(_, field)| is_key(field))
            .map(|(index, _)| index);
        Ok(Self {
            writer,
            column_writers,
            keys: keys.collect(),
            schema,
            max_group_rows,
            max_group_bytes,
            group: None,
        })
    }

    /// Bytes of the finished row groups.
    pub(super) fn bytes_written(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Estimated bytes of the open row group once it is encoded.
    pub(super) fn in_progress_size(&self) -> usize {
        self.group.as_ref().map_or(0, OpenGroup::encoded_size)
    }

    /// Bytes of memory that the open row group and the buffer hold.
    pub(super) fn memory_size(&self) -> usize {
        let group = self.group.iter().flat_map(|group| &group.writers);
        let group: usize = group.map(ArrowColumnWriter::memory_size).sum();
        let keys = self.group.iter().flat_map(|group| &group.keys);
        let keys = keys.flat_map(|(_, values)| values);
        // A slice may hold more, of a batch that is written now.
        let keys: usize = keys
            .map(|values| values.to_data().get_slice_memory_size().unwrap_or(0))
            .sum();
        group + keys + self.writer.inner().capacity()
    }

    /// Encodes rows, in as many row groups as their limits require.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut rest = batch.clone();
        while rest.num_rows() > 0 {
            let rows = self.rows_that_fit().min(rest.num_rows());
            if rows == 0 {
                self.flush()?;
                continue;
            }
            self.write_to_group(&rest.slice(0, rows))?;
            rest = rest.slice(rows, rest.num_rows() - rows);
            if self.rows_that_fit() == 0 {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// How many more rows the open row group takes, judged by the average size of
    /// its rows.
    fn rows_that_fit(&self) -> usize {
        let Some(group) = &self.group else {
            return self.max_group_rows;
        };
        let free_bytes = self.max_group_bytes.saturating_sub(group.encoded_size());
        let row_bytes = group.encoded_size() / group.rows.max(1);
        let by_bytes = match free_bytes {
            0 => 0,
            free_bytes => free_bytes.checked_div(row_bytes).unwrap_or(usize::MAX),
        };
        by_bytes.min(self.max_group_rows.saturating_sub(group.rows))
    }

    fn write_to_group(&mut self, batch: &RecordBatch) -> Result<()> {
        let group = match &mut self.group {
            Some(group) => group,
            none => none.insert(OpenGroup {
                writers: self
                    .column_writers
                    .create_column_writers(self.writer.flushed_row_groups().len())?,
                rows: 0,
                with_nan: HashSet::new(),
                keys: Vec::new(),
            }),
        };
        let mut writers = group.writers.iter_mut().enumerate();
        for (index, (field, column)) in self.schema.fields().iter().zip(batch.columns()).enumerate()
        {
            for leaf in compute_leaves(field, column)? {
                let (number, writer) = writers.next().ok_or_else(|| {
                    ParquetError::General(format!("column '{}' has no writer", field.name()))
                })?;
                writer.write(&leaf)?;
                if self.keys.contains(&index) {
                    let known = group.keys.iter_mut().find(|(of, _)| *of == number);
                    match known {
                        Some((_, values)) => values.push(Arc::clone(column)),
                        None => group.keys.push((number, vec![Arc::clone(column)])),
                    }
                }
            }
            if !group.with_nan.contains(field.name()) && has_nan(column) {
                group.with_nan.insert(field.name().clone());
            }
        }
        group.rows += batch.num_rows();
        Ok(())
    }

    /// Ends the open row group.
    pub(super) fn flush(&mut self) -> Result<()> {
        let Some(group) = self.group.take() else {
            return Ok(());
        };
        let mut row_group = self.writer.next_row_group()?;
        for (number, writer) in group.writers.into_iter().enumerate() {
            let mut chunk = writer.close()?;
            remove_bounds_of_nan(&mut chunk, &group.with_nan)?;
            if let Some((_, values)) = group.keys.iter().find(|(of, _)| *of == number) {
                chunk.close_mut().bloom_filter = Some(build_filter(values)?);
            }
            chunk.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        Ok(())
    }

    /// Takes the bytes of what was finished since the last call.
    pub(super) fn take_bytes(&mut self) -> std::io::Result<Vec<u8>> {
        self.writer.flush()?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Encodes the rest of the file.
    pub(super) fn finish(&mut self) -> Result<ParquetMetaData> {
        self.flush()?;
        self.writer.finish()
    }
}

impl OpenGroup {
    fn encoded_size(&self) -> usize {
        let writers = self.writers.iter();
        writers
            .map(ArrowColumnWriter::get_estimated_total_bytes)
            .sum()
    }
}

/// Removes the bounds of a float column in which there is NaN. The number of NULLs
/// stays.
fn remove_bounds_of_nan(chunk: &mut ArrowColumnChunk, with_nan: &HashSet<String>) -> Result<()> {
    let close = chunk.close_mut();
    let column = &close.metadata;
    let name = column.column_path().parts().first();
    if !name.is_some_and(|name| with_nan.contains(name)) {
        return Ok(());
    }
    let nulls = column.statistics().and_then(Statistics::null_count_opt);
    let statistics = match column.column_type() {
        Type::FLOAT => Statistics::Float(ValueStatistics::new(None, None, None, nulls, false)),
        Type::DOUBLE => Statistics::Double(ValueStatistics::new(None, None, None, nulls, false)),
        _ => return Ok(()),
    };
    let builder = column.clone().into_builder().set_statistics(statistics);
    close.metadata = builder.build()?;
    close.column_index = None;
    Ok(())
}

/// Whether a column has NaN, at any depth.
fn has_nan(array: &ArrayRef) -> bool {
    match array.data_type() {
        DataType::Float32 => {
            let floats = array.as_primitive::<Float32Type>();
            floats.values().iter().any(|value| value.is_nan())
        }
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>();
            floats.values().iter().any(|value| value.is_nan())
        }
        DataType::Struct(_) => array.as_struct().columns().iter().any(has_nan),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            has_nan(&items(list.values(), list.value_offsets()))
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            has_nan(&items(&entries, map.value_offsets()))
        }
        // The types of a gold table; see `sluice_gold::delta_schema`.
        _ => false,
    }
}

/// The items of lists, without those of other rows of the same buffer.
fn items(values: &ArrayRef, offsets: &[i32]) -> ArrayRef {
    let offset = |offset: Option<&i32>| offset.copied().unwrap_or_default().as_usize();
    let (first, last) = (offset(offsets.first()), offset(offsets.last()));
    values.slice(first, last.saturating_sub(first))
}

#[cfg(test)]
mod tests;
