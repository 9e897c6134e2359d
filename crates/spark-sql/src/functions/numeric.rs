//! Functions of numbers.

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;

use super::arguments::Arguments;
use super::kinds::{Kind, boolean_result, double_result, long_result};
use super::udf::SparkFunction;

/// Functions of one DOUBLE, also where the argument is a FLOAT or a text.
macro_rules! of_one_number {
    ($name:literal, $function:expr) => {
        SparkFunction::new($name, &[Kind::Double], double_result, |args| {
            let numbers = args.double(0)?;
            let function: fn(f64) -> f64 = $function;
            args.doubles(|row| Ok(numbers.get(row).map(function)))
        })
    };
}

macro_rules! of_two_numbers {
    ($name:literal, $function:expr) => {
        SparkFunction::new(
            $name,
            &[Kind::Double, Kind::Double],
            double_result,
            |args| compute_pairs(args, $function),
        )
    };
}

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    of_one_number!("acos", f64::acos),
    of_one_number!("acosh", f64::acosh),
    of_one_number!("asin", f64::asin),
    of_one_number!("asinh", f64::asinh),
    of_one_number!("atan", f64::atan),
    of_one_number!("atanh", f64::atanh),
    of_one_number!("cbrt", f64::cbrt),
    of_one_number!("cos", f64::cos),
    of_one_number!("cosh", f64::cosh),
    of_one_number!("cot", |x| 1.0 / x.tan()),
    of_one_number!("csc", |x| 1.0 / x.sin()),
    of_one_number!("degrees", f64::to_degrees),
    of_one_number!("exp", f64::exp),
    of_one_number!("expm1", f64::exp_m1),
    of_one_number!("radians", f64::to_radians),
    // To the nearest whole number; of two, to the even one.
    of_one_number!("rint", f64::round_ties_even),
    of_one_number!("sec", |x| 1.0 / x.cos()),
    // Zero and NaN are their own.
    of_one_number!("signum", |x| if x == 0.0 { x } else { x.signum() }),
    of_one_number!("sin", f64::sin),
    of_one_number!("sinh", f64::sinh),
    // NaN for negative numbers.
    of_one_number!("sqrt", f64::sqrt),
    of_one_number!("tan", f64::tan),
    of_one_number!("tanh", f64::tanh),
    // The sum makes 0.0 of -0.0.
    of_two_numbers!("atan2", |y, x| (y + 0.0).atan2(x + 0.0)),
    of_two_numbers!("hypot", f64::hypot),
    of_two_numbers!("power", java_power).with_aliases(&["pow"]),
    // NULL is a number that is not NaN.
    SparkFunction::new("isnan", &[Kind::Double], boolean_result, |args| {
        let numbers = args.double(0)?;
        args.booleans(|row| Ok(Some(numbers.get(row).is_some_and(f64::is_nan))))
    }),
    // NULL where the result is no BIGINT.
    SparkFunction::new("factorial", &[Kind::Int], long_result, |args| {
        let numbers = args.int(0)?;
        args.longs(|row| {
            let number = numbers.get(row).filter(|number| (0..=20).contains(number));
            Ok(number.map(|number| (1..=i64::from(number)).product()))
        })
    }),
];

fn compute_pairs(args: &Arguments<'_>, function: fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (left, right) = (args.double(0)?, args.double(1)?);
    args.doubles(|row| match (left.get(row), right.get(row)) {
        (Some(left), Some(right)) => Ok(Some(function(left, right))),
        _ => Ok(None),
    })
}

/// `Math.pow`, which has no result where C has one: 1 to the power of NaN or infinity.
fn java_power(base: f64, exponent: f64) -> f64 {
    let undefined = exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite());
    if undefined {
        f64::NAN
    } else {
        base.powf(exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_answers;

    #[test]
    fn texts_and_floats_are_read_as_doubles() {
        check_answers(&[
            ("abs('-3')", "3.0"),
            ("abs(-3)", "3"),
            ("abs(CAST(-1.50 AS DECIMAL(3,2)))", "1.50"),
            ("negative('2.5')", "-2.5"),
            ("sqrt(' 16 ')", "4.0"),
            ("exp('0')", "1.0"),
            ("cbrt(CAST(27 AS FLOAT))", "3.0"),
            ("sin(CAST(0.5 AS FLOAT))", "0.479425538604203"),
            ("signum('-7')", "-1.0"),
            ("signum(CAST('NaN' AS DOUBLE))", "NaN"),
            ("signum(CAST(-0.0 AS DOUBLE))", "0.0"),
            ("atan2('0', -1)", "3.141592653589793"),
            ("atan2(CAST(-0.0 AS DOUBLE), -1)", "3.141592653589793"),
            ("cot(1) * tan(1) > 0.999", "true"),
            ("hypot('3', 4)", "5.0"),
            ("abs('x')", "error: 'x'"),
            ("abs(DATE'2024-01-01')", "error: not defined for DATE"),
        ]);
    }
}
