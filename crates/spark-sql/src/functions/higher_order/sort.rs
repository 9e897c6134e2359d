//! `array_sort(array, (l, r) -> …)`: elements in the order of a comparison.
//!
//! The planner finds a plain function of that name first, so the call is
//! [`SORT_BY`] in a plan.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, UInt32Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int32Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature,
    HigherOrderUDF, HigherOrderUDFImpl, LambdaArgument, LambdaParametersProgress, ValueOrLambda,
    Volatility,
};

use super::super::arrays::elements::{element_field, element_range};
use super::super::kinds::{array_type, plain_type};
use super::{call_lambda, lambda_at, lambda_field, parameter, value_at, value_field};

/// The name in plans.
pub(crate) const SORT_BY: &str = "array_sort_by";

const FORM: &str =
    "array_sort(array, (l, r) -> CASE WHEN l < r THEN -1 WHEN l > r THEN 1 ELSE 0 END)";

pub(super) fn function() -> Arc<HigherOrderUDF> {
    Arc::new(HigherOrderUDF::new_from_impl(ArraySortBy {
        signature: HigherOrderSignature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArraySortBy {
    signature: HigherOrderSignature,
}

/// The elements of a row that are in order, and the search for the next one's
/// place.
struct SortedRow {
    row: u32,
    /// Positions of the elements; the first `done` are in order.
    elements: Vec<u32>,
    done: usize,
    low: usize,
    high: usize,
}

impl SortedRow {
    /// The element to place, and the one that it is compared with.
    fn comparison(&self) -> Option<(u32, u32)> {
        let middle = usize::midpoint(self.low, self.high);
        Some((*self.elements.get(self.done)?, *self.elements.get(middle)?))
    }

    /// Takes the answer: whether the element comes before the other one. Equal
    /// elements keep their order.
    fn take_answer(&mut self, before: bool) {
        let middle = usize::midpoint(self.low, self.high);
        if before {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        if self.low == self.high {
            if let Some(moved) = self.elements.get_mut(self.low..=self.done) {
                moved.rotate_right(1);
            }
            self.done += 1;
            (self.low, self.high) = (0, self.done);
        }
    }
}

/// Sorts all rows together, one comparison of each row at a time.
fn sort_rows(values: &ArrayRef, compare: &LambdaArgument, rows: &mut [SortedRow]) -> Result<()> {
    loop {
        let (mut active, mut left, mut right, mut numbers) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            if let Some((element, other)) = row.comparison() {
                active.push(at);
                left.push(element);
                right.push(other);
                numbers.push(row.row);
            }
        }
        if active.is_empty() {
            return Ok(());
        }
        let sides = [
            take(values, &UInt32Array::from(left), None)?,
            take(values, &UInt32Array::from(right), None)?,
        ];
        let numbers = UInt32Array::from(numbers);
        let answers = call_lambda(compare, &sides, &numbers, &DataType::Int32)?;
        let answers: &Int32Array = answers.as_primitive::<Int32Type>();
        for (at, answer) in active.into_iter().zip(answers) {
            let Some(answer) = answer else {
                return Err(DataFusionError::Execution(
                    "[COMPARATOR_RETURNS_NULL] the comparison of `array_sort` gave NULL; give a \
                     number for every pair of elements, NULL too"
                        .to_owned(),
                ));
            };
            if let Some(row) = rows.get_mut(at) {
                row.take_answer(answer < 0);
            }
        }
    }
}

impl HigherOrderUDFImpl for ArraySortBy {
    fn name(&self) -> &str {
        SORT_BY
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types.iter().map(plain_type).collect::<Vec<_>>().as_slice() {
            [DataType::Null] => Ok(vec![array_type(DataType::Null)]),
            [list @ DataType::List(_)] => Ok(vec![list.clone()]),
            _ => Err(super::wrong_arguments(FORM)),
        }
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let list = value_field(fields, 0, FORM)?.data_type();
        let element = parameter(element_field(list)?.data_type().clone());
        Ok(LambdaParametersProgress::Complete(vec![vec![
            Arc::clone(&element),
            element,
        ]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let result = lambda_field(args.arg_fields, 1, FORM)?.data_type();
        if !result.is_integer() {
            return Err(DataFusionError::Plan(format!(
                "the comparison of array_sort must give an INT, not a value of type {result}; \
                 write {FORM}"
            )));
        }
        let list = value_field(args.arg_fields, 0, FORM)?.data_type().clone();
        Ok(Arc::new(Field::new(self.name(), list, true)))
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let lists = value_at(&args, 0, FORM)?;
        let list = lists.as_list::<i32>();
        let compare = lambda_at(&args, 1, FORM)?;
        let mut rows: Vec<SortedRow> = (0..list.len())
            .filter(|row| list.is_valid(*row))
            .map(|row| SortedRow {
                row: row as u32,
                elements: element_range(list, row).map(|at| at as u32).collect(),
                done: 1,
                low: 0,
                high: 1,
            })
            .collect();
        sort_rows(list.values(), compare, &mut rows)?;
        let mut lengths = vec![0; list.len()];
        for row in &rows {
            if let Some(length) = lengths.get_mut(row.row as usize) {
                *length = row.elements.len();
            }
        }
        let order: UInt32Array = rows.into_iter().flat_map(|row| row.elements).collect();
        let field = element_field(args.return_type())?;
        let sorted: ArrayRef = Arc::new(ListArray::try_new(
            Arc::clone(field),
            OffsetBuffer::from_lengths(lengths),
            take(list.values(), &order, None)?,
            list.nulls().cloned(),
        )?);
        Ok(ColumnarValue::Array(sorted))
    }
}
