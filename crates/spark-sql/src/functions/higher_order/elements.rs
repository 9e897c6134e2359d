//! `transform`, `filter`, `exists`, `forall`, `zip_with`.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, UInt32Array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature,
    HigherOrderUDF, HigherOrderUDFImpl, LambdaParametersProgress, ValueOrLambda, Volatility,
};

use super::super::arrays::elements::{ElementPicker, element_field, element_range};
use super::super::kinds::{array_type, plain_type};
use super::{call_lambda, lambda_at, lambda_field, parameter, value_at, value_field};

pub(super) fn functions() -> Vec<Arc<HigherOrderUDF>> {
    [
        Operation::Transform,
        Operation::Filter,
        Operation::Exists,
        Operation::ForAll,
        Operation::ZipWith,
    ]
    .into_iter()
    .map(|operation| {
        Arc::new(HigherOrderUDF::new_from_impl(ElementFunction {
            operation,
            signature: HigherOrderSignature::user_defined(Volatility::Immutable),
        }))
    })
    .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Transform,
    Filter,
    Exists,
    ForAll,
    ZipWith,
}

impl Operation {
    fn form(self) -> &'static str {
        match self {
            Self::Transform => "transform(array, x -> …) or transform(array, (x, i) -> …)",
            Self::Filter => "filter(array, x -> …) or filter(array, (x, i) -> …)",
            Self::Exists => "exists(array, x -> …)",
            Self::ForAll => "forall(array, x -> …)",
            Self::ZipWith => "zip_with(array, array, (x, y) -> …)",
        }
    }

    /// How many arrays there are.
    fn lists(self) -> usize {
        match self {
            Self::ZipWith => 2,
            _ => 1,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ElementFunction {
    operation: Operation,
    signature: HigherOrderSignature,
}

impl HigherOrderUDFImpl for ElementFunction {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Transform => "transform",
            Operation::Filter => "filter",
            Operation::Exists => "exists",
            Operation::ForAll => "forall",
            Operation::ZipWith => "zip_with",
        }
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let lists: Vec<DataType> = types
            .iter()
            .map(|given| match plain_type(given) {
                DataType::Null => array_type(DataType::Null),
                plain => plain,
            })
            .collect();
        let all_lists = lists.iter().all(|list| matches!(list, DataType::List(_)));
        if !all_lists || lists.len() != self.operation.lists() {
            return Err(super::wrong_arguments(self.operation.form()));
        }
        Ok(lists)
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let form = self.operation.form();
        let element = |at| -> Result<FieldRef> {
            let list = value_field(fields, at, form)?;
            Ok(parameter(
                element_field(list.data_type())?.data_type().clone(),
            ))
        };
        let parameters = match self.operation {
            Operation::Transform | Operation::Filter => {
                vec![element(0)?, parameter(DataType::Int32)]
            }
            Operation::Exists | Operation::ForAll => vec![element(0)?],
            Operation::ZipWith => vec![element(0)?, element(1)?],
        };
        Ok(LambdaParametersProgress::Complete(vec![parameters]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let form = self.operation.form();
        let result = lambda_field(args.arg_fields, self.operation.lists(), form)?;
        let is_condition = !matches!(self.operation, Operation::Transform | Operation::ZipWith);
        let result_type = plain_type(result.data_type());
        if is_condition && !matches!(result_type, DataType::Boolean | DataType::Null) {
            return Err(DataFusionError::Plan(format!(
                "the lambda of {} must be a condition, not a value of type {result_type}",
                self.name()
            )));
        }
        let data_type = match self.operation {
            Operation::Transform | Operation::ZipWith => array_type(result_type),
            Operation::Filter => value_field(args.arg_fields, 0, form)?.data_type().clone(),
            Operation::Exists | Operation::ForAll => DataType::Boolean,
        };
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let form = self.operation.form();
        let first = value_at(&args, 0, form)?;
        let list = first.as_list::<i32>();
        let lambda = lambda_at(&args, self.operation.lists(), form)?;
        let result = args.return_type();
        if self.operation == Operation::ZipWith {
            let second = value_at(&args, 1, form)?;
            let right = second.as_list::<i32>();
            return zip_with(list, right, result, |parameters, rows, element| {
                call_lambda(lambda, parameters, rows, element)
            })
            .map(ColumnarValue::Array);
        }
        let elements = FlatElements::new(list);
        let mut parameters = vec![take(list.values(), &elements.positions, None)?];
        if matches!(self.operation, Operation::Transform | Operation::Filter) {
            parameters.push(Arc::new(elements.indexes.clone()));
        }
        let lambda_type = match self.operation {
            Operation::Transform => element_field(result)?.data_type(),
            _ => &DataType::Boolean,
        };
        let values = call_lambda(lambda, &parameters, &elements.rows, lambda_type)?;
        Ok(ColumnarValue::Array(match self.operation {
            Operation::Transform => Arc::new(ListArray::try_new(
                Arc::clone(element_field(result)?),
                OffsetBuffer::new(elements.offsets.into()),
                values,
                list.nulls().cloned(),
            )?),
            Operation::Filter => filter(list, values.as_boolean(), result)?,
            operation => {
                let decisive = operation == Operation::Exists;
                Arc::new(decide(list, values.as_boolean(), decisive))
            }
        }))
    }
}

/// The elements of all rows one after another.
struct FlatElements {
    positions: UInt32Array,
    rows: UInt32Array,
    /// From 0 in each row.
    indexes: Int32Array,
    offsets: Vec<i32>,
}

impl FlatElements {
    fn new(list: &ListArray) -> Self {
        let (mut positions, mut rows, mut indexes) = (Vec::new(), Vec::new(), Vec::new());
        let mut offsets = vec![0];
        for row in 0..list.len() {
            if list.is_valid(row) {
                for (index, at) in (0..).zip(element_range(list, row)) {
                    positions.push(at as u32);
                    rows.push(row as u32);
                    indexes.push(index);
                }
            }
            offsets.push(positions.len() as i32);
        }
        Self {
            positions: positions.into(),
            rows: rows.into(),
            indexes: indexes.into(),
            offsets,
        }
    }
}

fn filter(list: &ListArray, kept: &BooleanArray, result: &DataType) -> Result<ArrayRef> {
    let mut picker = ElementPicker::new("filter", list.len());
    let mut flat = 0;
    for row in 0..list.len() {
        let is_valid = list.is_valid(row);
        if is_valid {
            for at in element_range(list, row) {
                if kept.is_valid(flat) && kept.value(flat) {
                    picker.pick((0, at));
                }
                flat += 1;
            }
        }
        picker.end_row(is_valid)?;
    }
    picker.finish(element_field(result)?, &[list.values()])
}

/// The first value that decides: true for `exists`, false for `forall`. Where
/// there is none, a NULL makes the result NULL.
fn decide(list: &ListArray, conditions: &BooleanArray, decisive: bool) -> BooleanArray {
    let mut flat = 0;
    (0..list.len())
        .map(|row| {
            if list.is_null(row) {
                return None;
            }
            let (mut decided, mut unknown) = (false, false);
            for _ in element_range(list, row) {
                match conditions.is_valid(flat) {
                    true => decided |= conditions.value(flat) == decisive,
                    false => unknown = true,
                }
                flat += 1;
            }
            match (decided, unknown) {
                (true, _) => Some(decisive),
                (false, true) => None,
                (false, false) => Some(!decisive),
            }
        })
        .collect()
}

/// The shorter array is filled with NULLs.
fn zip_with(
    left: &ListArray,
    right: &ListArray,
    result: &DataType,
    call: impl Fn(&[ArrayRef], &UInt32Array, &DataType) -> Result<ArrayRef>,
) -> Result<ArrayRef> {
    let (mut lefts, mut rights, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let mut offsets = vec![0_i32];
    let mut valid = Vec::with_capacity(left.len());
    for row in 0..left.len() {
        let is_valid = left.is_valid(row) && right.is_valid(row);
        valid.push(is_valid);
        if is_valid {
            let (l, r) = (element_range(left, row), element_range(right, row));
            let longest = l.len().max(r.len());
            let padded = |range: std::ops::Range<usize>| {
                let missing = longest - range.len();
                range
                    .map(|at| u32::try_from(at).ok())
                    .chain(std::iter::repeat_n(None, missing))
            };
            lefts.extend(padded(l));
            rights.extend(padded(r));
            rows.extend(std::iter::repeat_n(row as u32, longest));
        }
        offsets.push(rows.len() as i32);
    }
    let parameters = [
        take(left.values(), &UInt32Array::from(lefts), None)?,
        take(right.values(), &UInt32Array::from(rights), None)?,
    ];
    let field = element_field(result)?;
    let values = call(&parameters, &UInt32Array::from(rows), field.data_type())?;
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::new(offsets.into()),
        values,
        Some(NullBuffer::from(valid)),
    )?))
}
