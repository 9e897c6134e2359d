//! `approx_distinct` and `regr_count`: DataFusion's, as BIGINT.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::functions_aggregate::approx_distinct::approx_distinct_udaf;
use datafusion::functions_aggregate::regr::regr_count_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

#[derive(Debug, PartialEq, Eq, Hash)]
struct CountFunction {
    inner: Arc<AggregateUDF>,
    aliases: Vec<String>,
    /// How many arguments the inner function takes.
    arguments: usize,
    signature: Signature,
}

pub(super) fn count_functions() -> [Arc<AggregateUDF>; 2] {
    let function = |inner, aliases: &[&str], arguments| {
        Arc::new(
            CountFunction {
                inner,
                aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
                arguments,
                signature: Signature::user_defined(Volatility::Immutable),
            }
            .into(),
        )
    };
    [
        function(approx_distinct_udaf(), &["approx_count_distinct"], 1),
        function(regr_count_udaf(), &[], 2),
    ]
}

/// The sketch takes whole numbers, times, texts and bytes; other numbers are counted by
/// their texts.
fn counted_type(given: &DataType) -> DataType {
    if given.is_floating() || given.is_decimal() || *given == DataType::Boolean {
        DataType::Utf8
    } else {
        given.clone()
    }
}

impl AggregateUDFImpl for CountFunction {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.arguments, types) {
            (1, [value]) => Ok(vec![counted_type(value)]),
            // The largest error is smaller than any that a query asks for.
            (1, [value, _]) => Ok(vec![counted_type(value), DataType::Float64]),
            (2, [_, _]) => Ok(vec![DataType::Float64; 2]),
            _ => plan_err!("{} does not take {} arguments", self.name(), types.len()),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _data_type: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(LongCount {
            inner: self.inner.accumulator(args)?,
            arguments: self.arguments,
        }))
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
        Ok(Box::new(LongCounts {
            inner: self.inner.create_groups_accumulator(args)?,
            arguments: self.arguments,
        }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(LongCount {
            inner: self.inner.create_sliding_accumulator(args)?,
            arguments: self.arguments,
        }))
    }
}

/// The columns of the inner function's arguments.
fn inner_columns(values: &[ArrayRef], arguments: usize) -> &[ArrayRef] {
    values.get(..arguments).unwrap_or(values)
}

#[derive(Debug)]
struct LongCount {
    inner: Box<dyn Accumulator>,
    arguments: usize,
}

impl Accumulator for LongCount {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner
            .update_batch(inner_columns(values, self.arguments))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner
            .retract_batch(inner_columns(values, self.arguments))
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.inner.evaluate()?.cast_to(&DataType::Int64)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }
}

struct LongCounts {
    inner: Box<dyn GroupsAccumulator>,
    arguments: usize,
}

impl GroupsAccumulator for LongCounts {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        let values = inner_columns(values, self.arguments);
        self.inner
            .update_batch(values, group_indices, filter, groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(cast(&self.inner.evaluate(emit_to)?, &DataType::Int64)?)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        groups: usize,
    ) -> Result<()> {
        self.inner.merge_batch(values, group_indices, groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = inner_columns(values, self.arguments);
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
