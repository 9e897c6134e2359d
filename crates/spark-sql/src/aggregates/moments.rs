//! `stddev`, `variance` and their variants: DataFusion's, with frames that slide
//! over NaN, infinity and large values.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::{stddev, variance};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature,
};

use super::numeric_arguments::coerce_to_double;
use super::sliding::{Combine, SlidingAccumulator};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Statistic {
    Variance,
    Deviation,
}

/// A function of the second moment.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MomentFunction {
    inner: Arc<AggregateUDF>,
    name: &'static str,
    aliases: Vec<String>,
    statistic: Statistic,
    /// What is taken off the number of values: 1 for a sample.
    missing: u8,
    signature: Signature,
}

/// The functions, under Spark's names.
pub(super) fn moment_functions() -> [Arc<AggregateUDF>; 4] {
    let function = |inner, name, aliases: &[&str], statistic, missing| {
        Arc::new(
            MomentFunction {
                inner,
                name,
                aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
                statistic,
                missing,
                signature: Signature::user_defined(datafusion::logical_expr::Volatility::Immutable),
            }
            .into(),
        )
    };
    [
        function(
            variance::var_samp_udaf(),
            "var_samp",
            &["variance", "var", "var_sample"],
            Statistic::Variance,
            1,
        ),
        function(
            variance::var_pop_udaf(),
            "var_pop",
            &["var_population"],
            Statistic::Variance,
            0,
        ),
        function(
            stddev::stddev_udaf(),
            "stddev",
            &["stddev_samp", "std"],
            Statistic::Deviation,
            1,
        ),
        function(
            stddev::stddev_pop_udaf(),
            "stddev_pop",
            &[],
            Statistic::Deviation,
            0,
        ),
    ]
}

impl AggregateUDFImpl for MomentFunction {
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
        coerce_to_double(self.name, types)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return self.inner.create_sliding_accumulator(args);
        }
        Ok(Box::new(SlidingAccumulator::new(MomentFrame {
            statistic: self.statistic,
            missing: self.missing,
        })))
    }
}

/// Number, mean and sum of squared distances from it.
#[derive(Debug, Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

#[derive(Debug)]
struct MomentFrame {
    statistic: Statistic,
    missing: u8,
}

impl Combine for MomentFrame {
    type Total = Moments;

    fn read_rows(&self, values: &[ArrayRef]) -> Result<Vec<Moments>> {
        Ok(read_doubles(values)?
            .map(|value| Moments {
                count: 1.0,
                mean: value,
                squares: 0.0,
            })
            .collect())
    }

    fn combine(&self, older: &Moments, newer: &Moments) -> Moments {
        let count = older.count + newer.count;
        let distance = newer.mean - older.mean;
        Moments {
            count,
            mean: older.mean + distance * newer.count / count,
            squares: older.squares
                + newer.squares
                + distance * distance * older.count * newer.count / count,
        }
    }

    fn finish(&self, total: Option<Moments>) -> Result<ScalarValue> {
        let value = total
            .filter(|total| total.count > f64::from(self.missing))
            .map(|total| {
                // A single NaN or infinity has a variance of NaN.
                let squares = if total.mean.is_finite() {
                    total.squares
                } else {
                    f64::NAN
                };
                squares / (total.count - f64::from(self.missing))
            });
        Ok(ScalarValue::Float64(match self.statistic {
            Statistic::Variance => value,
            Statistic::Deviation => value.map(f64::sqrt),
        }))
    }
}

/// The values of the only argument that are not NULL.
#[allow(
    clippy::filter_map_bool_then,
    reason = "one closure owns the array; two would have to share it"
)]
pub(super) fn read_doubles(values: &[ArrayRef]) -> Result<impl Iterator<Item = f64> + use<>> {
    let array = match values.first() {
        Some(array) => cast(array, &DataType::Float64)?,
        None => return datafusion::common::internal_err!("an aggregate without argument"),
    };
    let array = array.as_primitive::<Float64Type>().clone();
    Ok((0..array.len()).filter_map(move |row| array.is_valid(row).then(|| array.value(row))))
}
