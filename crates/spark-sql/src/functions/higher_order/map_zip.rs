//! `map_zip_with(map, map, (k, x, y) -> …)`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, MapArray, StructArray, UInt32Array};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{concat, take};
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

const FORM: &str = "map_zip_with(map, map, (k, x, y) -> …), both with keys of one type";

pub(super) fn function() -> Arc<HigherOrderUDF> {
    Arc::new(HigherOrderUDF::new_from_impl(MapZipWith {
        signature: HigherOrderSignature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MapZipWith {
    signature: HigherOrderSignature,
}

/// The entries of both maps by their keys: the first map's keys, then those that
/// only the second has.
#[derive(Default)]
struct Pairs {
    /// Positions in the keys of both maps, one after the other.
    keys: Vec<u32>,
    first: Vec<Option<u32>>,
    second: Vec<Option<u32>>,
    rows: Vec<u32>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
}

impl Pairs {
    fn of(first: &MapArray, second: &MapArray) -> Result<Self> {
        let known = ComparableValues::new("map_zip_with", &[first.keys(), second.keys()])?;
        let shift = first.keys().len() as u32;
        let mut pairs = Self::default();
        for row in 0..first.len() {
            let start = pairs.keys.len();
            let valid = first.is_valid(row) && second.is_valid(row);
            if valid {
                let mut places = HashMap::new();
                for entry in entry_range(first, row) {
                    places.insert(known.get(0, entry), pairs.keys.len());
                    pairs.push(entry as u32, Some(entry as u32), None, row);
                }
                for entry in entry_range(second, row) {
                    match places.get(&known.get(1, entry)) {
                        Some(place) => {
                            if let Some(value) = pairs.second.get_mut(*place) {
                                *value = Some(entry as u32);
                            }
                        }
                        None => pairs.push(entry as u32 + shift, None, Some(entry as u32), row),
                    }
                }
            }
            pairs.lengths.push(pairs.keys.len() - start);
            pairs.valid.push(valid);
        }
        Ok(pairs)
    }

    fn push(&mut self, key: u32, first: Option<u32>, second: Option<u32>, row: usize) {
        self.keys.push(key);
        self.first.push(first);
        self.second.push(second);
        self.rows.push(row as u32);
    }
}

impl HigherOrderUDFImpl for MapZipWith {
    fn name(&self) -> &str {
        "map_zip_with"
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let plain: Vec<DataType> = types.iter().map(plain_type).collect();
        match plain.as_slice() {
            [first @ DataType::Map(..), second @ DataType::Map(..)]
                if entry_fields(first)?.0.data_type() == entry_fields(second)?.0.data_type() =>
            {
                Ok(plain)
            }
            _ => Err(super::wrong_arguments(FORM)),
        }
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let (key, first) = entry_fields(value_field(fields, 0, FORM)?.data_type())?;
        let (_, second) = entry_fields(value_field(fields, 1, FORM)?.data_type())?;
        let parameters = [key, first, second].map(|field| parameter(field.data_type().clone()));
        Ok(LambdaParametersProgress::Complete(vec![
            parameters.to_vec(),
        ]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let (key, _) = entry_fields(value_field(args.arg_fields, 0, FORM)?.data_type())?;
        let result = plain_type(lambda_field(args.arg_fields, 2, FORM)?.data_type());
        let data_type = map_type(key.data_type().clone(), result);
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let (first, second) = (value_at(&args, 0, FORM)?, value_at(&args, 1, FORM)?);
        let (first, second) = (first.as_map(), second.as_map());
        let lambda = lambda_at(&args, 2, FORM)?;
        let pairs = Pairs::of(first, second)?;
        let all_keys = concat(&[first.keys().as_ref(), second.keys().as_ref()])?;
        let keys = take(&all_keys, &UInt32Array::from(pairs.keys), None)?;
        let parameters = [
            Arc::clone(&keys),
            take(first.values(), &UInt32Array::from(pairs.first), None)?,
            take(second.values(), &UInt32Array::from(pairs.second), None)?,
        ];
        let DataType::Map(entries, sorted) = args.return_type() else {
            return Err(DataFusionError::Internal("no map".to_owned()));
        };
        let (_, value) = entry_fields(args.return_type())?;
        let rows = UInt32Array::from(pairs.rows);
        let values = call_lambda(lambda, &parameters, &rows, value.data_type())?;
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(DataFusionError::Internal(
                "a map without entries".to_owned(),
            ));
        };
        let result: ArrayRef = Arc::new(MapArray::try_new(
            Arc::clone(entries),
            OffsetBuffer::from_lengths(pairs.lengths),
            StructArray::try_new(fields.clone(), vec![keys, values], None)?,
            Some(NullBuffer::from(pairs.valid)),
            *sorted,
        )?);
        Ok(ColumnarValue::Array(result))
    }
}
