//! `map_filter`, `transform_keys`, `transform_values`.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, MapArray, StructArray, UInt32Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature,
    HigherOrderUDF, HigherOrderUDFImpl, LambdaParametersProgress, ValueOrLambda, Volatility,
};

use super::super::arrays::elements::ComparableValues;
use super::super::kinds::{map_type, plain_type};
use super::super::maps::{entry_fields, entry_range};
use super::{call_lambda, lambda_at, lambda_field, parameter, value_at, value_field};

pub(super) fn functions() -> Vec<Arc<HigherOrderUDF>> {
    [Operation::Filter, Operation::Keys, Operation::Values]
        .into_iter()
        .map(|operation| {
            Arc::new(HigherOrderUDF::new_from_impl(MapFunction {
                operation,
                signature: HigherOrderSignature::user_defined(Volatility::Immutable),
            }))
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Filter,
    Keys,
    Values,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MapFunction {
    operation: Operation,
    signature: HigherOrderSignature,
}

impl MapFunction {
    fn form(&self) -> &'static str {
        match self.operation {
            Operation::Filter => "map_filter(map, (k, v) -> …)",
            Operation::Keys => "transform_keys(map, (k, v) -> …)",
            Operation::Values => "transform_values(map, (k, v) -> …)",
        }
    }
}

impl HigherOrderUDFImpl for MapFunction {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Filter => "map_filter",
            Operation::Keys => "transform_keys",
            Operation::Values => "transform_values",
        }
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [map @ DataType::Map(..)] => Ok(vec![plain_type(map)]),
            _ => Err(super::wrong_arguments(self.form())),
        }
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let map = value_field(fields, 0, self.form())?;
        let (key, value) = entry_fields(map.data_type())?;
        Ok(LambdaParametersProgress::Complete(vec![vec![
            parameter(key.data_type().clone()),
            parameter(value.data_type().clone()),
        ]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let map = value_field(args.arg_fields, 0, self.form())?;
        let result = plain_type(lambda_field(args.arg_fields, 1, self.form())?.data_type());
        let (key, value) = entry_fields(map.data_type())?;
        let data_type = match self.operation {
            Operation::Filter => {
                if !matches!(result, DataType::Boolean | DataType::Null) {
                    return Err(DataFusionError::Plan(format!(
                        "the lambda of map_filter must be a condition, not a value of type {result}"
                    )));
                }
                map.data_type().clone()
            }
            Operation::Keys => map_type(result, value.data_type().clone()),
            Operation::Values => map_type(key.data_type().clone(), result),
        };
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let array = value_at(&args, 0, self.form())?;
        let map = array.as_map();
        let lambda = lambda_at(&args, 1, self.form())?;
        let (mut positions, mut rows) = (Vec::new(), Vec::new());
        for row in (0..map.len()).filter(|row| map.is_valid(*row)) {
            for entry in entry_range(map, row) {
                positions.push(entry as u32);
                rows.push(row as u32);
            }
        }
        let (positions, rows) = (UInt32Array::from(positions), UInt32Array::from(rows));
        let parameters = [
            take(map.keys(), &positions, None)?,
            take(map.values(), &positions, None)?,
        ];
        let (key, value) = entry_fields(args.return_type())?;
        let result_type = match self.operation {
            Operation::Filter => &DataType::Boolean,
            Operation::Keys => key.data_type(),
            Operation::Values => value.data_type(),
        };
        let result = call_lambda(lambda, &parameters, &rows, result_type)?;
        let [keys, values] = parameters;
        let kept: Vec<bool> = match self.operation {
            Operation::Filter => {
                let conditions = result.as_boolean();
                (0..result.len())
                    .map(|at| conditions.is_valid(at) && conditions.value(at))
                    .collect()
            }
            _ => vec![true; result.len()],
        };
        let (keys, values) = match self.operation {
            Operation::Filter => {
                let mask = kept.clone().into();
                (
                    datafusion::arrow::compute::filter(&keys, &mask)?,
                    datafusion::arrow::compute::filter(&values, &mask)?,
                )
            }
            Operation::Keys => {
                check_keys(&result, &rows)?;
                (result, values)
            }
            Operation::Values => (keys, result),
        };
        let offsets = row_offsets(map, &kept);
        build(args.return_type(), map, offsets, keys, values).map(ColumnarValue::Array)
    }
}

/// Keys of one row must differ and not be NULL.
fn check_keys(keys: &ArrayRef, rows: &UInt32Array) -> Result<()> {
    let values = ComparableValues::new("transform_keys", &[keys])?;
    let mut seen = HashSet::new();
    for at in 0..keys.len() {
        if keys.is_null(at) {
            return Err(DataFusionError::Execution(
                "`transform_keys` cannot have NULL as a key".to_owned(),
            ));
        }
        if !seen.insert((rows.value(at), values.get(0, at))) {
            return Err(DataFusionError::Execution(
                "`transform_keys` has a key twice; give each entry another".to_owned(),
            ));
        }
    }
    Ok(())
}

fn row_offsets(map: &MapArray, kept: &[bool]) -> Vec<i32> {
    let mut offsets = vec![0];
    let (mut flat, mut count) = (0, 0);
    for row in 0..map.len() {
        if map.is_valid(row) {
            for _ in entry_range(map, row) {
                count += i32::from(kept.get(flat).copied().unwrap_or(false));
                flat += 1;
            }
        }
        offsets.push(count);
    }
    offsets
}

fn build(
    result: &DataType,
    map: &MapArray,
    offsets: Vec<i32>,
    keys: ArrayRef,
    values: ArrayRef,
) -> Result<ArrayRef> {
    let DataType::Map(entries, sorted) = result else {
        return Err(DataFusionError::Internal("no map".to_owned()));
    };
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(DataFusionError::Internal(
            "a map without entries".to_owned(),
        ));
    };
    Ok(Arc::new(MapArray::try_new(
        Arc::clone(entries),
        OffsetBuffer::new(offsets.into()),
        StructArray::try_new(fields.clone(), vec![keys, values], None)?,
        map.nulls().cloned(),
        *sorted,
    )?))
}
