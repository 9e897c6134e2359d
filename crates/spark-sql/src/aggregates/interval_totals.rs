//! `sum` and `avg` of intervals of days and seconds.

use std::mem::size_of;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::format_state_name;

/// What is made of the intervals of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Total {
    Sum,
    /// Rounded half up to a microsecond.
    Average,
}

/// Adds up the units of intervals.
#[derive(Debug)]
pub(super) struct IntervalTotal {
    total: Total,
    /// A DURATION, of the arguments and of the result.
    data_type: DataType,
    sum: i128,
    count: i64,
}

/// The columns of the state of [`IntervalTotal`].
pub(super) fn interval_state(name: &str) -> Vec<FieldRef> {
    let sum = Field::new(format_state_name(name, "sum"), SUM, true);
    let count = Field::new(format_state_name(name, "count"), DataType::Int64, true);
    vec![sum.into(), count.into()]
}

const SUM: DataType = DataType::Decimal128(38, 0);

impl IntervalTotal {
    pub(super) const fn new(total: Total, data_type: DataType) -> Self {
        Self {
            total,
            data_type,
            sum: 0,
            count: 0,
        }
    }

    fn add(&mut self, values: &[ArrayRef], sign: i64) -> Result<()> {
        for units in read_units(values)?.iter().flatten() {
            self.sum += i128::from(units) * i128::from(sign);
            self.count += sign;
        }
        Ok(())
    }
}

fn read_units(values: &[ArrayRef]) -> Result<Int64Array> {
    let [values] = values else {
        return internal_err!("sum and avg have one argument");
    };
    let units = cast(values, &DataType::Int64)?;
    Ok(units.as_primitive::<Int64Type>().clone())
}

/// `sum / count`, rounded half up.
fn average(sum: i128, count: i128) -> i128 {
    let (quotient, rest) = (sum / count, sum % count);
    if rest.abs() * 2 >= count {
        quotient + sum.signum()
    } else {
        quotient
    }
}

impl Accumulator for IntervalTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values, 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values, -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return ScalarValue::try_new_null(&self.data_type);
        }
        let units = match self.total {
            Total::Sum => self.sum,
            Total::Average => average(self.sum, i128::from(self.count)),
        };
        let Ok(units) = i64::try_from(units) else {
            return exec_err!(
                "[INTERVAL_ARITHMETIC_OVERFLOW] the sum of the intervals does not fit; add up \
                 their seconds as DECIMAL"
            );
        };
        ScalarValue::Int64(Some(units)).cast_to(&self.data_type)
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Decimal128(Some(self.sum), 38, 0),
            ScalarValue::Int64(Some(self.count)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [sums, counts] = states else {
            return internal_err!("the state of sum and avg has two columns");
        };
        let sums = sums.as_primitive::<Decimal128Type>();
        let counts = counts.as_primitive::<Int64Type>();
        for row in 0..sums.len() {
            if sums.is_valid(row) && counts.is_valid(row) {
                self.sum += sums.value(row);
                self.count += counts.value(row);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_rounded_away_from_zero() {
        let averages = [(20, 3), (-20, 3), (10, 4), (-10, 4), (9, 4), (0, 5)];
        let rounded = averages.map(|(sum, count)| average(sum, count));
        assert_eq!(rounded, [7, -7, 3, -3, 2, 0]);
    }
}
