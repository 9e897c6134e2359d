//! `histogram_numeric(x, bins)`: the streaming histogram of Ben-Haim and Tom-Tov
//! ("A streaming parallel decision tree algorithm", 2010), as Spark keeps it.
//!
//! With more different values than bins, the bins depend on the order in which the values
//! arrive, as in Spark.

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, PrimitiveArray, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Fields, Float64Type, Int64Type, TimeUnit,
};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::constant_arguments::read_whole_number;
use crate::arithmetic::DecimalType;
use crate::casts::parse_decimal;
use crate::types::sql_type_name;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct HistogramFunction {
    signature: Signature,
}

impl HistogramFunction {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

/// The array of bins: the middle of each, of the type of the values, and its height.
fn bins_type(value: &DataType) -> DataType {
    DataType::new_list(DataType::Struct(bin_fields(value)), true)
}

fn bin_fields(value: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("x", value.clone(), true),
        Field::new("y", DataType::Float64, true),
    ])
}

impl AggregateUDFImpl for HistogramFunction {
    fn name(&self) -> &'static str {
        "histogram_numeric"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [value, _] = types else {
            return plan_err!(
                "histogram_numeric does not take {} arguments; write histogram_numeric(x, 10)",
                types.len()
            );
        };
        let value = match value {
            DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                DataType::Float64
            }
            DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _) => value.clone(),
            number if number.is_numeric() => match DecimalType::from_data_type(number) {
                Some(decimal) => decimal.data_type(),
                None => number.clone(),
            },
            other => {
                return plan_err!(
                    "histogram_numeric is not defined for {}; cast the argument to a number",
                    sql_type_name(other)
                );
            }
        };
        Ok(vec![value, DataType::Int64])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let coerced = self.coerce_types(types)?;
        Ok(bins_type(coerced.first().unwrap_or(&DataType::Float64)))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let [value, _] = args.expr_fields else {
            return internal_err!("histogram_numeric has two arguments");
        };
        if args.is_distinct {
            return plan_err!(
                "histogram_numeric(DISTINCT …) is not supported; select the distinct values in a \
                 subquery"
            );
        }
        let most = read_whole_number(self.name(), "number of bins", &args, 1, 2)?;
        Ok(Box::new(HistogramAccumulator {
            value_type: value.data_type().clone(),
            histogram: Histogram::new(usize::try_from(most).unwrap_or(usize::MAX)),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str| -> FieldRef {
            let item = Field::new_list_field(DataType::Float64, true);
            Field::new_list(format_state_name(args.name, name), item, true).into()
        };
        Ok(vec![list("middles"), list("heights")])
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bin {
    middle: f64,
    height: f64,
}

#[derive(Debug)]
struct Histogram {
    /// How many bins there may be.
    most: usize,
    /// Ordered by their middles.
    bins: Vec<Bin>,
    random: JavaRandom,
}

impl Histogram {
    const fn new(most: usize) -> Self {
        Self {
            most,
            bins: Vec::new(),
            random: JavaRandom::new(31_183),
        }
    }

    fn add_value(&mut self, value: f64) {
        let (mut at, mut from, mut to) = (0, 0, self.bins.len());
        // Spark's search: it ends at the first bin that is neither less nor greater, such as
        // NaN.
        while from < to {
            at = from.midpoint(to);
            let Some(bin) = self.bins.get(at) else { break };
            if bin.middle > value {
                to = at;
            } else if bin.middle < value {
                at += 1;
                from = at;
            } else {
                break;
            }
        }
        match self.bins.get_mut(at) {
            Some(bin) if bin.middle == value => bin.height += 1.0,
            _ => {
                let bin = Bin {
                    middle: value,
                    height: 1.0,
                };
                self.bins.insert(at, bin);
                self.merge_closest();
            }
        }
    }

    fn merge_bins(&mut self, other: &[Bin]) {
        self.bins.extend_from_slice(other);
        if self.bins.len() > other.len() {
            self.bins.sort_by(|a, b| a.middle.total_cmp(&b.middle));
            self.merge_closest();
        }
    }

    /// Merges the closest neighbours until there are not too many bins.
    fn merge_closest(&mut self) {
        while self.bins.len() > self.most {
            let at = self.closest_pair();
            let [first, second] = match self.bins.get(at..at + 2) {
                Some([first, second]) => [*first, *second],
                _ => return,
            };
            let height = first.height + second.height;
            // In this order, because the last digits depend on it.
            let mut middle = first.middle * (first.height / height);
            middle += second.middle / height * second.height;
            if let Some(bin) = self.bins.get_mut(at) {
                *bin = Bin { middle, height };
            }
            self.bins.remove(at + 1);
        }
    }

    /// The position of the first of two neighbours; of equal distances one by chance.
    fn closest_pair(&mut self) -> usize {
        let mut distances = self.bins.windows(2).map(|pair| match pair {
            [first, second] => second.middle - first.middle,
            _ => f64::NAN,
        });
        let mut least = distances.next().unwrap_or(f64::NAN);
        let (mut position, mut count) = (0, 1.0);
        for (at, distance) in distances.enumerate() {
            if distance < least {
                (least, position, count) = (distance, at + 1, 1.0);
            } else if distance == least {
                count += 1.0;
                if self.random.next_double() <= 1.0 / count {
                    position = at + 1;
                }
            }
        }
        position
    }
}

/// `java.util.Random`: a linear congruential generator with 48 bits.
#[derive(Debug)]
struct JavaRandom {
    seed: u64,
}

impl JavaRandom {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    const fn new(seed: u64) -> Self {
        Self {
            seed: (seed ^ Self::MULTIPLIER) & Self::MASK,
        }
    }

    fn next_bits(&mut self, bits: u32) -> u64 {
        self.seed = self.seed.wrapping_mul(Self::MULTIPLIER).wrapping_add(0xB) & Self::MASK;
        self.seed >> (48 - bits)
    }

    /// From 0 up to and without 1.
    fn next_double(&mut self) -> f64 {
        let bits = (self.next_bits(26) << 27) + self.next_bits(27);
        // 53 bits fit.
        #[allow(clippy::cast_precision_loss)]
        let number = bits as f64;
        number / 9_007_199_254_740_992.0
    }
}

#[derive(Debug)]
struct HistogramAccumulator {
    value_type: DataType,
    histogram: Histogram,
}

impl HistogramAccumulator {
    /// The middles as values of the type: whole numbers and times are cut off.
    fn middle_values(&self) -> Result<ArrayRef> {
        let middles = self.histogram.bins.iter().map(|bin| bin.middle);
        match &self.value_type {
            DataType::Decimal128(precision, scale) => {
                let decimal = DecimalType::new(*precision, *scale);
                let values: PrimitiveArray<Decimal128Type> = middles
                    .map(|middle| parse_decimal(&format!("{middle:e}"), decimal))
                    .collect();
                Ok(Arc::new(
                    values.with_precision_and_scale(*precision, *scale)?,
                ))
            }
            whole if whole.is_integer() || whole.is_temporal() => {
                // No middle is outside of the values.
                #[allow(clippy::cast_possible_truncation)]
                let values: PrimitiveArray<Int64Type> =
                    middles.map(|middle| Some(middle as i64)).collect();
                let values: ArrayRef = Arc::new(values);
                if *whole == DataType::Date32 {
                    return Ok(cast(&cast(&values, &DataType::Int32)?, whole)?);
                }
                Ok(cast(&values, whole)?)
            }
            other => {
                let values: Float64Array = middles.map(Some).collect();
                Ok(cast(&(Arc::new(values) as ArrayRef), other)?)
            }
        }
    }
}

/// The values as DOUBLE: days of dates, microseconds of timestamps.
fn read_numbers(values: &ArrayRef) -> Result<Float64Array> {
    let numbers = match values.data_type() {
        DataType::Date32 => cast(&cast(values, &DataType::Int32)?, &DataType::Float64)?,
        DataType::Timestamp(..) => cast(&cast(values, &DataType::Int64)?, &DataType::Float64)?,
        _ => cast(values, &DataType::Float64)?,
    };
    Ok(numbers.as_primitive::<Float64Type>().clone())
}

impl Accumulator for HistogramAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values, _] = values else {
            return internal_err!("histogram_numeric has two arguments");
        };
        for value in read_numbers(values)?.iter().flatten() {
            self.histogram.add_value(value);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.histogram.bins.is_empty() {
            return ScalarValue::try_new_null(&bins_type(&self.value_type));
        }
        let heights = self.histogram.bins.iter().map(|bin| Some(bin.height));
        let heights: Float64Array = heights.collect();
        let bins = StructArray::try_new(
            bin_fields(&self.value_type),
            vec![self.middle_values()?, Arc::new(heights)],
            None,
        )?;
        Ok(SingleRowListArrayBuilder::new(Arc::new(bins)).build_list_scalar())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.histogram.bins.capacity() * size_of::<Bin>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |part: fn(&Bin) -> f64| {
            let parts: Float64Array = self.histogram.bins.iter().map(|b| Some(part(b))).collect();
            SingleRowListArrayBuilder::new(Arc::new(parts)).build_list_scalar()
        };
        Ok(vec![list(|bin| bin.middle), list(|bin| bin.height)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [middles, heights] = states else {
            return internal_err!("the state of histogram_numeric has two columns");
        };
        let lists = middles.as_list::<i32>().iter();
        for (middles, heights) in lists.zip(heights.as_list::<i32>().iter()) {
            let (Some(middles), Some(heights)) = (middles, heights) else {
                continue;
            };
            let middles = middles.as_primitive::<Float64Type>().values().iter();
            let heights = heights.as_primitive::<Float64Type>().values().iter();
            let bins: Vec<Bin> = middles
                .zip(heights)
                .map(|(&middle, &height)| Bin { middle, height })
                .collect();
            self.histogram.merge_bins(&bins);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bins of values, whole numbers as Spark shows those of INT.
    fn bins(most: usize, values: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
        let mut histogram = Histogram::new(most);
        values
            .into_iter()
            .for_each(|value| histogram.add_value(value));
        let bins = histogram.bins.iter();
        bins.map(|bin| (bin.middle, bin.height)).collect()
    }

    fn whole(bins: &[(f64, f64)]) -> Vec<(f64, f64)> {
        bins.iter().map(|(x, y)| (x.trunc(), *y)).collect()
    }

    #[test]
    fn bins_are_those_of_spark() {
        assert_eq!(
            bins(3, [0.0, 1.0, 2.0, 10.0]),
            [(0.0, 1.0), (1.5, 2.0), (10.0, 1.0)]
        );
        let to_200 = bins(5, (1..=200).map(f64::from));
        assert_eq!(
            whole(&to_200),
            [
                (25.0, 50.0),
                (74.0, 48.0),
                (121.0, 47.0),
                (170.0, 50.0),
                (198.0, 5.0)
            ]
        );
        let squares = bins(8, (1..=150).map(|x| f64::from(x * x % 101)));
        assert_eq!(
            whole(&squares),
            [
                (4.0, 16.0),
                (19.0, 33.0),
                (33.0, 15.0),
                (45.0, 12.0),
                (54.0, 12.0),
                (67.0, 15.0),
                (81.0, 32.0),
                (96.0, 15.0)
            ]
        );
        let fractions = bins(10, (1..=1000).map(|x| f64::from(x) * 0.37));
        assert_eq!(
            fractions.first_chunk(),
            Some(&[(17.575, 94.0), (61.419_999_999_999_97, 143.0)])
        );
        let infinite = bins(3, [f64::NAN, 1.0, 2.0, f64::INFINITY, 5.0]);
        assert_eq!(infinite.first(), Some(&(2.666_666_666_666_667, 3.0)));
        assert!(infinite.last().is_some_and(|(x, _)| x.is_nan()));
    }

    #[test]
    fn histograms_are_merged() {
        let mut histogram = Histogram::new(2);
        let bin = |middle, height| Bin { middle, height };
        histogram.merge_bins(&[bin(1.0, 1.0), bin(9.0, 2.0)]);
        histogram.merge_bins(&[bin(3.0, 3.0)]);
        assert_eq!(histogram.bins, [bin(2.5, 4.0), bin(9.0, 2.0)]);
    }
}
