//! `sum` with Spark's types and errors.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

use super::checked_sum::{DistinctSumAccumulator, GroupSums, SumAccumulator};
use super::interval_totals::{IntervalTotal, Total, interval_state};
use super::moments::read_doubles;
use super::numeric_arguments::{coerce_to_total, refuse_distinct_intervals};
use super::sliding::{Combine, SlidingAccumulator};
use crate::arithmetic::MAX_PRECISION;
use crate::functions::is_interval;

/// `sum(x)`: BIGINT, DOUBLE or a decimal with ten digits more; overflow is an
/// error.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SumFunction {
    signature: Signature,
}

impl SumFunction {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for SumFunction {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_to_total(self.name(), types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match coerce_to_total(self.name(), types)?.swap_remove(0) {
            DataType::Decimal128(precision, scale) => {
                DataType::Decimal128((precision + 10).min(MAX_PRECISION), scale)
            }
            other => other,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct_intervals(self.name(), args.return_type(), args.is_distinct)?;
        let data_type = args.return_type().clone();
        Ok(match (&data_type, args.is_distinct) {
            (interval, false) if is_interval(interval) => {
                Box::new(IntervalTotal::new(Total::Sum, data_type))
            }
            (DataType::Int64, false) => Box::new(SumAccumulator::<Int64Type>::new(data_type)),
            (DataType::Int64, true) => {
                Box::new(DistinctSumAccumulator::<Int64Type>::new(data_type))
            }
            (DataType::Decimal128(..), false) => {
                Box::new(SumAccumulator::<Decimal128Type>::new(data_type))
            }
            (DataType::Decimal128(..), true) => {
                Box::new(DistinctSumAccumulator::<Decimal128Type>::new(data_type))
            }
            _ => return sum_udaf().accumulator(args),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let data_type = args.return_type().clone();
        if is_interval(&data_type) {
            return Ok(interval_state(args.name));
        }
        if args.is_distinct {
            let item = Field::new_list_field(data_type, true);
            let name = format_state_name(args.name, "sum distinct");
            return Ok(vec![Field::new_list(name, item, true).into()]);
        }
        let name = format_state_name(args.name, "sum");
        Ok(vec![Field::new(name, data_type, true).into()])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct && !is_interval(args.return_type())
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let data_type = args.return_type().clone();
        Ok(match data_type {
            DataType::Int64 => Box::new(GroupSums::<Int64Type>::new(data_type)),
            DataType::Decimal128(..) => Box::new(GroupSums::<Decimal128Type>::new(data_type)),
            _ => return sum_udaf().create_groups_accumulator(args),
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return sum_udaf().create_sliding_accumulator(args);
        }
        if *args.return_type() == DataType::Float64 {
            return Ok(Box::new(SlidingAccumulator::new(FrameSum)));
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
struct FrameSum;

impl Combine for FrameSum {
    type Total = f64;

    fn read_rows(&self, values: &[ArrayRef]) -> Result<Vec<f64>> {
        Ok(read_doubles(values)?.collect())
    }

    fn combine(&self, older: &f64, newer: &f64) -> f64 {
        older + newer
    }

    fn finish(&self, total: Option<f64>) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(total))
    }
}
