//! `sum` and `avg` of intervals.

use std::mem::size_of;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType,
};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::format_state_name;

const MICROS_PER_DAY: i128 = 86_400_000_000;

/// What is made of the intervals of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Total {
    Sum,
    /// Rounded half up to a month or a microsecond.
    Average,
}

/// Adds up intervals: their months, and their time.
#[derive(Debug)]
pub(super) struct IntervalTotal {
    total: Total,
    /// Of the arguments and of the result.
    data_type: DataType,
    months: i128,
    /// In the units of a DURATION; of an INTERVAL in microseconds.
    time: i128,
    count: i64,
}

/// The columns of the state of [`IntervalTotal`].
pub(super) fn interval_state(name: &str) -> Vec<FieldRef> {
    let sum = |part: &str| Field::new(format_state_name(name, part), SUM, true).into();
    let count = Field::new(format_state_name(name, "count"), DataType::Int64, true);
    vec![sum("months"), sum("time"), count.into()]
}

const SUM: DataType = DataType::Decimal128(38, 0);

impl IntervalTotal {
    pub(super) const fn new(total: Total, data_type: DataType) -> Self {
        Self {
            total,
            data_type,
            months: 0,
            time: 0,
            count: 0,
        }
    }

    fn add(&mut self, values: &[ArrayRef], sign: i64) -> Result<()> {
        let [values] = values else {
            return internal_err!("sum and avg have one argument");
        };
        let factor = i128::from(sign);
        if matches!(self.data_type, DataType::Duration(_)) {
            let units = cast(values, &DataType::Int64)?;
            for units in units.as_primitive::<Int64Type>().iter().flatten() {
                self.time += i128::from(units) * factor;
                self.count += sign;
            }
            return Ok(());
        }
        let intervals = cast(values, &self.data_type)?;
        let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
        for interval in intervals.iter().flatten() {
            let time = i128::from(interval.days) * MICROS_PER_DAY
                + i128::from(interval.nanoseconds / 1000);
            self.months += i128::from(interval.months) * factor;
            self.time += time * factor;
            self.count += sign;
        }
        Ok(())
    }

    /// An INTERVAL; `None` if it does not fit.
    fn interval(months: i128, micros: i128) -> Option<ScalarValue> {
        i64::try_from(micros).ok()?;
        let interval = IntervalMonthDayNano {
            months: i32::try_from(months).ok()?,
            days: i32::try_from(micros / MICROS_PER_DAY).ok()?,
            nanoseconds: i64::try_from(micros % MICROS_PER_DAY * 1000).ok()?,
        };
        Some(ScalarValue::IntervalMonthDayNano(Some(interval)))
    }
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
        if self.months != 0 && self.time != 0 {
            return exec_err!(
                "intervals of months and of days cannot be added up together; write a sum for each"
            );
        }
        let part = |sum: i128| match self.total {
            Total::Sum => sum,
            Total::Average => average(sum, i128::from(self.count)),
        };
        let (months, time) = (part(self.months), part(self.time));
        let value = match &self.data_type {
            DataType::Duration(_) => match i64::try_from(time) {
                Ok(units) => Some(ScalarValue::Int64(Some(units)).cast_to(&self.data_type)?),
                Err(_) => None,
            },
            _ => Self::interval(months, time),
        };
        match value {
            Some(value) => Ok(value),
            None => exec_err!(
                "[INTERVAL_ARITHMETIC_OVERFLOW] the sum of the intervals does not fit; add up \
                 their seconds as DECIMAL"
            ),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Decimal128(Some(self.months), 38, 0),
            ScalarValue::Decimal128(Some(self.time), 38, 0),
            ScalarValue::Int64(Some(self.count)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [months, times, counts] = states else {
            return internal_err!("the state of sum and avg has three columns");
        };
        let months = months.as_primitive::<Decimal128Type>();
        let times = times.as_primitive::<Decimal128Type>();
        let counts = counts.as_primitive::<Int64Type>();
        for row in 0..counts.len() {
            if counts.is_valid(row) {
                self.months += months.value(row);
                self.time += times.value(row);
                self.count += counts.value(row);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::IntervalMonthDayNanoArray;
    use datafusion::arrow::datatypes::IntervalUnit;

    use super::*;

    fn total(total: Total, intervals: &[(i32, i32, i64)]) -> Result<ScalarValue> {
        let values: IntervalMonthDayNanoArray = intervals
            .iter()
            .map(|(months, days, nanos)| Some(IntervalMonthDayNano::new(*months, *days, *nanos)))
            .collect();
        let data_type = DataType::Interval(IntervalUnit::MonthDayNano);
        let mut all = IntervalTotal::new(total, data_type.clone());
        for at in 0..values.len() {
            let mut part = IntervalTotal::new(total, data_type.clone());
            part.update_batch(&[Arc::new(values.slice(at, 1)) as ArrayRef])?;
            let state = part.state()?;
            let columns: Result<Vec<ArrayRef>> = state.iter().map(ScalarValue::to_array).collect();
            all.merge_batch(&columns?)?;
        }
        all.evaluate()
    }

    fn interval(months: i32, days: i32, nanos: i64) -> ScalarValue {
        ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(months, days, nanos)))
    }

    #[test]
    fn averages_are_rounded_away_from_zero() {
        let averages = [(20, 3), (-20, 3), (10, 4), (-10, 4), (9, 4), (0, 5)];
        let rounded = averages.map(|(sum, count)| average(sum, count));
        assert_eq!(rounded, [7, -7, 3, -3, 2, 0]);
    }

    #[test]
    fn months_and_time_are_added_up() {
        let hours = 3_600_000_000_000;
        let days = [(0, 1, 0), (0, 0, 36 * hours)];
        assert_eq!(
            total(Total::Sum, &days).unwrap(),
            interval(0, 2, 12 * hours)
        );
        assert_eq!(
            total(Total::Average, &days).unwrap(),
            interval(0, 1, 6 * hours)
        );
        let months = [(-1, 0, 0), (-2, 0, 0)];
        assert_eq!(total(Total::Sum, &months).unwrap(), interval(-3, 0, 0));
        assert_eq!(total(Total::Average, &months).unwrap(), interval(-2, 0, 0));
        assert!(total(Total::Sum, &[(1, 0, 0), (0, 1, 0)]).is_err());
        assert!(total(Total::Sum, &[(i32::MAX, 0, 0), (1, 0, 0)]).is_err());
    }
}
