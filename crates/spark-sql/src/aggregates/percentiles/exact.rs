//! `percentile`, `percentile_cont`, `percentile_disc` and `median`, of numbers as
//! DOUBLE.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::super::numeric_arguments::coerce_to_double;
use super::constants::{Percentages, list_type};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ExactKind {
    /// `percentile(x, 0.5[, frequency])`
    Percentile,
    /// `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`
    Continuous,
    /// As [`Self::Continuous`], but a value that occurs.
    Discrete,
    Median,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ExactFunction {
    kind: ExactKind,
    signature: Signature,
}

impl ExactFunction {
    pub(super) fn new(kind: ExactKind) -> Self {
        Self {
            kind,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn form(&self) -> &'static str {
        match self.kind {
            ExactKind::Percentile => "percentile(x, 0.5) or percentile(x, 0.5, frequency)",
            ExactKind::Continuous => "percentile_cont(0.5) WITHIN GROUP (ORDER BY x)",
            ExactKind::Discrete => "percentile_disc(0.5) WITHIN GROUP (ORDER BY x)",
            ExactKind::Median => "median(x)",
        }
    }
}

impl AggregateUDFImpl for ExactFunction {
    fn name(&self) -> &'static str {
        match self.kind {
            ExactKind::Percentile => "percentile",
            ExactKind::Continuous => "percentile_cont",
            ExactKind::Discrete => "percentile_disc",
            ExactKind::Median => "median",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let possible = match self.kind {
            ExactKind::Percentile => 2..=3,
            ExactKind::Continuous | ExactKind::Discrete => 2..=2,
            ExactKind::Median => 1..=1,
        };
        let [value, rest @ ..] = types else {
            return plan_err!("{} needs arguments", self.name());
        };
        if !possible.contains(&types.len()) {
            return plan_err!(
                "{} does not take {} arguments; write {}",
                self.name(),
                types.len(),
                self.form()
            );
        }
        let mut coerced = coerce_to_double(self.name(), std::slice::from_ref(value))?;
        for (at, data_type) in rest.iter().enumerate() {
            coerced.push(match (at, data_type) {
                (0, DataType::List(_)) => list_type(DataType::Float64),
                (0, _) => DataType::Float64,
                _ => DataType::Int64,
            });
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types.get(1) {
            Some(DataType::List(_)) => list_type(DataType::Float64),
            _ => DataType::Float64,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let percentages = match self.kind {
            ExactKind::Median => Percentages::One(0.5),
            _ => Percentages::read(self.name(), &args, 1)?,
        };
        Ok(Box::new(ExactAccumulator {
            discrete: self.kind == ExactKind::Discrete,
            descending: args
                .order_bys
                .first()
                .is_some_and(|by| by.options.descending),
            distinct: args.is_distinct,
            weighted: self.kind == ExactKind::Percentile && args.exprs.len() == 3,
            percentages,
            counted: VecDeque::new(),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, item: DataType| -> FieldRef {
            let name = format_state_name(args.name, name);
            Arc::new(Field::new(name, list_type(item), true))
        };
        Ok(vec![
            list("values", DataType::Float64),
            list("counts", DataType::Int64),
        ])
    }

    fn supports_within_group_clause(&self) -> bool {
        matches!(self.kind, ExactKind::Continuous | ExactKind::Discrete)
    }
}

#[derive(Debug)]
struct ExactAccumulator {
    discrete: bool,
    descending: bool,
    distinct: bool,
    /// Whether the third column says how often a value counts. (That of an order
    /// comes last, too.)
    weighted: bool,
    percentages: Percentages,
    /// Values and how often each counts, in the order of the rows.
    counted: VecDeque<(f64, i64)>,
}

/// The values of a batch that are not NULL, with their frequencies.
fn read_counted(columns: &[ArrayRef], weighted: bool) -> Result<Vec<(f64, i64)>> {
    let Some(values) = columns.first() else {
        return internal_err!("a percentile without argument");
    };
    let values = cast(values, &DataType::Float64)?;
    let values = values.as_primitive::<Float64Type>();
    let frequencies = columns
        .get(2)
        .filter(|_| weighted)
        .map(|counts| cast(counts, &DataType::Int64));
    let frequencies = frequencies.transpose()?;
    let frequencies = frequencies
        .as_ref()
        .map(|counts| counts.as_primitive::<Int64Type>());
    let mut counted = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let count = match frequencies {
            None => Some(1),
            Some(counts) => counts.is_valid(row).then(|| counts.value(row)),
        };
        match (value, count) {
            (Some(_), Some(count)) if count < 0 => {
                return exec_err!("a frequency of percentile cannot be {count}");
            }
            (Some(value), Some(count)) if count > 0 => counted.push((value, count)),
            _ => {}
        }
    }
    Ok(counted)
}

impl ExactAccumulator {
    /// The values in their order, each with the number of values up to it.
    fn cumulated(&self) -> Vec<(f64, i64)> {
        let mut sorted: Vec<(f64, i64)> = self.counted.iter().copied().collect();
        let compare = |left: &(f64, i64), right: &(f64, i64)| {
            let ordering = compare_doubles(left.0, right.0).then(left.1.cmp(&right.1));
            if self.descending {
                ordering.reverse()
            } else {
                ordering
            }
        };
        sorted.sort_unstable_by(compare);
        if self.distinct {
            sorted.dedup_by(|left, right| compare(left, right).is_eq());
        }
        let mut total = 0;
        for (_, count) in &mut sorted {
            total += *count;
            *count = total;
        }
        sorted
    }

    fn percentile(&self, cumulated: &[(f64, i64)], total: i64, percentage: f64) -> f64 {
        // The value at a position from 0.
        let value_at = |position: i64| {
            let at = cumulated.partition_point(|(_, upto)| *upto <= position);
            cumulated.get(at).map_or(f64::NAN, |(value, _)| *value)
        };
        if self.discrete {
            let position = (total as f64 * percentage).ceil() as i64 - 1;
            return value_at(position.max(0));
        }
        let position = (total - 1) as f64 * percentage;
        let (lower, higher) = (position.floor(), position.ceil());
        let (low, high) = (value_at(lower as i64), value_at(higher as i64));
        if lower == higher || low == high {
            return low;
        }
        (higher - position) * low + (position - lower) * high
    }
}

/// NaN is greater than every other number, and zeros are equal.
fn compare_doubles(left: f64, right: f64) -> std::cmp::Ordering {
    match (left.is_nan(), right.is_nan()) {
        (false, false) => (left + 0.0).total_cmp(&(right + 0.0)),
        (left, right) => left.cmp(&right),
    }
}

impl Accumulator for ExactAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.counted.extend(read_counted(values, self.weighted)?);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let leaving = read_counted(values, self.weighted)?
            .len()
            .min(self.counted.len());
        self.counted.drain(..leaving);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let cumulated = self.cumulated();
        let values = cumulated.last().map(|(_, total)| {
            let percentages = self.percentages.values().iter();
            let values: Float64Array = percentages
                .map(|percentage| Some(self.percentile(&cumulated, *total, *percentage)))
                .collect();
            Arc::new(values) as ArrayRef
        });
        self.percentages.result(values, &DataType::Float64)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.counted.capacity() * size_of::<(f64, i64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Float64Array = self.counted.iter().map(|(value, _)| Some(*value)).collect();
        let counts: Int64Array = self.counted.iter().map(|(_, count)| Some(*count)).collect();
        let lists: [ArrayRef; 2] = [Arc::new(values), Arc::new(counts)];
        Ok(lists
            .map(|list| SingleRowListArrayBuilder::new(list).build_list_scalar())
            .to_vec())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, counts] = states else {
            return internal_err!("the state of a percentile has {} columns", states.len());
        };
        let lists = values
            .as_list::<i32>()
            .iter()
            .zip(counts.as_list::<i32>().iter());
        for (values, counts) in lists {
            let (Some(values), Some(counts)) = (values, counts) else {
                continue;
            };
            let values = values.as_primitive::<Float64Type>().values().iter();
            let counts = counts.as_primitive::<Int64Type>().values().iter();
            self.counted.extend(values.copied().zip(counts.copied()));
        }
        Ok(())
    }
}
