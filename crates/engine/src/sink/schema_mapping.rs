//! Converts rows to the schema of the table.
//!
//! Types are compared when the sink is planned: a conversion that can lose part
//! of a value (a fraction, characters) is an error there. A conversion that can
//! only fail as a whole (a number too large) is attempted when rows are written;
//! its error names the column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::error::Result;

use super::error::SinkError;
use super::spec::SinkSpec;

/// How rows of the input's schema become rows of the table's schema.
#[derive(Debug, Clone)]
pub(super) struct SchemaMapping {
    dataset: String,
    schema: SchemaRef,
    /// For each column of the table, the index of the input's column.
    source_indices: Vec<usize>,
}

impl SchemaMapping {
    /// Compares the schemas; columns are matched by name.
    pub(super) fn new(spec: &SinkSpec, input: &Schema) -> Result<Self> {
        let mut sources = Vec::with_capacity(spec.schema.fields().len());
        for field in spec.schema.fields() {
            let mut places = input
                .fields()
                .iter()
                .enumerate()
                .filter(|(_, column)| column.name() == field.name());
            let Some((index, column)) = places.next() else {
                let detail = format!("the query returns no column '{}'", field.name());
                return Err(spec.columns_error(detail).into());
            };
            if places.next().is_some() {
                let detail = format!("the query returns the column '{}' twice", field.name());
                return Err(spec.columns_error(detail).into());
            }
            if !is_lossless(column.data_type(), field.data_type()) {
                return Err(SinkError::Type {
                    dataset: spec.dataset.clone(),
                    column: field.name().clone(),
                    from: column.data_type().clone(),
                    to: field.data_type().clone(),
                }
                .into());
            }
            sources.push(index);
        }
        let extra = input
            .fields()
            .iter()
            .find(|column| spec.schema.field_with_name(column.name()).is_err());
        if let Some(extra) = extra {
            let detail = format!("the table has no column '{}'", extra.name());
            return Err(spec.columns_error(detail).into());
        }
        Ok(Self {
            dataset: spec.dataset.clone(),
            schema: Arc::clone(&spec.schema),
            source_indices: sources,
        })
    }

    /// The index in the input of a column of the table.
    pub(super) fn source_index(&self, column: &str) -> Option<usize> {
        self.source_indices
            .get(self.schema.index_of(column).ok()?)
            .copied()
    }

    /// Converts rows to the table's schema.
    pub(super) fn map_batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.source_indices.len());
        for (field, source) in self.schema.fields().iter().zip(&self.source_indices) {
            let array = batch.column(*source);
            let column = if array.data_type() == field.data_type() {
                Arc::clone(array)
            } else {
                self.cast_column(array, field.name(), field.data_type())?
            };
            if !field.is_nullable() {
                let nulls = column.logical_null_count();
                if nulls > 0 {
                    return Err(SinkError::NotNull {
                        dataset: self.dataset.clone(),
                        column: field.name().clone(),
                        nulls,
                        rows: column.len(),
                    }
                    .into());
                }
            }
            columns.push(column);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn cast_column(&self, array: &ArrayRef, column: &str, to: &DataType) -> Result<ArrayRef> {
        let options = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        cast_with_options(array, to, &options).map_err(|source| {
            SinkError::Value {
                dataset: self.dataset.clone(),
                column: column.to_owned(),
                to: to.clone(),
                source,
            }
            .into()
        })
    }
}

/// Whether the conversion of every value is either exact or an error.
///
/// Timestamps are an exception, because the table format has only microseconds:
/// finer parts are cut off.
fn is_lossless(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    if from == to {
        return true;
    }
    match (from, to) {
        (Null, _) => true,
        (Dictionary(_, value), _) => is_lossless(value, to),
        (RunEndEncoded(_, value), _) => is_lossless(value.data_type(), to),
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => true,
        (
            Binary | LargeBinary | BinaryView | FixedSizeBinary(_),
            Binary | LargeBinary | BinaryView,
        ) => true,
        (from, to) if from.is_integer() && to.is_integer() => true,
        (
            from,
            Decimal32(_, scale) | Decimal64(_, scale) | Decimal128(_, scale) | Decimal256(_, scale),
        ) if from.is_integer() => *scale >= 0,
        (Int8 | Int16 | UInt8 | UInt16 | Int32 | UInt32 | Float16 | Float32, Float64) => true,
        (Int8 | Int16 | UInt8 | UInt16 | Float16, Float32) => true,
        (
            Decimal32(_, from) | Decimal64(_, from) | Decimal128(_, from) | Decimal256(_, from),
            Decimal32(_, to) | Decimal64(_, to) | Decimal128(_, to) | Decimal256(_, to),
        ) => to >= from,
        (Date32 | Date64, Date32 | Timestamp(..)) => true,
        // A timestamp without zone is taken as UTC; one with a zone does not
        // become one without.
        (Timestamp(_, from), Timestamp(_, to)) => {
            from.is_none() || to.as_deref().is_some_and(is_utc)
        }
        (
            List(from)
            | LargeList(from)
            | ListView(from)
            | LargeListView(from)
            | FixedSizeList(from, _),
            List(to) | LargeList(to),
        ) => is_lossless(from.data_type(), to.data_type()),
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from.iter().zip(to).all(|(from, to)| {
                    from.name() == to.name() && is_lossless(from.data_type(), to.data_type())
                })
        }
        (Map(from, _), Map(to, _)) => match (from.data_type(), to.data_type()) {
            // Only the names of the two parts may differ.
            (Struct(from), Struct(to)) => {
                from.len() == to.len()
                    && from
                        .iter()
                        .zip(to)
                        .all(|(from, to)| is_lossless(from.data_type(), to.data_type()))
            }
            _ => false,
        },
        _ => false,
    }
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "+00:00" | "Z" | "Etc/UTC")
}
