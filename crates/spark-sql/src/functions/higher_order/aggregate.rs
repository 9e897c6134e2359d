//! `aggregate(array, start, (acc, x) -> …[, acc -> …])`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_null_array};
use datafusion::arrow::compute::{interleave, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature,
    HigherOrderUDF, HigherOrderUDFImpl, LambdaParametersProgress, ValueOrLambda, Volatility,
};

use super::super::arrays::elements::{element_field, element_range};
use super::super::kinds::{array_type, plain_type};
use super::{call_lambda, lambda_at, lambda_field, parameter, value_at, value_field};

const FORM: &str = "aggregate(array, start, (acc, x) -> …) or aggregate(array, start, \
                    (acc, x) -> …, acc -> …)";

pub(super) fn function() -> Arc<HigherOrderUDF> {
    Arc::new(HigherOrderUDF::new_from_impl(Aggregate {
        signature: HigherOrderSignature::user_defined(Volatility::Immutable),
        aliases: vec!["reduce".to_owned()],
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Aggregate {
    signature: HigherOrderSignature,
    aliases: Vec<String>,
}

impl HigherOrderUDFImpl for Aggregate {
    fn name(&self) -> &str {
        "aggregate"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [list, start] = types else {
            return Err(super::wrong_arguments(FORM));
        };
        let list = match plain_type(list) {
            DataType::Null => array_type(DataType::Null),
            list @ DataType::List(_) => list,
            _ => return Err(super::wrong_arguments(FORM)),
        };
        Ok(vec![list, plain_type(start)])
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let list = value_field(fields, 0, FORM)?.data_type();
        let state = parameter(value_field(fields, 1, FORM)?.data_type().clone());
        let element = parameter(element_field(list)?.data_type().clone());
        let mut parameters = vec![vec![Arc::clone(&state), element]];
        if fields.len() > 3 {
            parameters.push(vec![state]);
        }
        Ok(LambdaParametersProgress::Complete(parameters))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let state = value_field(args.arg_fields, 1, FORM)?.data_type();
        let merged = plain_type(lambda_field(args.arg_fields, 2, FORM)?.data_type());
        if merged != *state {
            // As in Spark.
            return Err(DataFusionError::Plan(format!(
                "the start of aggregate is of type {state}, and its lambda gives {merged}; CAST \
                 the start to the type of the lambda"
            )));
        }
        let result = match args.arg_fields.len() {
            3 => merged,
            _ => plain_type(lambda_field(args.arg_fields, 3, FORM)?.data_type()),
        };
        Ok(Arc::new(Field::new(self.name(), result, true)))
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let lists = value_at(&args, 0, FORM)?;
        let list = lists.as_list::<i32>();
        let start = value_at(&args, 1, FORM)?;
        let merge = lambda_at(&args, 2, FORM)?;
        let state_type = start.data_type().clone();

        // Step by step over all rows that still have an element; the states of
        // rows that have ended stay in the pieces.
        let mut pieces = vec![new_null_array(&state_type, 1)];
        let mut places = vec![(0, 0); list.len()];
        let mut active: Vec<u32> = (0..list.len())
            .filter(|row| list.is_valid(*row))
            .map(|row| row as u32)
            .collect();
        let mut state = take(&start, &UInt32Array::from(active.clone()), None)?;
        for step in 0.. {
            let (mut kept, mut positions, mut rows) = (Vec::new(), Vec::new(), Vec::new());
            for (at, row) in (0_u32..).zip(&active) {
                let range = element_range(list, *row as usize);
                if step < range.len() {
                    kept.push(at);
                    positions.push((range.start + step) as u32);
                    rows.push(*row);
                } else if let Some(place) = places.get_mut(*row as usize) {
                    *place = (pieces.len(), at as usize);
                }
            }
            if kept.len() < active.len() {
                pieces.push(Arc::clone(&state));
            }
            if kept.is_empty() {
                break;
            }
            let current = take(&state, &UInt32Array::from(kept), None)?;
            let elements = take(list.values(), &UInt32Array::from(positions), None)?;
            let row_numbers = UInt32Array::from(rows.clone());
            state = call_lambda(merge, &[current, elements], &row_numbers, &state_type)?;
            active = rows;
        }
        let arrays: Vec<&dyn Array> = pieces
            .iter()
            .map(|piece: &ArrayRef| piece.as_ref())
            .collect();
        let states = interleave(&arrays, &places)?;
        if args.args.len() == 3 {
            return Ok(ColumnarValue::Array(states));
        }
        let finish = lambda_at(&args, 3, FORM)?;
        // An array that is NULL stays NULL.
        let given: Vec<u32> = (0..list.len())
            .filter(|row| list.is_valid(*row))
            .map(|row| row as u32)
            .collect();
        let rows = UInt32Array::from(given);
        let finished = call_lambda(
            finish,
            &[take(&states, &rows, None)?],
            &rows,
            args.return_type(),
        )?;
        let mut next = 0_u32;
        let back: UInt32Array = (0..list.len())
            .map(|row| {
                list.is_valid(row).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        Ok(ColumnarValue::Array(take(&finished, &back, None)?))
    }
}
