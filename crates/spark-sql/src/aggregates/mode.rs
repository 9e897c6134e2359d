//! `mode(x)`: the most frequent value.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::utils::{SingleRowListArrayBuilder, take_function_args};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

/// Which of several most frequent values is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Preferred {
    Least,
    /// `mode() WITHIN GROUP (ORDER BY x DESC)`
    Greatest,
}

/// The most frequent value that is not NULL; of several, one that every run gives.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ModeFunction {
    preferred: Preferred,
    signature: Signature,
}

impl ModeFunction {
    pub(super) fn new(preferred: Preferred) -> Self {
        Self {
            preferred,
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for ModeFunction {
    fn name(&self) -> &'static str {
        match self.preferred {
            Preferred::Least => "mode",
            // The syntax makes calls of it.
            Preferred::Greatest => "greatest_mode",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [value] = take_function_args(self.name(), types)?;
        Ok(value.clone())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Mode {
            preferred: self.preferred,
            data_type: args.return_type().clone(),
            counts: HashMap::new(),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, item: DataType| -> FieldRef {
            let item = Field::new_list_field(item, true);
            Field::new_list(format_state_name(args.name, name), item, true).into()
        };
        Ok(vec![
            list("values", args.return_type().clone()),
            list("counts", DataType::Int64),
        ])
    }
}

#[derive(Debug)]
struct Mode {
    preferred: Preferred,
    data_type: DataType,
    counts: HashMap<ScalarValue, i64>,
}

impl Mode {
    fn add(&mut self, value: ScalarValue, count: i64) {
        if !value.is_null() {
            *self.counts.entry(value.compacted()).or_default() += count;
        }
    }
}

impl Accumulator for Mode {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else {
            return internal_err!("mode has one argument");
        };
        for row in 0..values.len() {
            self.add(ScalarValue::try_from_array(values, row)?, 1);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mode = self
            .counts
            .iter()
            .max_by(|(value, count), (other, other_count)| {
                let counts = count.cmp(other_count);
                counts.then_with(|| {
                    let values = value.partial_cmp(other).unwrap_or(Ordering::Equal);
                    match self.preferred {
                        Preferred::Least => values.reverse(),
                        Preferred::Greatest => values,
                    }
                })
            });
        match mode {
            Some((value, _)) => Ok(value.clone()),
            None => ScalarValue::try_new_null(&self.data_type),
        }
    }

    fn size(&self) -> usize {
        let values: usize = self.counts.keys().map(ScalarValue::size).sum();
        size_of::<Self>() + values + self.counts.capacity() * size_of::<i64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> = self.counts.keys().cloned().collect();
        let counts: Int64Array = self.counts.values().copied().map(Some).collect();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list(&values, &self.data_type, true)),
            SingleRowListArrayBuilder::new(Arc::new(counts)).build_list_scalar(),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, counts] = states else {
            return internal_err!("the state of mode has {} columns", states.len());
        };
        let lists = values
            .as_list::<i32>()
            .iter()
            .zip(counts.as_list::<i32>().iter());
        for (values, counts) in lists {
            let (Some(values), Some(counts)) = (values, counts) else {
                continue;
            };
            let counts = counts.as_primitive::<Int64Type>();
            for row in 0..values.len() {
                self.add(
                    ScalarValue::try_from_array(&values, row)?,
                    counts.value(row),
                );
            }
        }
        Ok(())
    }
}
