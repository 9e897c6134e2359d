//! `skewness` and `kurtosis`.

use std::mem::size_of;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::moments::read_doubles;
use super::numeric_arguments::coerce_to_double;
use super::sliding::{Combine, SlidingAccumulator};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Skewness,
    Kurtosis,
}

/// How the values of a group lie around their mean.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ShapeFunction {
    shape: Shape,
    signature: Signature,
}

impl ShapeFunction {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

const STATE: [&str; 5] = ["count", "mean", "second", "third", "fourth"];

impl AggregateUDFImpl for ShapeFunction {
    fn name(&self) -> &str {
        match self.shape {
            Shape::Skewness => "skewness",
            Shape::Kurtosis => "kurtosis",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_to_double(self.name(), types)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(ShapeAccumulator {
            shape: self.shape,
            moments: None,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(STATE
            .iter()
            .map(|name| {
                let name = format_state_name(args.name, name);
                Field::new(name, DataType::Float64, true).into()
            })
            .collect())
    }

    fn create_sliding_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SlidingAccumulator::new(self.shape)))
    }
}

/// Number, mean, and sums of the second, third and fourth powers of the distances
/// from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CentralMoments {
    count: f64,
    mean: f64,
    second: f64,
    third: f64,
    fourth: f64,
}

impl CentralMoments {
    const fn of(value: f64) -> Self {
        Self {
            count: 1.0,
            mean: value,
            second: 0.0,
            third: 0.0,
            fourth: 0.0,
        }
    }

    /// Both together (Pébay's formulas).
    fn merge(&self, other: &Self) -> Self {
        let (n1, n2) = (self.count, other.count);
        let count = n1 + n2;
        let delta = other.mean - self.mean;
        let step = delta / count;
        let (square, cube) = (step * step, step * step * step);
        Self {
            count,
            mean: self.mean + step * n2,
            second: self.second + other.second + delta * step * n1 * n2,
            third: self.third
                + other.third
                + delta * square * n1 * n2 * (n1 - n2)
                + 3.0 * step * (n1 * other.second - n2 * self.second),
            fourth: self.fourth
                + other.fourth
                + delta * cube * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2)
                + 6.0 * square * (n1 * n1 * other.second + n2 * n2 * self.second)
                + 4.0 * step * (n1 * other.third - n2 * self.third),
        }
    }
}

impl Shape {
    fn value(self, moments: Option<CentralMoments>) -> Option<f64> {
        let moments = moments.filter(|moments| moments.second != 0.0)?;
        Some(match self {
            Self::Skewness => moments.count.sqrt() * moments.third / moments.second.powi(3).sqrt(),
            Self::Kurtosis => {
                moments.count * moments.fourth / (moments.second * moments.second) - 3.0
            }
        })
    }
}

impl Combine for Shape {
    type Total = CentralMoments;

    fn read_rows(&self, values: &[ArrayRef]) -> Result<Vec<CentralMoments>> {
        Ok(read_doubles(values)?.map(CentralMoments::of).collect())
    }

    fn combine(&self, older: &CentralMoments, newer: &CentralMoments) -> CentralMoments {
        older.merge(newer)
    }

    fn finish(&self, total: Option<CentralMoments>) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.value(total)))
    }
}

#[derive(Debug)]
struct ShapeAccumulator {
    shape: Shape,
    moments: Option<CentralMoments>,
}

impl ShapeAccumulator {
    fn add(&mut self, moments: CentralMoments) {
        self.moments = Some(match &self.moments {
            Some(known) => known.merge(&moments),
            None => moments,
        });
    }
}

impl Accumulator for ShapeAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in read_doubles(values)? {
            self.add(CentralMoments::of(value));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.shape.finish(self.moments)
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(match self.moments {
            Some(moments) => [
                moments.count,
                moments.mean,
                moments.second,
                moments.third,
                moments.fourth,
            ]
            .map(|moment| ScalarValue::Float64(Some(moment)))
            .to_vec(),
            None => vec![ScalarValue::Float64(None); STATE.len()],
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let columns: Vec<_> = states
            .iter()
            .map(|column| column.as_primitive::<Float64Type>())
            .collect();
        let [count, mean, second, third, fourth] = columns.as_slice() else {
            return datafusion::common::internal_err!("a state of {} columns", columns.len());
        };
        for row in 0..count.len() {
            if count.is_valid(row) {
                self.add(CentralMoments {
                    count: count.value(row),
                    mean: mean.value(row),
                    second: second.value(row),
                    third: third.value(row),
                    fourth: fourth.value(row),
                });
            }
        }
        Ok(())
    }
}
