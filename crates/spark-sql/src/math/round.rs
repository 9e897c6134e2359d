//! `round`, `bround`, `ceil` and `floor` with Spark's types and ties.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Float64Type, Int64Type,
};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::arithmetic::{DecimalType, MAX_PRECISION, divide_half_up, fits_digits, power_of_ten};
use crate::types::sql_type_name;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Rounding {
    HalfUp,
    HalfEven,
    Ceiling,
    Floor,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RoundFunction {
    name: &'static str,
    aliases: Vec<String>,
    rounding: Rounding,
    signature: Signature,
}

pub(super) fn rounding_functions() -> impl Iterator<Item = Arc<ScalarUDF>> {
    [
        ("round", None, Rounding::HalfUp),
        ("bround", None, Rounding::HalfEven),
        ("ceil", Some("ceiling"), Rounding::Ceiling),
        ("floor", None, Rounding::Floor),
    ]
    .into_iter()
    .map(|(name, alias, rounding)| {
        Arc::new(
            RoundFunction {
                name,
                aliases: alias.into_iter().map(str::to_owned).collect(),
                rounding,
                signature: Signature::user_defined(Volatility::Immutable),
            }
            .into(),
        )
    })
}

impl Rounding {
    /// Whether the result is whole whatever the argument is.
    const fn is_to_whole(self) -> bool {
        matches!(self, Self::Ceiling | Self::Floor)
    }

    /// `value / divisor` as a whole number.
    fn divide(self, value: i128, divisor: i128) -> i128 {
        match self {
            Self::HalfUp => divide_half_up(value, divisor),
            Self::HalfEven => {
                let up = divide_half_up(value, divisor);
                let is_tie =
                    value.wrapping_rem(divisor).unsigned_abs() * 2 == divisor.unsigned_abs();
                if is_tie && up % 2 != 0 {
                    up - value.signum()
                } else {
                    up
                }
            }
            Self::Ceiling => -((-value).div_euclid(divisor)),
            Self::Floor => value.div_euclid(divisor),
        }
    }

    /// `value` with `places` digits after the point; ties are decided by the
    /// digits that are written, so that 1.005 is a tie.
    fn round_double(self, value: f64, places: i32) -> f64 {
        if !value.is_finite() || value == 0.0 {
            return value;
        }
        let half_even = self == Self::HalfEven;
        if (0..=15).contains(&places) {
            let power = 10_f64.powi(places);
            let scaled = value * power;
            let distance = (scaled.abs().fract() - 0.5).abs();
            // Far from a tie, and exact: no need for the digits.
            if scaled.abs() < 1e9 && distance > 1e-6 {
                return scaled.round() / power;
            }
        }
        round_digits(value, places, half_even)
    }
}

/// Rounds the shortest digits of `value`.
fn round_digits(value: f64, places: i32, half_even: bool) -> f64 {
    let written = format!("{:e}", value.abs());
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    // Digits before the cut: those of the whole part, and `places` after it.
    let Ok(kept) = usize::try_from(i64::from(exponent) + 1 + i64::from(places)) else {
        return 0.0_f64.copysign(value);
    };
    if kept >= digits.len() {
        return value;
    }
    let (head, tail) = digits.split_at(kept);
    let first = tail.first().copied().unwrap_or(b'0');
    let is_tie = first == b'5' && tail.iter().skip(1).all(|digit| *digit == b'0');
    let is_odd = head.last().is_some_and(|digit| (digit - b'0') % 2 == 1);
    let round_up = first >= b'5' && (!half_even || !is_tie || is_odd);
    let number = head.iter().fold(0_u128, |number, digit| {
        number * 10 + u128::from(digit - b'0')
    }) + u128::from(round_up);
    let rounded: f64 = format!("{number}e{}", -places)
        .parse()
        .unwrap_or(value.abs());
    rounded.copysign(value)
}

impl RoundFunction {
    /// What an argument is cast to. `ceil` and `floor` to places are defined for decimals
    /// only: a DOUBLE becomes one with 15 digits after the point, as in Spark.
    fn operand_type(&self, given: &DataType, has_places: bool) -> DataType {
        if !has_places || !self.rounding.is_to_whole() {
            return match given {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                    DataType::Float64
                }
                other => other.clone(),
            };
        }
        match given {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                DataType::Decimal128(38, 18)
            }
            DataType::Float32 => DataType::Decimal128(14, 7),
            DataType::Float64 | DataType::Null => DataType::Decimal128(30, 15),
            other => match DecimalType::of_integer(other) {
                Some(decimal) => decimal.data_type(),
                None => other.clone(),
            },
        }
    }

    fn result_type(&self, value: &DataType, places: i32) -> Result<DataType> {
        if let Some(decimal) = DecimalType::from_data_type(value) {
            return Ok(self.decimal_type(decimal, places).data_type());
        }
        Ok(match value {
            DataType::Null => DataType::Float64,
            float if float.is_floating() && self.rounding.is_to_whole() => DataType::Int64,
            DataType::Float32 if !self.rounding.is_to_whole() => DataType::Float32,
            float if float.is_floating() => DataType::Float64,
            integer if integer.is_integer() && self.rounding.is_to_whole() => DataType::Int64,
            integer if integer.is_integer() => integer.clone(),
            other => {
                return plan_err!(
                    "{} is not defined for {}; cast the argument to a number",
                    self.name,
                    sql_type_name(other)
                );
            }
        })
    }

    fn decimal_type(&self, value: DecimalType, places: i32) -> DecimalType {
        let whole_digits = i32::from(value.precision) - i32::from(value.scale) + 1;
        let (precision, scale) = if places < 0 {
            (whole_digits.max(1 - places), 0)
        } else {
            let scale = places.min(i32::from(value.scale));
            (whole_digits + scale, scale)
        };
        let precision = precision.min(i32::from(MAX_PRECISION));
        DecimalType::new(
            u8::try_from(precision).unwrap_or(MAX_PRECISION),
            i8::try_from(scale).unwrap_or(0),
        )
    }

    fn round_decimals(&self, array: &ArrayRef, from: DecimalType, places: i32) -> Result<ArrayRef> {
        let to = self.decimal_type(from, places);
        let cut = u32::try_from(i32::from(from.scale) - places).unwrap_or(0);
        let (divisor, factor) = (
            power_of_ten(cut.min(38)),
            power_of_ten(u32::try_from(-places).unwrap_or(0).min(38)),
        );
        let values = array.as_primitive::<Decimal128Type>();
        let rounded: PrimitiveArray<Decimal128Type> = values.try_unary(|value| {
            let rounded = if cut > 38 {
                0
            } else {
                self.rounding.divide(value, divisor)
            };
            match rounded.checked_mul(factor) {
                Some(rounded) if fits_digits(rounded, to.precision) => Ok(rounded),
                _ => exec_err!(
                    "[ARITHMETIC_OVERFLOW] {} of a decimal does not fit {}",
                    self.name,
                    sql_type_name(&to.data_type())
                ),
            }
        })?;
        Ok(Arc::new(
            rounded.with_precision_and_scale(to.precision, to.scale)?,
        ))
    }

    fn round_integers(&self, array: &ArrayRef, places: i32) -> Result<ArrayRef> {
        if places >= 0 {
            return Ok(Arc::clone(array));
        }
        let divisor = 10_i128
            .checked_pow(places.unsigned_abs())
            .unwrap_or(i128::MAX);
        let wide = cast(array, &DataType::Int64)?;
        let rounded: PrimitiveArray<Int64Type> =
            wide.as_primitive::<Int64Type>().try_unary(|value| {
                let rounded = self
                    .rounding
                    .divide(i128::from(value), divisor)
                    .checked_mul(divisor)
                    .and_then(|rounded| i64::try_from(rounded).ok());
                match rounded {
                    Some(rounded) => Ok(rounded),
                    None => exec_err!(
                        "[ARITHMETIC_OVERFLOW] {}({value}, {places}) does not fit BIGINT",
                        self.name
                    ),
                }
            })?;
        let options = datafusion::arrow::compute::CastOptions {
            safe: false,
            ..Default::default()
        };
        Ok(datafusion::arrow::compute::cast_with_options(
            &rounded,
            array.data_type(),
            &options,
        )?)
    }

    fn round(&self, array: &ArrayRef, places: i32) -> Result<ArrayRef> {
        let data_type = array.data_type().clone();
        if let Some(decimal) = DecimalType::from_data_type(&data_type) {
            let wide = cast(array, &decimal.data_type())?;
            return self.round_decimals(&wide, decimal, places);
        }
        if data_type.is_integer() {
            let rounded = self.round_integers(array, places)?;
            return Ok(cast(&rounded, &self.result_type(&data_type, places)?)?);
        }
        let doubles = cast(array, &DataType::Float64)?;
        let doubles = doubles.as_primitive::<Float64Type>();
        if self.rounding.is_to_whole() {
            let is_ceiling = self.rounding == Rounding::Ceiling;
            // As Java does: what is too large becomes the largest.
            #[allow(clippy::cast_possible_truncation)]
            let whole = doubles.unary::<_, Int64Type>(|value| {
                (if is_ceiling {
                    value.ceil()
                } else {
                    value.floor()
                }) as i64
            });
            return Ok(Arc::new(whole));
        }
        let rounded =
            doubles.unary::<_, Float64Type>(|value| self.rounding.round_double(value, places));
        Ok(cast(&rounded, &self.result_type(&data_type, places)?)?)
    }
}

/// The number of places, which is a literal.
fn places_of(value: Option<&ScalarValue>, function: &str) -> Result<i32> {
    match value.map(|value| value.cast_to(&DataType::Int32)) {
        None => Ok(0),
        Some(Ok(ScalarValue::Int32(Some(places)))) => Ok(places),
        Some(_) => plan_err!("the second argument of {function} is a whole number, not a column"),
    }
}

impl ScalarUDFImpl for RoundFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let Some(value) = types.first().filter(|_| types.len() <= 2) else {
            return plan_err!("{} does not take {} arguments", self.name, types.len());
        };
        let value = self.operand_type(value, types.len() == 2);
        Ok(std::iter::once(value)
            // A cast would hide that the places are a literal.
            .chain(types.iter().skip(1).cloned())
            .collect())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("the type of {} depends on its second argument", self.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let Some(value) = args.arg_fields.first() else {
            return plan_err!("{} takes an argument", self.name);
        };
        let places = match args.scalar_arguments.get(1) {
            None => 0,
            Some(Some(places)) => places_of(Some(places), self.name)?,
            Some(None) => {
                return plan_err!(
                    "the second argument of {} is a literal, such as 2 or -2",
                    self.name
                );
            }
        };
        let value_type = self.operand_type(value.data_type(), args.arg_fields.len() == 2);
        Ok(Arc::new(Field::new(
            self.name,
            self.result_type(&value_type, places)?,
            value.is_nullable(),
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let places = match args.args.get(1) {
            None => 0,
            Some(ColumnarValue::Scalar(places)) => places_of(Some(places), self.name)?,
            Some(ColumnarValue::Array(_)) => {
                return plan_err!("the second argument of {} is a literal", self.name);
            }
        };
        match args.args.first() {
            Some(ColumnarValue::Array(array)) => {
                Ok(ColumnarValue::Array(self.round(array, places)?))
            }
            Some(ColumnarValue::Scalar(value)) => {
                let rounded = self.round(&value.to_array()?, places)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                    &rounded, 0,
                )?))
            }
            None => plan_err!("{} takes an argument", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_rounded_by_their_digits() {
        for (value, places, expected) in [
            (1.005, 2, 1.01),
            (2.345, 2, 2.35),
            (-2.5, 0, -3.0),
            (2.5, 0, 3.0),
            (1234.5, -2, 1200.0),
            (0.049, 1, 0.0),
            (1e20, 2, 1e20),
            (123_456_789.125, 2, 123_456_789.13),
            (5.0, -1, 10.0),
            (4.0, -2, 0.0),
        ] {
            assert_eq!(
                Rounding::HalfUp.round_double(value, places),
                expected,
                "{value}"
            );
        }
        for (value, expected) in [(2.5, 2.0), (3.5, 4.0), (-2.5, -2.0), (2.51, 3.0)] {
            assert_eq!(
                Rounding::HalfEven.round_double(value, 0),
                expected,
                "{value}"
            );
        }
        assert!(Rounding::HalfUp.round_double(f64::NAN, 1).is_nan());
    }

    #[test]
    fn whole_quotients_follow_the_rounding() {
        assert_eq!(Rounding::HalfEven.divide(25, 10), 2);
        assert_eq!(Rounding::HalfEven.divide(-25, 10), -2);
        assert_eq!(Rounding::HalfEven.divide(35, 10), 4);
        assert_eq!(Rounding::Ceiling.divide(21, 10), 3);
        assert_eq!(Rounding::Ceiling.divide(-21, 10), -2);
        assert_eq!(Rounding::Floor.divide(-21, 10), -3);
    }
}
