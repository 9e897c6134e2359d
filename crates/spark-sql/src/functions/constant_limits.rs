//! Functions of DataFusion that make much of little, with the limits of constants.
//!
//! Our own functions check what they make themselves ([`crate::planning`]).

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use crate::planning;

const NANOS_PER_DAY: i128 = 86_400_000_000_000;
/// Of the shortest month.
const DAYS_PER_MONTH: i128 = 28;

/// The functions that have no limits of their own, with limits.
pub(super) fn limited_functions() -> impl Iterator<Item = Arc<ScalarUDF>> {
    LIMITED_FUNCTIONS.iter().map(Arc::clone)
}

static LIMITED_FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
    let base = SessionStateBuilder::new().with_default_features().build();
    let spark = datafusion_spark::all_default_scalar_functions();
    let limited = |(name, elements): (&str, CountElements)| {
        let inner = base
            .scalar_functions()
            .get(name)
            .or_else(|| spark.iter().find(|function| function.name() == name))?;
        let inner = Arc::clone(inner);
        Some(Arc::new(ScalarUDF::from(LimitedFunction {
            inner,
            elements,
        })))
    };
    LIMITED.into_iter().filter_map(limited).collect()
});

/// How many elements a call makes of the arguments of a row, as far as known.
type CountElements = fn(&[ScalarValue]) -> u128;

const LIMITED: [(&str, CountElements); 7] = [
    ("range", count_steps),
    ("generate_series", count_steps),
    ("array_resize", |arguments| {
        arguments
            .get(1)
            .and_then(position)
            .map_or(0, i128::unsigned_abs)
    }),
    // Each element with a delimiter.
    ("array_to_string", count_pairs),
    // Each element of one is compared with each of the other.
    ("array_has_any", count_pairs),
    ("array_has_all", count_pairs),
    // Widths and precisions.
    ("format_string", |arguments| {
        arguments.first().and_then(text_of).map_or(0, sum_numbers)
    }),
];

/// How many pairs there are of the elements of the first two arguments.
fn count_pairs(arguments: &[ScalarValue]) -> u128 {
    let length = |at: usize| -> u128 {
        let Some(value) = arguments.get(at) else {
            return 1;
        };
        let elements = match value {
            ScalarValue::List(list) => list.values().len(),
            other => text_of(other).map_or(1, str::len),
        };
        elements as u128
    };
    length(0).saturating_mul(length(1))
}

fn text_of(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

/// The sum of the numbers in a text.
fn sum_numbers(text: &str) -> u128 {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        // More digits than fit are a large number.
        .map(|digits| digits.parse().unwrap_or(u128::from(u64::MAX)))
        .fold(0, u128::saturating_add)
}

/// The elements of a series from the first argument to the second; the third is
/// the step.
fn count_steps(arguments: &[ScalarValue]) -> u128 {
    let positions: Option<Vec<i128>> = arguments.iter().map(position).collect();
    let (start, stop, step) = match positions.as_deref() {
        Some([stop]) => (0, *stop, 1),
        Some([start, stop]) => (*start, *stop, 1),
        Some([start, stop, step]) => (*start, *stop, *step),
        _ => return 0,
    };
    stop.abs_diff(start) / step.unsigned_abs().max(1)
}

/// A number as it is; times and intervals in nanoseconds. An interval is not longer
/// than this.
fn position(value: &ScalarValue) -> Option<i128> {
    match value {
        ScalarValue::Date32(Some(days)) => Some(i128::from(*days) * NANOS_PER_DAY),
        ScalarValue::TimestampSecond(Some(at), _) => Some(i128::from(*at) * 1_000_000_000),
        ScalarValue::TimestampMillisecond(Some(at), _) => Some(i128::from(*at) * 1_000_000),
        ScalarValue::TimestampMicrosecond(Some(at), _) => Some(i128::from(*at) * 1_000),
        ScalarValue::TimestampNanosecond(Some(at), _) => Some(i128::from(*at)),
        ScalarValue::IntervalMonthDayNano(Some(interval)) => {
            let days = i128::from(interval.months) * DAYS_PER_MONTH + i128::from(interval.days);
            Some(days * NANOS_PER_DAY + i128::from(interval.nanoseconds))
        }
        ScalarValue::IntervalYearMonth(Some(months)) => {
            Some(i128::from(*months) * DAYS_PER_MONTH * NANOS_PER_DAY)
        }
        ScalarValue::IntervalDayTime(Some(interval)) => Some(
            i128::from(interval.days) * NANOS_PER_DAY
                + i128::from(interval.milliseconds) * 1_000_000,
        ),
        number => match number.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(number))) => Some(i128::from(number)),
            _ => None,
        },
    }
}

/// A function that makes arrays. It is equal to a function of the same name.
#[derive(Debug)]
struct LimitedFunction {
    inner: Arc<ScalarUDF>,
    elements: CountElements,
}

impl PartialEq for LimitedFunction {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for LimitedFunction {}

impl std::hash::Hash for LimitedFunction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl LimitedFunction {
    fn check_constants(&self, args: &ScalarFunctionArgs) -> Result<()> {
        let is_constant = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let rows = match args.args.iter().all(is_constant) {
            true => 1,
            false => args.number_rows,
        };
        let columns: Result<Vec<ArrayRef>> =
            args.args.iter().map(|value| value.to_array(rows)).collect();
        let columns = columns?;
        let mut elements = 0_u128;
        for row in 0..rows {
            let values: Result<Vec<ScalarValue>> = columns
                .iter()
                .map(|column| ScalarValue::try_from_array(column, row))
                .collect();
            elements = elements.saturating_add((self.elements)(&values?));
        }
        let bytes = elements.saturating_mul(size_of::<i64>() as u128);
        planning::check_constant_bytes(
            self.inner.name(),
            usize::try_from(bytes).unwrap_or(usize::MAX),
        )
    }
}

impl ScalarUDFImpl for LimitedFunction {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, context)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if planning::is_planning() {
            self.check_constants(&args)?;
        }
        self.inner.invoke_with_args(args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_of_a_series_are_counted_before_it_is_made() {
        let int = |number: i64| ScalarValue::Int64(Some(number));
        assert_eq!(count_steps(&[int(300_000_000)]), 300_000_000);
        assert_eq!(count_steps(&[int(10), int(-10), int(-2)]), 10);
        assert_eq!(
            count_steps(&[int(i64::MIN), int(i64::MAX)]),
            u128::from(u64::MAX)
        );
        assert_eq!(count_steps(&[int(0), ScalarValue::Int64(None)]), 0);
        let year = [
            ScalarValue::TimestampMicrosecond(Some(0), None),
            ScalarValue::TimestampMicrosecond(Some(86_400_000_000), None),
            ScalarValue::new_interval_mdn(0, 0, 1_000),
        ];
        assert_eq!(count_steps(&year), 86_400_000_000);
        let days = [
            ScalarValue::Date32(Some(0)),
            ScalarValue::Date32(Some(280)),
            ScalarValue::new_interval_mdn(1, 0, 0),
        ];
        assert_eq!(count_steps(&days), 10);
    }

    #[test]
    fn pairs_and_widths_are_counted() {
        let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
        let list = ScalarValue::List(ScalarValue::new_list_nullable(
            &[ScalarValue::Int64(Some(1)), ScalarValue::Int64(None)],
            &DataType::Int64,
        ));
        assert_eq!(count_pairs(&[list.clone(), text("abc")]), 6);
        assert_eq!(count_pairs(&[list.clone(), list]), 4);
        assert_eq!(sum_numbers("%10d and %-2000000000s"), 2_000_000_010);
        assert_eq!(sum_numbers(&"9".repeat(99)), u128::from(u64::MAX));
    }

    #[test]
    fn every_limited_function_exists() {
        assert_eq!(LIMITED_FUNCTIONS.len(), LIMITED.len());
    }
}
