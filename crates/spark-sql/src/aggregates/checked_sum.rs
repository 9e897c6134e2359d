//! Accumulators of sums of BIGINT and decimals that notice overflow.

use std::collections::HashSet;
use std::fmt::Debug;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowNumericType, AsArray, BooleanArray, PrimitiveArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::NullState;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::{
    filter_to_nulls, set_nulls,
};

use crate::arithmetic::{ArithmeticError, fits_digits};
use crate::types::sql_type_name;

/// A type whose sums are checked.
pub(super) trait SumType: ArrowNumericType + Debug + Send + Sync {
    fn to_wide(native: Self::Native) -> i128;
    fn from_wide(wide: i128) -> Option<Self::Native>;
}

impl SumType for Int64Type {
    fn to_wide(native: i64) -> i128 {
        i128::from(native)
    }

    fn from_wide(wide: i128) -> Option<i64> {
        i64::try_from(wide).ok()
    }
}

impl SumType for Decimal128Type {
    fn to_wide(native: i128) -> i128 {
        native
    }

    fn from_wide(wide: i128) -> Option<i128> {
        Some(wide)
    }
}

fn overflow_error<T>(data_type: &DataType) -> Result<T> {
    Err(ArithmeticError::AggregateOverflow {
        function: "sum",
        data_type: sql_type_name(data_type),
    }
    .into())
}

/// Whether a sum of the type has too many digits.
fn is_too_long<T: SumType>(native: T::Native, data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal128(precision, _) => !fits_digits(T::to_wide(native), *precision),
        _ => false,
    }
}

/// The sum of one group or frame.
#[derive(Debug)]
pub(super) struct SumAccumulator<T: SumType> {
    data_type: DataType,
    /// Wide enough that the order of the values does not matter.
    sum: i128,
    count: u64,
    row_type: std::marker::PhantomData<T>,
}

impl<T: SumType> SumAccumulator<T> {
    pub(super) const fn new(data_type: DataType) -> Self {
        Self {
            data_type,
            sum: 0,
            count: 0,
            row_type: std::marker::PhantomData,
        }
    }

    fn add(&mut self, value: i128) -> Result<()> {
        match self.sum.checked_add(value) {
            Some(sum) => self.sum = sum,
            None => return overflow_error(&self.data_type),
        }
        Ok(())
    }
}

/// The values of the only argument that are not NULL.
#[allow(
    clippy::filter_map_bool_then,
    reason = "one closure owns the array; two would have to share it"
)]
fn valid_values<T: SumType>(values: &[ArrayRef]) -> Result<impl Iterator<Item = i128> + use<T>> {
    let Some(array) = values.first() else {
        return internal_err!("sum without argument");
    };
    let array = array.as_primitive::<T>().clone();
    Ok((0..array.len())
        .filter_map(move |row| array.is_valid(row).then(|| T::to_wide(array.value(row)))))
}

impl<T: SumType> Accumulator for SumAccumulator<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in valid_values::<T>(values)? {
            self.add(value)?;
            self.count += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in valid_values::<T>(values)? {
            self.add(-value)?;
            self.count -= 1;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = if self.count == 0 {
            None
        } else {
            match T::from_wide(self.sum) {
                Some(sum) if !is_too_long::<T>(sum, &self.data_type) => Some(sum),
                _ => return overflow_error(&self.data_type),
            }
        };
        let array = PrimitiveArray::<T>::from_iter([sum]).with_data_type(self.data_type.clone());
        ScalarValue::try_from_array(&array, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

/// The sum of the different values of one group.
#[derive(Debug)]
pub(super) struct DistinctSumAccumulator<T: SumType> {
    data_type: DataType,
    values: HashSet<i128>,
    row_type: std::marker::PhantomData<T>,
}

impl<T: SumType> DistinctSumAccumulator<T> {
    pub(super) fn new(data_type: DataType) -> Self {
        Self {
            data_type,
            values: HashSet::new(),
            row_type: std::marker::PhantomData,
        }
    }
}

impl<T: SumType> Accumulator for DistinctSumAccumulator<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.values.extend(valid_values::<T>(values)?);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut sum = SumAccumulator::<T>::new(self.data_type.clone());
        for value in &self.values {
            sum.add(*value)?;
            sum.count += 1;
        }
        sum.evaluate()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<i128>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.values.iter().map(|value| T::from_wide(*value));
        let array = PrimitiveArray::<T>::from_iter(values).with_data_type(self.data_type.clone());
        Ok(vec![
            SingleRowListArrayBuilder::new(Arc::new(array)).build_list_scalar(),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first() else {
            return internal_err!("sum without state");
        };
        for values in lists.as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }
}

/// The sums of many groups.
#[derive(Debug)]
pub(super) struct GroupSums<T: SumType> {
    data_type: DataType,
    sums: Vec<T::Native>,
    null_state: NullState,
}

impl<T: SumType> GroupSums<T>
where
    T::Native: OverflowingAdd,
{
    pub(super) fn new(data_type: DataType) -> Self {
        Self {
            data_type,
            sums: Vec::new(),
            null_state: NullState::new(),
        }
    }

    fn take_sums(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let nulls = self.null_state.build(emit_to);
        if sums
            .iter()
            .any(|sum| is_too_long::<T>(*sum, &self.data_type))
        {
            return overflow_error(&self.data_type);
        }
        let array = PrimitiveArray::<T>::new(sums.into(), nulls);
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }
}

/// Addition that says whether it overflowed.
pub(super) trait OverflowingAdd: Copy {
    fn add_overflowing(self, other: Self) -> (Self, bool);
}

impl OverflowingAdd for i64 {
    #[inline]
    fn add_overflowing(self, other: Self) -> (Self, bool) {
        self.overflowing_add(other)
    }
}

impl OverflowingAdd for i128 {
    #[inline]
    fn add_overflowing(self, other: Self) -> (Self, bool) {
        self.overflowing_add(other)
    }
}

impl<T: SumType> GroupsAccumulator for GroupSums<T>
where
    T::Native: OverflowingAdd,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let Some(values) = values.first() else {
            return internal_err!("sum without argument");
        };
        self.sums.resize(total_num_groups, T::default_value());
        let mut any_overflow = false;
        let sums = &mut self.sums;
        self.null_state.accumulate(
            group_indices,
            values.as_primitive::<T>(),
            filter,
            total_num_groups,
            |group, value| {
                if let Some(sum) = sums.get_mut(group) {
                    let (total, overflow) = sum.add_overflowing(value);
                    *sum = total;
                    any_overflow |= overflow;
                }
            },
        );
        if any_overflow {
            return overflow_error(&self.data_type);
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.take_sums(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.take_sums(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(values) = values.first() else {
            return internal_err!("sum without argument");
        };
        let values = values.as_primitive::<T>().clone();
        let kept = filter.map(filter_to_nulls);
        let nulls = NullBuffer::union(values.nulls(), kept.as_ref());
        let array = set_nulls(values, nulls).with_data_type(self.data_type.clone());
        Ok(vec![Arc::new(array)])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<T::Native>() + self.null_state.size()
    }
}
