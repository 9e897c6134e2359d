//! The function that makes equal floats and intervals identical.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, LargeListArray, ListArray, MapArray, StructArray,
};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Float32Type, Float64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// `value` with 0.0 for -0.0, one NaN for all, and the hours of intervals as days where
/// they are, also inside arrays and structs.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FloatKey {
    signature: Signature,
}

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(
        FloatKey {
            signature: Signature::any(1, Volatility::Immutable),
        }
        .into(),
    )
});

pub(crate) fn float_key_function() -> Arc<ScalarUDF> {
    Arc::clone(&FUNCTION)
}

/// Whether values of the type hold floats or intervals.
pub(super) fn needs_key(data_type: &DataType) -> bool {
    match data_type {
        DataType::Float32 | DataType::Float64 | DataType::Interval(IntervalUnit::MonthDayNano) => {
            true
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => needs_key(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| needs_key(field.data_type())),
        _ => false,
    }
}

/// The key of `expr`, whose values hold floats or intervals.
pub(super) fn float_key(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Float32(Some(value)), metadata) => {
            Expr::Literal(ScalarValue::Float32(Some(float_key_of(value))), metadata)
        }
        Expr::Literal(ScalarValue::Float64(Some(value)), metadata) => {
            Expr::Literal(ScalarValue::Float64(Some(float_key_of(value))), metadata)
        }
        Expr::Literal(value, metadata) if value.is_null() => Expr::Literal(value, metadata),
        expr if is_float_key(&expr) => expr,
        expr => FUNCTION.call(vec![expr]),
    }
}

pub(super) fn is_float_key(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(ScalarFunction { func, .. })
        if func.inner().downcast_ref::<FloatKey>().is_some())
}

trait Float: Copy + PartialEq {
    const ZERO: Self;
    const NAN: Self;
}

impl Float for f32 {
    const ZERO: Self = 0.0;
    const NAN: Self = Self::NAN;
}

impl Float for f64 {
    const ZERO: Self = 0.0;
    const NAN: Self = Self::NAN;
}

// `value != value` is the test for NaN that works for both types.
#[allow(clippy::eq_op)]
fn float_key_of<F: Float>(value: F) -> F {
    if value == F::ZERO {
        F::ZERO
    } else if value != value {
        F::NAN
    } else {
        value
    }
}

/// The interval with days of 24 hours.
fn interval_key_of(interval: IntervalMonthDayNano) -> IntervalMonthDayNano {
    let days = interval.nanoseconds / NANOS_PER_DAY;
    let whole_days = i32::try_from(days)
        .ok()
        .and_then(|days| interval.days.checked_add(days));
    let rest = interval.nanoseconds % NANOS_PER_DAY;
    match whole_days {
        // Days and the rest have the same sign: one day and -1 hour are 23 hours.
        Some(days) if days > 0 && rest < 0 => {
            IntervalMonthDayNano::new(interval.months, days - 1, rest + NANOS_PER_DAY)
        }
        Some(days) if days < 0 && rest > 0 => {
            IntervalMonthDayNano::new(interval.months, days + 1, rest - NANOS_PER_DAY)
        }
        Some(days) => IntervalMonthDayNano::new(interval.months, days, rest),
        None => interval,
    }
}

fn float_keys(array: &ArrayRef) -> Result<ArrayRef> {
    if !needs_key(array.data_type()) {
        return Ok(Arc::clone(array));
    }
    Ok(match array.data_type() {
        DataType::Float32 => Arc::new(
            array
                .as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(float_key_of),
        ),
        DataType::Float64 => Arc::new(
            array
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(float_key_of),
        ),
        DataType::Interval(IntervalUnit::MonthDayNano) => Arc::new(
            array
                .as_primitive::<IntervalMonthDayNanoType>()
                .unary::<_, IntervalMonthDayNanoType>(interval_key_of),
        ),
        DataType::List(item) => {
            let (_, offsets, values, nulls) = array.as_list::<i32>().clone().into_parts();
            Arc::new(ListArray::try_new(
                Arc::clone(item),
                offsets,
                float_keys(&values)?,
                nulls,
            )?)
        }
        DataType::LargeList(item) => {
            let (_, offsets, values, nulls) = array.as_list::<i64>().clone().into_parts();
            Arc::new(LargeListArray::try_new(
                Arc::clone(item),
                offsets,
                float_keys(&values)?,
                nulls,
            )?)
        }
        DataType::FixedSizeList(item, _) => {
            let (_, size, values, nulls) = array.as_fixed_size_list().clone().into_parts();
            Arc::new(FixedSizeListArray::try_new(
                Arc::clone(item),
                size,
                float_keys(&values)?,
                nulls,
            )?)
        }
        DataType::Map(entries, sorted) => {
            let (_, offsets, values, nulls, _) = array.as_map().clone().into_parts();
            let values: ArrayRef = Arc::new(values);
            let values = float_keys(&values)?.as_struct().clone();
            Arc::new(MapArray::try_new(
                Arc::clone(entries),
                offsets,
                values,
                nulls,
                *sorted,
            )?)
        }
        DataType::Struct(_) => {
            let (fields, columns, nulls) = array.as_struct().clone().into_parts();
            let columns = columns.iter().map(float_keys).collect::<Result<_>>()?;
            Arc::new(StructArray::try_new(fields, columns, nulls)?)
        }
        _ => Arc::clone(array),
    })
}

impl ScalarUDFImpl for FloatKey {
    fn name(&self) -> &'static str {
        "__float_key"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [value] = take_function_args(self.name(), types)?;
        Ok(value.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [value] = take_function_args(self.name(), args.arg_fields)?;
        Ok(Arc::new(Field::new(
            value.name(),
            value.data_type().clone(),
            value.is_nullable(),
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = take_function_args(self.name(), args.args)?;
        Ok(match value {
            ColumnarValue::Array(array) => ColumnarValue::Array(float_keys(&array)?),
            ColumnarValue::Scalar(scalar) => {
                let key = float_keys(&scalar.to_array()?)?;
                ColumnarValue::Scalar(ScalarValue::try_from_array(&key, 0)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Float64Array;

    use super::*;

    #[test]
    fn equal_floats_have_the_same_bits() {
        let nan = f64::from_bits(f64::NAN.to_bits() | 1 << 63 | 7);
        let array: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(-0.0),
            Some(0.0),
            Some(nan),
            Some(-1.5),
            None,
        ]));
        let structs: ArrayRef = Arc::new(StructArray::from(vec![(
            Arc::new(Field::new("x", DataType::Float64, true)),
            Arc::clone(&array),
        )]));
        for keys in [
            float_keys(&array).unwrap(),
            Arc::clone(float_keys(&structs).unwrap().as_struct().column(0)),
        ] {
            let keys = keys.as_primitive::<Float64Type>();
            let bits: Vec<u64> = keys.values().iter().map(|key| key.to_bits()).collect();
            assert_eq!(bits[0], 0.0_f64.to_bits());
            assert_eq!(bits[1], 0.0_f64.to_bits());
            assert_eq!(bits[2], f64::NAN.to_bits());
            assert_eq!(bits[3], (-1.5_f64).to_bits());
            assert!(keys.is_null(4));
        }
    }

    #[test]
    fn equal_intervals_have_the_same_parts() {
        let hour = NANOS_PER_DAY / 24;
        for (days, nanos, expected) in [
            (0, 24 * hour, (1, 0)),
            (1, 0, (1, 0)),
            (0, 23 * hour, (0, 23 * hour)),
            (1, -hour, (0, 23 * hour)),
            (0, -36 * hour, (-1, -12 * hour)),
            (-2, 12 * hour, (-1, -12 * hour)),
            (2, -48 * hour, (0, 0)),
        ] {
            let key = interval_key_of(IntervalMonthDayNano::new(0, days, nanos));
            assert_eq!((key.days, key.nanoseconds), expected, "{days} {nanos}");
        }
    }
}
