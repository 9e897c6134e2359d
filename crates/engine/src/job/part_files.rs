//! Which files of a table have rows for which a condition is true, by what the log says
//! of them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::simplifier::PhysicalExprSimplifier;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use serde_json::{Map, Value};
use sluice_gold::{DataFile, TableSpec};

use super::dataset_table::{partition_value, scalar_value};

/// Of each file, whether the condition is true for its rows. All columns of the
/// condition are partition columns, so it is for all of them or for none.
pub(super) fn find_certain(
    condition: &Expr,
    spec: &TableSpec,
    files: &[DataFile],
    session: &SessionState,
) -> Result<Vec<bool>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let fields = spec.partition_by.iter().map(|name| {
        let field = spec.schema.field_with_name(name)?;
        Ok(field.clone().with_nullable(true))
    });
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Result<Vec<Field>>>()?));
    let columns = schema.fields().iter().map(|field| {
        let values = files.iter().map(|file| partition_value(file, field));
        ScalarValue::iter_to_array(values.collect::<Result<Vec<_>>>()?)
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(files.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
    let condition = physical_condition(condition, &schema, session)?;
    let values = condition.evaluate(&batch)?.into_array(files.len())?;
    let values = values.as_boolean();
    let is_true = (0..values.len()).map(|row| values.is_valid(row) && values.value(row));
    Ok(is_true.collect())
}

/// Of each file, whether the condition may be true for one of its rows.
pub(super) fn find_possible(
    condition: &Expr,
    spec: &TableSpec,
    files: &[DataFile],
    session: &SessionState,
) -> Result<Vec<bool>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let files = FileBounds { spec, files };
    let schema = Arc::clone(&spec.schema);
    let condition = physical_condition(condition, &schema, session)?;
    let pruning = PruningPredicateBuilder::new().with_file_schema(schema);
    match pruning.build(condition) {
        Some(predicate) => predicate.prune(&files),
        None => Ok(vec![true; files.files.len()]),
    }
}

fn physical_condition(
    condition: &Expr,
    schema: &SchemaRef,
    session: &SessionState,
) -> Result<Arc<dyn PhysicalExpr>> {
    let columns = DFSchema::try_from(Arc::clone(schema))?;
    let condition = session.create_physical_expr(condition.clone(), &columns)?;
    PhysicalExprSimplifier::new(schema).simplify(condition)
}

/// What the log says of the values in files.
struct FileBounds<'a> {
    spec: &'a TableSpec,
    files: &'a [DataFile],
}

impl FileBounds<'_> {
    fn is_partition(&self, column: &str) -> bool {
        self.spec.partition_by.iter().any(|name| name == column)
    }

    /// A bound of each file; NULL where it is not known.
    fn bounds(
        &self,
        column: &Column,
        bound_of: impl Fn(&DataFile, &Field) -> Option<ScalarValue>,
    ) -> Option<ArrayRef> {
        let field = self.spec.schema.field_with_name(&column.name).ok()?;
        let unknown = ScalarValue::try_from(field.data_type()).ok()?;
        let bounds = self.files.iter().map(|file| {
            let bound = match self.is_partition(field.name()) {
                true => partition_value(file, field).ok(),
                false => bound_of(file, field),
            };
            bound.unwrap_or_else(|| unknown.clone())
        });
        ScalarValue::iter_to_array(bounds).ok()
    }
}

impl PruningStatistics for FileBounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |file, field| {
            read_bound(&file.stats.min_values, field)
        })
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |file, field| {
            read_bound(&file.stats.max_values, field).and_then(round_up)
        })
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let is_partition = self.is_partition(&column.name);
        let counts = self.files.iter().map(|file| {
            if !is_partition {
                return file.stats.null_count.get(&column.name)?.as_u64();
            }
            let mut values = file.partition_values.iter();
            let value = values.find(|(name, _)| *name == column.name);
            match value {
                Some((_, Some(_))) => Some(0),
                _ => known_rows(file),
            }
        });
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let counts = self.files.iter().map(known_rows);
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// The rows of a file; the log need not say it.
fn known_rows(file: &DataFile) -> Option<u64> {
    Some(file.stats.num_records).filter(|rows| *rows > 0)
}

/// A bound of a column whose values compare as the log's texts and numbers do.
pub(super) fn read_bound(bounds: &Map<String, Value>, field: &Field) -> Option<ScalarValue> {
    let value = bounds.get(field.name())?;
    match (field.data_type(), value) {
        (
            data_type @ (DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Timestamp(TimeUnit::Microsecond, Some(_))),
            Value::String(text),
        ) => ScalarValue::try_from_string(text.clone(), data_type).ok(),
        (data_type, value) => scalar_value(value, data_type),
    }
}

/// Other writers cut the greatest time to milliseconds.
pub(super) fn round_up(bound: ScalarValue) -> Option<ScalarValue> {
    match bound {
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let micros = micros.checked_add(1_000)?;
            Some(ScalarValue::TimestampMicrosecond(Some(micros), zone))
        }
        bound => Some(bound),
    }
}

#[cfg(test)]
mod tests;
