//! An aggregate over a window frame, with its FILTER clause.

use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::compute::{filter, prep_null_mask_filter};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::cast::as_boolean_array;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ReversedUDAF, SetMonotonicity, Signature,
};

/// Calls another aggregate. Where it is filtered, its first argument is the
/// condition of the FILTER clause, and the other arguments are those of the
/// aggregate.
///
/// An aggregate that depends on the order of its rows is not evaluated in the
/// opposite order: the encoding of a plan would not tell that it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct WindowAggregate {
    inner: Arc<AggregateUDF>,
    is_filtered: bool,
    signature: Signature,
}

impl WindowAggregate {
    pub(super) fn new(inner: Arc<AggregateUDF>, is_filtered: bool) -> Self {
        let signature = Signature::variadic_any(inner.signature().volatility);
        Self {
            inner,
            is_filtered,
            signature,
        }
    }

    pub(super) fn inner(&self) -> &AggregateUDF {
        &self.inner
    }

    pub(super) fn is_filtered(&self) -> bool {
        self.is_filtered
    }

    /// The part of `arguments` that the aggregate gets.
    fn inner_arguments<'a, T>(&self, arguments: &'a [T]) -> &'a [T] {
        match arguments {
            [_, rest @ ..] if self.is_filtered => rest,
            all => all,
        }
    }

    fn inner_accumulator_args<'a>(&self, args: AccumulatorArgs<'a>) -> AccumulatorArgs<'a> {
        AccumulatorArgs {
            exprs: self.inner_arguments(args.exprs),
            expr_fields: self.inner_arguments(args.expr_fields),
            ..args
        }
    }

    fn with_filter(&self, accumulator: Box<dyn Accumulator>) -> Box<dyn Accumulator> {
        if self.is_filtered {
            Box::new(FilteredAccumulator { inner: accumulator })
        } else {
            accumulator
        }
    }
}

impl AggregateUDFImpl for WindowAggregate {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(self.inner_arguments(types))
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.inner.return_field(self.inner_arguments(fields))
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let args = self.inner_accumulator_args(args);
        Ok(self.with_filter(self.inner.accumulator(args)?))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let args = self.inner_accumulator_args(args);
        Ok(self.with_filter(self.inner.create_sliding_accumulator(args)?))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(StateFieldsArgs {
            input_fields: self.inner_arguments(args.input_fields),
            ..args
        })
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.inner.reverse_udf() {
            ReversedUDAF::Identical => ReversedUDAF::Identical,
            ReversedUDAF::NotSupported | ReversedUDAF::Reversed(_) => ReversedUDAF::NotSupported,
        }
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(data_type)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}

/// Gives another accumulator only the rows for which the first value is true.
#[derive(Debug)]
struct FilteredAccumulator {
    inner: Box<dyn Accumulator>,
}

impl FilteredAccumulator {
    fn kept_rows(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        let Some((condition, values)) = values.split_first() else {
            return internal_err!("a filtered aggregate has no condition");
        };
        if condition.data_type().is_null() {
            return Ok(values.iter().map(|value| value.slice(0, 0)).collect());
        }
        let condition = as_boolean_array(condition)?;
        let condition: BooleanArray = match condition.null_count() {
            0 => condition.clone(),
            _ => prep_null_mask_filter(condition),
        };
        values
            .iter()
            .map(|value| Ok(filter(value, &condition)?))
            .collect()
    }
}

impl Accumulator for FilteredAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&Self::kept_rows(values)?)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&Self::kept_rows(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.inner.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }
}
