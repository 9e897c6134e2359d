//! `avg` with Spark's types, rounding and errors.

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array,
};
use datafusion::arrow::compute::{and_kleene, is_not_null};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Int64Type, TimeUnit,
};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::NullState;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::filter_to_nulls;

use super::interval_totals::{IntervalTotal, Total, interval_state};
use super::moments::read_doubles;
use super::numeric_arguments::{coerce_to_total, refuse_distinct_intervals};
use super::sliding::{Combine, SlidingAccumulator};
use crate::arithmetic::{ArithmeticError, DecimalType, MAX_PRECISION, divide_to_scale};
use crate::functions::is_interval;
use crate::types::sql_type_name;

/// `avg(x)`: DOUBLE, or a decimal with four digits more after the point, rounded
/// half up.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AverageFunction {
    aliases: Vec<String>,
    signature: Signature,
}

impl AverageFunction {
    pub(super) fn new() -> Self {
        Self {
            aliases: vec!["mean".to_owned(), "try_avg".to_owned()],
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

/// The type of the sum that is divided.
fn sum_type(value: DecimalType) -> DecimalType {
    DecimalType::new((value.precision + 10).min(MAX_PRECISION), value.scale)
}

fn average_type(value: DecimalType) -> DecimalType {
    let most = i8::try_from(MAX_PRECISION).unwrap_or(i8::MAX);
    DecimalType::new(
        (value.precision + 4).min(MAX_PRECISION),
        (value.scale + 4).min(most),
    )
}

/// The argument's type and the result's, if they are decimals.
fn decimal_types(value: &DataType) -> Option<(DecimalType, DecimalType)> {
    let value = DecimalType::from_data_type(value)?;
    Some((value, average_type(value)))
}

impl AggregateUDFImpl for AverageFunction {
    fn name(&self) -> &'static str {
        "avg"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let mut widest = coerce_to_total(self.name(), types)?;
        for data_type in &mut widest {
            if data_type.is_integer() {
                *data_type = DataType::Float64;
            }
            if matches!(data_type, DataType::Duration(_)) {
                *data_type = DataType::Duration(TimeUnit::Microsecond);
            }
        }
        Ok(widest)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let value = self.coerce_types(types)?.swap_remove(0);
        Ok(match decimal_types(&value) {
            Some((_, average)) => average.data_type(),
            None if is_interval(&value) => value,
            None => DataType::Float64,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct_intervals(self.name(), args.return_type(), args.is_distinct)?;
        if is_interval(args.return_type()) {
            let data_type = args.return_type().clone();
            return Ok(Box::new(IntervalTotal::new(Total::Average, data_type)));
        }
        match args
            .expr_fields
            .first()
            .and_then(|field| decimal_types(field.data_type()))
        {
            Some((value, average)) if !args.is_distinct => {
                Ok(Box::new(DecimalAverage::new(value, average)))
            }
            Some(_) => datafusion::common::not_impl_err!(
                "avg(DISTINCT …) of decimals next to another DISTINCT aggregate; \
                 write sum(DISTINCT …) / count(DISTINCT …)"
            ),
            None => avg_udaf().accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if is_interval(args.return_type()) {
            return Ok(interval_state(args.name));
        }
        let decimal = args
            .input_fields
            .first()
            .and_then(|field| DecimalType::from_data_type(field.data_type()));
        match decimal {
            Some(value) if !args.is_distinct => Ok(vec![
                Field::new(
                    format_state_name(args.name, "sum"),
                    sum_type(value).data_type(),
                    true,
                )
                .into(),
                Field::new(format_state_name(args.name, "count"), DataType::Int64, true).into(),
            ]),
            _ => avg_udaf().state_fields(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct && !is_interval(args.return_type())
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match args
            .expr_fields
            .first()
            .and_then(|field| decimal_types(field.data_type()))
        {
            Some((value, average)) => Ok(Box::new(GroupAverages {
                average: DecimalAverage::new(value, average),
                sums: Vec::new(),
                counts: Vec::new(),
                null_state: NullState::new(),
            })),
            None => avg_udaf().create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if !args.is_distinct && *args.return_type() == DataType::Float64 {
            return Ok(Box::new(SlidingAccumulator::new(FrameAverage)));
        }
        if args.is_distinct {
            return avg_udaf().create_sliding_accumulator(args);
        }
        self.accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

#[derive(Debug)]
struct FrameAverage;

impl Combine for FrameAverage {
    type Total = (f64, f64);

    fn read_rows(&self, values: &[ArrayRef]) -> Result<Vec<(f64, f64)>> {
        Ok(read_doubles(values)?.map(|value| (value, 1.0)).collect())
    }

    fn combine(&self, older: &(f64, f64), newer: &(f64, f64)) -> (f64, f64) {
        (older.0 + newer.0, older.1 + newer.1)
    }

    fn finish(&self, total: Option<(f64, f64)>) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(total.map(|(sum, count)| sum / count)))
    }
}

fn overflow_error<T>(data_type: DecimalType) -> Result<T> {
    Err(ArithmeticError::AggregateOverflow {
        function: "avg",
        data_type: sql_type_name(&data_type.data_type()),
    }
    .into())
}

/// The average of the decimals of one group or frame.
#[derive(Debug)]
struct DecimalAverage {
    value: DecimalType,
    average: DecimalType,
    sum: i128,
    count: i64,
}

impl DecimalAverage {
    const fn new(value: DecimalType, average: DecimalType) -> Self {
        Self {
            value,
            average,
            sum: 0,
            count: 0,
        }
    }

    fn divide(&self, sum: i128, count: i64) -> Result<Option<i128>> {
        if count == 0 {
            return Ok(None);
        }
        match divide_to_scale(sum, self.value.scale, i128::from(count), self.average) {
            Some(average) => Ok(Some(average)),
            None => overflow_error(self.average),
        }
    }

    fn add(&mut self, value: i128) -> Result<()> {
        match self.sum.checked_add(value) {
            Some(sum) => self.sum = sum,
            None => return overflow_error(self.average),
        }
        Ok(())
    }
}

fn valid_decimals(values: &[ArrayRef]) -> Result<impl Iterator<Item = i128>> {
    let Some(array) = values.first() else {
        return internal_err!("avg without argument");
    };
    Ok(array.as_primitive::<Decimal128Type>().iter().flatten())
}

/// The columns of a state: sums and counts.
fn state_columns(states: &[ArrayRef]) -> Result<(&Decimal128Array, &Int64Array)> {
    let [sums, counts] = states else {
        return internal_err!("the state of avg has {} columns", states.len());
    };
    Ok((
        sums.as_primitive::<Decimal128Type>(),
        counts.as_primitive::<Int64Type>(),
    ))
}

impl Accumulator for DecimalAverage {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in valid_decimals(values)? {
            self.add(value)?;
            self.count += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in valid_decimals(values)? {
            self.add(-value)?;
            self.count -= 1;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Decimal128(
            self.divide(self.sum, self.count)?,
            self.average.precision,
            self.average.scale,
        ))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = sum_type(self.value);
        Ok(vec![
            ScalarValue::Decimal128(Some(self.sum), sum.precision, sum.scale),
            ScalarValue::Int64(Some(self.count)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (sums, counts) = state_columns(states)?;
        for (sum, count) in sums.iter().zip(counts) {
            if let (Some(sum), Some(count)) = (sum, count) {
                self.add(sum)?;
                self.count += count;
            }
        }
        Ok(())
    }
}

/// The averages of the decimals of many groups.
#[derive(Debug)]
struct GroupAverages {
    /// How to divide; its own sum is not used.
    average: DecimalAverage,
    sums: Vec<i128>,
    counts: Vec<i64>,
    null_state: NullState,
}

impl GroupAverages {
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, 0);
        self.counts.resize(groups, 0);
    }
}

impl GroupsAccumulator for GroupAverages {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let Some(values) = values.first() else {
            return internal_err!("avg without argument");
        };
        self.resize(total_num_groups);
        let (sums, counts) = (&mut self.sums, &mut self.counts);
        let mut any_overflow = false;
        self.null_state.accumulate(
            group_indices,
            values.as_primitive::<Decimal128Type>(),
            filter,
            total_num_groups,
            |group, value| {
                if let (Some(sum), Some(count)) = (sums.get_mut(group), counts.get_mut(group)) {
                    let (total, overflow) = sum.overflowing_add(value);
                    *sum = total;
                    *count += 1;
                    any_overflow |= overflow;
                }
            },
        );
        if any_overflow {
            return overflow_error(self.average.average);
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        // A group without values has the count 0, and so the average NULL.
        self.null_state.build(emit_to);
        let averages = sums
            .into_iter()
            .zip(counts)
            .map(|(sum, count)| self.average.divide(sum, count))
            .collect::<Result<Decimal128Array>>()?;
        Ok(Arc::new(
            averages.with_data_type(self.average.average.data_type()),
        ))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        self.null_state.build(emit_to);
        let sums =
            Decimal128Array::from(sums).with_data_type(sum_type(self.average.value).data_type());
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let (sums, counts) = state_columns(states)?;
        self.resize(total_num_groups);
        for (row, group) in group_indices.iter().enumerate() {
            if sums.is_null(row) || counts.is_null(row) {
                continue;
            }
            if let (Some(sum), Some(count)) =
                (self.sums.get_mut(*group), self.counts.get_mut(*group))
            {
                match sum.checked_add(sums.value(row)) {
                    Some(total) => *sum = total,
                    None => return overflow_error(self.average.average),
                }
                *count += counts.value(row);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(values) = values.first() else {
            return internal_err!("avg without argument");
        };
        let valid = is_not_null(values)?;
        let valid = match filter {
            Some(filter) => {
                let kept = BooleanArray::new(filter_to_nulls(filter).into_inner(), None);
                and_kleene(&valid, &kept)?
            }
            None => valid,
        };
        let values = values.as_primitive::<Decimal128Type>();
        let rows = valid.values().iter().enumerate();
        let sums: Decimal128Array = rows
            .map(|(row, valid)| Some(if valid { values.value(row) } else { 0 }))
            .collect();
        let counts: Int64Array = valid
            .values()
            .iter()
            .map(|valid| Some(i64::from(valid)))
            .collect();
        let sum_type = sum_type(self.average.value).data_type();
        Ok(vec![
            Arc::new(sums.with_data_type(sum_type)),
            Arc::new(counts),
        ])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>()
            + self.counts.capacity() * size_of::<i64>()
            + self.null_state.size()
    }
}
