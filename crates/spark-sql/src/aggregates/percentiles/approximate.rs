//! `percentile_approx(x, 0.5[, accuracy])`: values that occur, with an error of at
//! most one in `accuracy` ranks.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::super::constant_arguments::read_whole_number;
use super::constants::{Percentages, list_type};
use super::summary::{QuantileSummary, Sample};
use crate::types::sql_type_name;

/// The accuracy where a query gives none.
const ACCURACY: i64 = 10_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ApproximateFunction {
    aliases: Vec<String>,
    signature: Signature,
}

impl ApproximateFunction {
    pub(super) fn new() -> Self {
        Self {
            aliases: vec!["approx_percentile".to_owned()],
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for ApproximateFunction {
    fn name(&self) -> &'static str {
        "percentile_approx"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [value, percentages, accuracy @ ..] = types else {
            return plan_err!(
                "write percentile_approx(x, 0.5) or percentile_approx(x, 0.5, 10000)"
            );
        };
        let value = match value {
            DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                DataType::Float64
            }
            DataType::Date32 | DataType::Timestamp(..) => value.clone(),
            number if number.is_numeric() => number.clone(),
            other => {
                return plan_err!(
                    "percentile_approx is not defined for {}; cast the argument to a number",
                    sql_type_name(other)
                );
            }
        };
        let mut coerced = vec![value];
        coerced.push(match percentages {
            DataType::List(_) => list_type(DataType::Float64),
            _ => DataType::Float64,
        });
        match accuracy {
            [] => {}
            [_] => coerced.push(DataType::Int64),
            _ => return plan_err!("write percentile_approx(x, 0.5, 10000)"),
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value, DataType::List(_), ..] => Ok(list_type(value.clone())),
            [value, ..] => Ok(value.clone()),
            [] => plan_err!("percentile_approx has arguments"),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let accuracy = match args.exprs.len() {
            2 => ACCURACY,
            _ => read_whole_number(self.name(), "accuracy", &args, 2, 1)?,
        };
        let relative_error = 1.0 / accuracy as f64;
        let Some(value) = args.expr_fields.first() else {
            return internal_err!("percentile_approx without argument");
        };
        Ok(Box::new(ApproximateAccumulator {
            percentages: Percentages::read(self.name(), &args, 1)?,
            value_type: value.data_type().clone(),
            relative_error,
            summary: QuantileSummary::new(relative_error),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType| -> FieldRef {
            Arc::new(Field::new(
                format_state_name(args.name, name),
                data_type,
                true,
            ))
        };
        Ok(vec![
            field("values", list_type(DataType::Float64)),
            field("gaps", list_type(DataType::Int64)),
            field("slacks", list_type(DataType::Int64)),
            field("count", DataType::Int64),
        ])
    }
}

#[derive(Debug)]
struct ApproximateAccumulator {
    percentages: Percentages,
    value_type: DataType,
    relative_error: f64,
    summary: QuantileSummary,
}

/// The values as numbers.
fn to_doubles(values: &ArrayRef) -> Result<ArrayRef> {
    let number = match values.data_type() {
        DataType::Date32 => cast(values, &DataType::Int32)?,
        DataType::Timestamp(..) => cast(values, &DataType::Int64)?,
        _ => Arc::clone(values),
    };
    Ok(cast(&number, &DataType::Float64)?)
}

fn from_doubles(values: ArrayRef, value_type: &DataType) -> Result<ArrayRef> {
    let number = match value_type {
        DataType::Date32 => cast(&values, &DataType::Int32)?,
        DataType::Timestamp(..) => cast(&values, &DataType::Int64)?,
        _ => values,
    };
    Ok(cast(&number, value_type)?)
}

impl Accumulator for ApproximateAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else {
            return internal_err!("percentile_approx without argument");
        };
        let doubles = to_doubles(values)?;
        for value in doubles.as_primitive::<Float64Type>().iter().flatten() {
            self.summary.insert(value);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.summary.compress();
        let percentages = self.percentages.values().iter();
        let values: Option<Vec<f64>> = percentages
            .map(|percentage| self.summary.query(*percentage))
            .collect();
        let values = values
            .map(|values| from_doubles(Arc::new(Float64Array::from(values)), &self.value_type))
            .transpose()?;
        self.percentages.result(values, &self.value_type)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.summary.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.summary.compress();
        let samples = self.summary.samples.iter();
        let values: Float64Array = samples.clone().map(|s| Some(s.value)).collect();
        let gaps: Int64Array = samples.clone().map(|s| Some(s.gap)).collect();
        let slacks: Int64Array = samples.map(|s| Some(s.slack)).collect();
        let lists: [ArrayRef; 3] = [Arc::new(values), Arc::new(gaps), Arc::new(slacks)];
        let mut state = lists
            .map(|list| SingleRowListArrayBuilder::new(list).build_list_scalar())
            .to_vec();
        state.push(ScalarValue::Int64(Some(self.summary.count)));
        Ok(state)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, gaps, slacks, counts] = states else {
            return internal_err!(
                "the state of percentile_approx has {} columns",
                states.len()
            );
        };
        let counts = counts.as_primitive::<Int64Type>();
        for row in (0..counts.len()).filter(|row| counts.is_valid(*row)) {
            let values = values.as_list::<i32>().value(row);
            let gaps = gaps.as_list::<i32>().value(row);
            let slacks = slacks.as_list::<i32>().value(row);
            let values = values.as_primitive::<Float64Type>().values().iter();
            let gaps = gaps.as_primitive::<Int64Type>().values().iter();
            let slacks = slacks.as_primitive::<Int64Type>().values().iter();
            let samples = values.zip(gaps).zip(slacks);
            let samples = samples.map(|((value, gap), slack)| Sample {
                value: *value,
                gap: *gap,
                slack: *slack,
            });
            self.summary.merge(QuantileSummary::from_parts(
                self.relative_error,
                samples.collect(),
                counts.value(row),
            ));
        }
        Ok(())
    }
}
