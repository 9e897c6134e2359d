//! `max_by(value, key[, k])` and `min_by(value, key[, k])`.

use std::cmp::Ordering;
use std::mem::size_of;

use datafusion::arrow::array::{Array, ArrayRef, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ReversedUDAF, Signature, TypeSignature, Volatility,
};

use super::constant_arguments::read_whole_number;
use super::sliding::{Combine, SlidingAccumulator};
use super::top_values::{MOST_VALUES, TopRows, TopValues};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Extreme {
    Greatest,
    Least,
}

/// The value in the row with the greatest or least key. Rows whose key is NULL do
/// not count; of several such rows, the one with the greatest value does, so that
/// every run gives the same. With a number `k`, the values of the first `k` rows
/// ([`TopRows`]).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ExtremeByFunction {
    extreme: Extreme,
    signature: Signature,
}

impl ExtremeByFunction {
    pub(super) fn new(extreme: Extreme) -> Self {
        Self {
            extreme,
            signature: Signature::one_of(
                vec![TypeSignature::Any(2), TypeSignature::Any(3)],
                Volatility::Immutable,
            ),
        }
    }

    /// Which rows are taken, if a number of them is given.
    fn top_rows(&self, args: &AccumulatorArgs) -> Result<Option<TopRows>> {
        let [value, key, _] = args.expr_fields else {
            return Ok(None);
        };
        let count = read_whole_number(self.name(), "number of values", args, 2, 1)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > MOST_VALUES {
            return plan_err!("{} takes at most {MOST_VALUES} values", self.name());
        }
        Ok(Some(TopRows {
            extreme: self.extreme,
            count,
            distinct: args.is_distinct,
            value_type: value.data_type().clone(),
            key_type: key.data_type().clone(),
        }))
    }
}

impl AggregateUDFImpl for ExtremeByFunction {
    fn name(&self) -> &str {
        match self.extreme {
            Extreme::Greatest => "max_by",
            Extreme::Least => "min_by",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if let [value, _, _] = types {
            return Ok(DataType::new_list(value.clone(), true));
        }
        let [value, _] = take_function_args(self.name(), types)?;
        Ok(value.clone())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if let Some(top) = self.top_rows(&args)? {
            return Ok(Box::new(TopValues::new(top)));
        }
        Ok(Box::new(ExtremeBy {
            extreme: self.extreme,
            value: ScalarValue::try_new_null(args.return_type())?,
            no_key: match args.expr_fields {
                [_, key] => ScalarValue::try_new_null(key.data_type())?,
                _ => return internal_err!("max_by and min_by have a value and a key"),
            },
            key: None,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let (value, key, is_list) = match args.input_fields {
            [value, key] => (value, key, false),
            [value, key, _] => (value, key, true),
            _ => return internal_err!("max_by and min_by have a value and a key"),
        };
        let state = |name: &str, field: &FieldRef| -> FieldRef {
            let data_type = if is_list {
                DataType::new_list(field.data_type().clone(), true)
            } else {
                field.data_type().clone()
            };
            Field::new(format_state_name(args.name, name), data_type, true).into()
        };
        Ok(vec![state("value", value), state("key", key)])
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if let Some(top) = self.top_rows(&args)? {
            return Ok(Box::new(SlidingAccumulator::new(top)));
        }
        Ok(Box::new(SlidingAccumulator::new(ExtremeByFrame {
            extreme: self.extreme,
            null: ScalarValue::try_new_null(args.return_type())?,
        })))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// Whether the row `(value, key)` counts more than another: `Greater` if so.
fn compare_rows(
    extreme: Extreme,
    (value, key): (&ScalarValue, &ScalarValue),
    (other_value, other_key): (&ScalarValue, &ScalarValue),
) -> Result<Ordering> {
    let keys = compare_scalars(key, other_key)?;
    let keys = match extreme {
        Extreme::Greatest => keys,
        Extreme::Least => keys.reverse(),
    };
    // Values that cannot be compared, such as maps, are all the same.
    Ok(keys.then_with(|| compare_values(value, other_value)))
}

fn compare_values(value: &ScalarValue, other: &ScalarValue) -> Ordering {
    match (value.is_null(), other.is_null()) {
        (false, false) => compare_scalars(value, other).unwrap_or(Ordering::Equal),
        (null, other_null) => other_null.cmp(&null),
    }
}

/// Compares as [`make_comparator`] does: NULL inside a value is less than others.
pub(super) fn compare_scalars(value: &ScalarValue, other: &ScalarValue) -> Result<Ordering> {
    if !value.data_type().is_nested() {
        return value.try_cmp(other);
    }
    let (value, other) = (value.to_array()?, other.to_array()?);
    Ok(make_comparator(
        &value,
        &other,
        SortOptions::new(false, true),
    )?(0, 0))
}

fn columns(values: &[ArrayRef]) -> Result<(&ArrayRef, &ArrayRef)> {
    match values {
        [value, key] => Ok((value, key)),
        _ => internal_err!("max_by and min_by have a value and a key"),
    }
}

/// The best row of one group.
#[derive(Debug)]
struct ExtremeBy {
    extreme: Extreme,
    value: ScalarValue,
    key: Option<ScalarValue>,
    /// NULL of the key's type.
    no_key: ScalarValue,
}

impl ExtremeBy {
    /// The row of the batch that counts most.
    fn find_row(&self, values: &ArrayRef, keys: &ArrayRef) -> Result<Option<usize>> {
        let ascending = SortOptions::new(false, true);
        let by_key = make_comparator(keys, keys, ascending)?;
        let by_value = make_comparator(values, values, ascending).ok();
        let nulls = keys.logical_nulls();
        let mut best: Option<usize> = None;
        for row in 0..keys.len() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let replaces = best.is_none_or(|best| {
                let keys = match self.extreme {
                    Extreme::Greatest => by_key(row, best),
                    Extreme::Least => by_key(best, row),
                };
                let values = || match &by_value {
                    Some(by_value) => by_value(row, best),
                    None => Ordering::Equal,
                };
                keys.then_with(values) == Ordering::Greater
            });
            if replaces {
                best = Some(row);
            }
        }
        Ok(best)
    }
}

impl Accumulator for ExtremeBy {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (values, keys) = columns(values)?;
        let Some(row) = self.find_row(values, keys)? else {
            return Ok(());
        };
        let value = ScalarValue::try_from_array(values, row)?;
        let key = ScalarValue::try_from_array(keys, row)?;
        let replaces = match &self.key {
            Some(best) => {
                let order = compare_rows(self.extreme, (&value, &key), (&self.value, best))?;
                order == Ordering::Greater
            }
            None => true,
        };
        if replaces {
            // A copy: the scalar of a nested value keeps its whole batch.
            self.value = value.compacted();
            self.key = Some(key.compacted());
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        let key = self.key.as_ref().map_or(0, ScalarValue::size);
        size_of::<Self>() + self.value.size() + key
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            self.value.clone(),
            self.key.clone().unwrap_or_else(|| self.no_key.clone()),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

#[derive(Debug)]
struct ExtremeByFrame {
    extreme: Extreme,
    null: ScalarValue,
}

impl Combine for ExtremeByFrame {
    /// A value and its key; `None` for a row whose key is NULL.
    type Total = Option<(ScalarValue, ScalarValue)>;

    fn read_rows(&self, values: &[ArrayRef]) -> Result<Vec<Self::Total>> {
        let (values, keys) = columns(values)?;
        (0..keys.len())
            .map(|row| {
                let key = ScalarValue::try_from_array(keys, row)?;
                if key.is_null() {
                    return Ok(None);
                }
                let value = ScalarValue::try_from_array(values, row)?;
                Ok(Some((value.compacted(), key)))
            })
            .collect()
    }

    fn combine(&self, older: &Self::Total, newer: &Self::Total) -> Self::Total {
        let (Some((old_value, old_key)), Some((value, key))) = (older, newer) else {
            return older.clone().or_else(|| newer.clone());
        };
        let order = compare_rows(self.extreme, (value, key), (old_value, old_key));
        if matches!(order, Ok(Ordering::Greater)) {
            newer.clone()
        } else {
            older.clone()
        }
    }

    fn finish(&self, total: Option<Self::Total>) -> Result<ScalarValue> {
        Ok(total
            .flatten()
            .map_or_else(|| self.null.clone(), |(value, _)| value))
    }
}
