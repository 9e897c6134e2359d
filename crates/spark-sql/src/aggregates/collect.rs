//! `collect_list`, `collect_set` and `array_agg`: arrays without NULL, and an
//! empty array for no rows.

use std::collections::{HashSet, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF,
    Signature, Volatility,
};

/// An array of the values of a group that are not NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CollectFunction {
    name: &'static str,
    /// Whether a value is collected only once.
    distinct: bool,
    inner: Arc<AggregateUDF>,
    signature: Signature,
}

impl CollectFunction {
    pub(super) fn new(name: &'static str, distinct: bool) -> Self {
        Self {
            name,
            distinct,
            inner: array_agg_udaf(),
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for CollectFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [value] = take_function_args(self.name, types)?;
        Ok(DataType::List(Arc::new(Field::new_list_field(
            value.clone(),
            true,
        ))))
    }

    fn is_nullable(&self) -> bool {
        false
    }

    /// Of an empty frame, too.
    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        list_of(data_type, std::iter::empty())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let data_type = args.return_type().clone();
        let inner = self.inner.accumulator(self.inner_args(args))?;
        Ok(Box::new(Collected { inner, data_type }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(StateFieldsArgs {
            is_distinct: args.is_distinct || self.distinct,
            ..args
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner
            .groups_accumulator_supported(self.inner_args(args))
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let inner = self
            .inner
            .create_groups_accumulator(self.inner_args(args))?;
        Ok(Box::new(CollectedGroups { inner }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(CollectedFrame {
            data_type: args.return_type().clone(),
            distinct: self.distinct || args.is_distinct,
            values: VecDeque::new(),
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let inner = self
            .inner
            .as_ref()
            .clone()
            .with_beneficial_ordering(beneficial_ordering)?;
        Ok(inner.map(|inner| {
            Arc::new(Self {
                name: self.name,
                distinct: self.distinct,
                inner: Arc::new(inner),
                signature: self.signature.clone(),
            }) as Arc<dyn AggregateUDFImpl>
        }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::NotSupported
    }

    fn supports_null_handling_clause(&self) -> bool {
        false
    }
}

impl CollectFunction {
    fn inner_args<'a>(&self, args: AccumulatorArgs<'a>) -> AccumulatorArgs<'a> {
        AccumulatorArgs {
            ignore_nulls: true,
            is_distinct: args.is_distinct || self.distinct,
            ..args
        }
    }
}

/// DataFusion's array of a group, empty instead of NULL.
#[derive(Debug)]
struct Collected {
    inner: Box<dyn Accumulator>,
    data_type: DataType,
}

impl Accumulator for Collected {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let collected = self.inner.evaluate()?;
        if collected.is_null() {
            return list_of(&self.data_type, std::iter::empty());
        }
        Ok(collected)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }
}

/// An array of `values`, as the single value of the list type `data_type`.
fn list_of<'a>(
    data_type: &DataType,
    values: impl Iterator<Item = &'a ScalarValue>,
) -> Result<ScalarValue> {
    let DataType::List(item) = data_type else {
        return internal_err!("collected values are not a list but {data_type}");
    };
    let values: Vec<ScalarValue> = values.cloned().collect();
    let list = ScalarValue::new_list(&values, item.data_type(), true);
    Ok(ScalarValue::List(list))
}

struct CollectedGroups {
    inner: Box<dyn GroupsAccumulator>,
}

impl GroupsAccumulator for CollectedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner
            .update_batch(values, group_indices, filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let lists = self.inner.evaluate(emit_to)?;
        if lists.null_count() == 0 {
            return Ok(lists);
        }
        // The lists that are NULL have no items.
        let (item, offsets, items, _) = lists.as_list::<i32>().clone().into_parts();
        Ok(Arc::new(ListArray::try_new(item, offsets, items, None)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner
            .merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// The values of a frame, the oldest first.
#[derive(Debug)]
struct CollectedFrame {
    data_type: DataType,
    distinct: bool,
    values: VecDeque<ScalarValue>,
}

impl Accumulator for CollectedFrame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else {
            return internal_err!("collected values are one column");
        };
        for row in 0..values.len() {
            let value = ScalarValue::try_from_array(values, row)?;
            if !value.is_null() {
                self.values.push_back(value.compacted());
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else {
            return internal_err!("collected values are one column");
        };
        let nulls = values.logical_nulls();
        let valid = values.len() - nulls.as_ref().map_or(0, NullBuffer::null_count);
        self.values.drain(..valid.min(self.values.len()));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if !self.distinct {
            return list_of(&self.data_type, self.values.iter());
        }
        let mut seen = HashSet::new();
        let first_seen = self.values.iter().filter(|value| seen.insert(*value));
        list_of(&self.data_type, first_seen)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.iter().map(ScalarValue::size).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("an aggregate over a frame has no partial state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("an aggregate over a frame has no partial state")
    }
}
