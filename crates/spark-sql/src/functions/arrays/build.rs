//! New arrays, and arrays as text.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, ListArray, StructArray, UInt32Array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Field, Fields, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalUnit, IntervalYearMonthType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::datetime::calendar::{MICROS_PER_DAY, add_months, join_micros, split_micros};
use super::super::datetime::zone::Zone;
use super::super::kinds::{Kind, array_type, text_result};
use super::super::text_builder::check_text_bytes;
use super::super::udf::SparkFunction;
use super::elements::{ElementPicker, MAX_ELEMENTS, element_field, element_range};
use super::types::common_type;
use crate::casts::write_texts;
use crate::planning::check_constant_bytes;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "array",
        &[Kind::Any],
        |types| Ok(array_type(common_type(types)?)),
        |args| {
            let field = element_field(args.result_type())?;
            let mut columns = Vec::new();
            let mut sources = Vec::new();
            for at in 0..args.count() {
                let column = args.any(at)?;
                sources.push(cast(column.array(), field.data_type())?);
                columns.push(column);
            }
            let mut picker = ElementPicker::new(args.name(), args.rows());
            for row in 0..args.rows() {
                for (at, column) in columns.iter().enumerate() {
                    picker.pick((at, column.position(row)));
                }
                picker.end_row(true)?;
            }
            picker.finish(field, &sources.iter().collect::<Vec<_>>())
        },
    )
    .with_optional(1)
    .variadic(),
    SparkFunction::new(
        "array_repeat",
        &[Kind::Any, Kind::Int],
        |types| Ok(array_type(types.first().cloned().unwrap_or(DataType::Null))),
        |args| {
            let (values, counts) = (args.any(0)?, args.int(1)?);
            let value_bytes = values.array().get_array_memory_size() / values.array().len().max(1);
            let mut picker = ElementPicker::new(args.name(), args.rows());
            for row in 0..args.rows() {
                let count = counts.get(row);
                let wanted = usize::try_from(count.unwrap_or(0)).unwrap_or(0);
                check_constant_bytes(args.name(), value_bytes.saturating_mul(wanted))?;
                picker.reserve(wanted)?;
                for _ in 0..wanted {
                    picker.pick((0, values.position(row)));
                }
                picker.end_row(count.is_some())?;
            }
            picker.finish(element_field(args.result_type())?, &[values.array()])
        },
    ),
    SparkFunction::new(
        "array_join",
        &[Kind::Array, Kind::Text, Kind::Text],
        text_result,
        |args| {
            let (lists, delimiters) = (args.list(0)?, args.text(1)?);
            let replacements = (args.count() > 2).then(|| args.text(2)).transpose()?;
            let list = lists.array();
            let elements = write_texts(list.values(), args.zone())?;
            let mut words: Vec<&str> = Vec::new();
            args.texts(|row| {
                let at = lists.position(row);
                let replacement = replacements.as_ref().map(|r| r.get(row));
                // A replacement that is NULL makes the whole NULL.
                let (true, Some(delimiter), Some(replacement)) = (
                    list.is_valid(at),
                    delimiters.get(row),
                    replacement.map_or(Some(None), |given| given.map(Some)),
                ) else {
                    return Ok(None);
                };
                words.clear();
                for element in element_range(list, at) {
                    if elements.is_valid(element) {
                        words.push(elements.value(element));
                    } else if let Some(replacement) = replacement {
                        words.push(replacement);
                    }
                }
                let bytes: usize = words.iter().map(|word| word.len() + delimiter.len()).sum();
                check_text_bytes(args.name(), bytes)?;
                Ok(Some(words.join(delimiter)))
            })
        },
    )
    .with_optional(1),
    SparkFunction::new("arrays_zip", &[Kind::Array], zip_result, zip)
        .with_optional(1)
        .variadic(),
    SparkFunction::new(
        "sequence",
        &[Kind::Any, Kind::Any, Kind::Any],
        sequence_result,
        sequence,
    )
    .with_optional(1),
];

fn zip_result(types: &[DataType]) -> Result<DataType> {
    let fields: Result<Fields> = types
        .iter()
        .enumerate()
        .map(|(at, list)| {
            let element = match list {
                DataType::Null => DataType::Null,
                list => element_field(list)?.data_type().clone(),
            };
            Ok(Field::new(at.to_string(), element, true))
        })
        .collect();
    Ok(array_type(DataType::Struct(fields?)))
}

/// Arrays that are shorter than the longest are filled with NULLs.
fn zip(args: &Arguments<'_>) -> Result<ArrayRef> {
    let field = element_field(args.result_type())?;
    let DataType::Struct(fields) = field.data_type() else {
        return Err(DataFusionError::Execution(
            "arrays_zip needs arrays".to_owned(),
        ));
    };
    let mut columns = Vec::new();
    for at in 0..args.count() {
        columns.push(args.list(at)?);
    }
    let mut picked: Vec<Vec<Option<u32>>> = vec![Vec::new(); columns.len()];
    let mut offsets = vec![0_i32];
    let mut valid = Vec::with_capacity(args.rows());
    let mut total = 0_usize;
    for row in 0..args.rows() {
        let is_valid = columns.iter().all(|c| c.array().is_valid(c.position(row)));
        valid.push(is_valid);
        if is_valid {
            let ranges: Vec<_> = columns
                .iter()
                .map(|c| element_range(c.array(), c.position(row)))
                .collect();
            let longest = ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
            for (positions, range) in picked.iter_mut().zip(ranges) {
                let count = range.len();
                positions.extend(range.map(|at| u32::try_from(at).ok()));
                positions.extend(std::iter::repeat_n(None, longest - count));
            }
            total += longest;
        }
        offsets.push(i32::try_from(total).map_err(|_| too_many(args.name()))?);
    }
    let values: Result<Vec<ArrayRef>> = columns
        .iter()
        .zip(picked)
        .map(|(column, positions)| {
            Ok(take(
                column.array().values(),
                &UInt32Array::from(positions),
                None,
            )?)
        })
        .collect();
    let values = values?;
    let structs = match values.is_empty() {
        true => StructArray::new_empty_fields(total, None),
        false => StructArray::try_new(fields.clone(), values, None)?,
    };
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::new(offsets.into()),
        Arc::new(structs),
        Some(NullBuffer::from(valid)),
    )?))
}

fn too_many(function: &str) -> DataFusionError {
    DataFusionError::ResourcesExhausted(format!(
        "`{function}` would make more than {MAX_ELEMENTS} elements"
    ))
}

fn sequence_result(types: &[DataType]) -> Result<DataType> {
    let ends = types.get(..2).unwrap_or(types);
    let common = match ends {
        [DataType::Date32, _] => DataType::Date32,
        [DataType::Timestamp(_, zone), _] => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        ends => common_type(ends)?,
    };
    if common.is_integer() || matches!(common, DataType::Date32 | DataType::Timestamp(..)) {
        return Ok(array_type(common));
    }
    Err(DataFusionError::Plan(format!(
        "sequence takes whole numbers, dates or timestamps, not values of type {common}"
    )))
}

/// A step of a sequence.
#[derive(Debug, Clone, Copy)]
struct Step {
    months: i64,
    /// A number, or microseconds.
    amount: i64,
}

fn sequence(args: &Arguments<'_>) -> Result<ArrayRef> {
    let field = element_field(args.result_type())?;
    match field.data_type() {
        DataType::Date32 | DataType::Timestamp(..) => sequence_of_times(args, field.data_type()),
        element => sequence_of_numbers(args, element),
    }
}

fn sequence_of_numbers(args: &Arguments<'_>, element: &DataType) -> Result<ArrayRef> {
    let (starts, stops) = (args.long(0)?, args.long(1)?);
    let steps = (args.count() > 2).then(|| args.long(2)).transpose()?;
    let mut builder = SequenceBuilder::default();
    for row in 0..args.rows() {
        let (Some(start), Some(stop)) = (starts.get(row), stops.get(row)) else {
            builder.end_row(false)?;
            continue;
        };
        let step = match &steps {
            None => Some(if start <= stop { 1 } else { -1 }),
            Some(steps) => steps.get(row),
        };
        let Some(step) = step else {
            builder.end_row(false)?;
            continue;
        };
        check_step(step.signum(), start, stop)?;
        let mut next = Some(start);
        while let Some(value) = next
            && (if step >= 0 {
                value <= stop
            } else {
                value >= stop
            })
        {
            builder.push(value)?;
            // A step of 0 is allowed from a number to itself.
            next = if step == 0 {
                None
            } else {
                value.checked_add(step)
            };
        }
        builder.end_row(true)?;
    }
    builder.finish(element)
}

fn check_step(sign: i64, start: i64, stop: i64) -> Result<()> {
    let fits = match sign {
        0 => start == stop,
        1 => start <= stop,
        _ => start >= stop,
    };
    if fits {
        return Ok(());
    }
    Err(DataFusionError::Execution(
        "the step of sequence does not lead from its start to its stop; write a step of the \
         other sign"
            .to_owned(),
    ))
}

fn sequence_of_times(args: &Arguments<'_>, element: &DataType) -> Result<ArrayRef> {
    let is_date = *element == DataType::Date32;
    let zone = if is_date { Zone::UTC } else { *args.zone() };
    let instants = |at: usize| -> Result<Vec<Option<i64>>> {
        if is_date {
            let dates = args.date(at)?;
            return Ok((0..args.rows())
                .map(|row| dates.get(row).map(|d| i64::from(d) * MICROS_PER_DAY))
                .collect());
        }
        let times = args.timestamp(at)?;
        Ok((0..args.rows()).map(|row| times.get(row)).collect())
    };
    let (starts, stops) = (instants(0)?, instants(1)?);
    let steps = (args.count() > 2)
        .then(|| interval_steps(args, 2))
        .transpose()?;
    let mut builder = SequenceBuilder::default();
    for (row, ends) in starts.into_iter().zip(stops).enumerate() {
        let (Some(start), Some(stop)) = ends else {
            builder.end_row(false)?;
            continue;
        };
        let step = match &steps {
            None => Some(Step {
                months: 0,
                amount: if start <= stop {
                    MICROS_PER_DAY
                } else {
                    -MICROS_PER_DAY
                },
            }),
            Some(steps) => steps(row),
        };
        let Some(step) = step else {
            builder.end_row(false)?;
            continue;
        };
        let sign = if step.months != 0 {
            step.months.signum()
        } else {
            step.amount.signum()
        };
        check_step(sign, start, stop)?;
        if is_date && step.amount != 0 && step.amount.abs() < MICROS_PER_DAY {
            return Err(DataFusionError::Execution(
                "the step of a sequence of dates is a day or more".to_owned(),
            ));
        }
        for count in 0.. {
            let Some(value) = nth_time(start, step, count, zone) else {
                break;
            };
            if (sign >= 0 && value > stop) || (sign < 0 && value < stop) {
                break;
            }
            builder.push(if is_date {
                split_micros(value).0
            } else {
                value
            })?;
            if sign == 0 {
                break;
            }
        }
        builder.end_row(true)?;
    }
    builder.finish(element)
}

/// The start and `count` steps. Months and days are counted on the clock, from the start,
/// so that the 31st stays the last day; what is shorter than a day is not.
fn nth_time(start: i64, step: Step, count: i64, zone: Zone) -> Option<i64> {
    let (step_days, step_micros) = (step.amount / MICROS_PER_DAY, step.amount % MICROS_PER_DAY);
    let mut time = start;
    if step.months != 0 || step_days != 0 {
        let (days, micros) = split_micros(zone.to_local(start)?);
        let days = match step.months {
            0 => days,
            months => add_months(days, months.checked_mul(count)?)?,
        };
        let days = days.checked_add(step_days.checked_mul(count)?)?;
        time = zone.to_instant(join_micros(days, micros)?)?;
    }
    time.checked_add(step_micros.checked_mul(count)?)
}

type StepOfRow = Box<dyn Fn(usize) -> Option<Step>>;

fn interval_steps(args: &Arguments<'_>, at: usize) -> Result<StepOfRow> {
    let column = args.any(at)?;
    let DataType::Interval(unit) = column.array().data_type() else {
        return Err(DataFusionError::Execution(
            "the step of a sequence of dates is an interval, such as INTERVAL 1 MONTH".to_owned(),
        ));
    };
    Ok(match unit {
        IntervalUnit::YearMonth => {
            let values = column
                .array()
                .as_primitive::<IntervalYearMonthType>()
                .clone();
            Box::new(move |row| {
                let at = column.position(row);
                values.is_valid(at).then(|| Step {
                    months: values.value(at).into(),
                    amount: 0,
                })
            })
        }
        IntervalUnit::DayTime => {
            let values = column.array().as_primitive::<IntervalDayTimeType>().clone();
            Box::new(move |row| {
                let at = column.position(row);
                values.is_valid(at).then(|| {
                    let value = values.value(at);
                    Step {
                        months: 0,
                        amount: i64::from(value.days) * MICROS_PER_DAY
                            + i64::from(value.milliseconds) * 1000,
                    }
                })
            })
        }
        IntervalUnit::MonthDayNano => {
            let values = column
                .array()
                .as_primitive::<IntervalMonthDayNanoType>()
                .clone();
            Box::new(move |row| {
                let at = column.position(row);
                values.is_valid(at).then(|| {
                    let value = values.value(at);
                    Step {
                        months: value.months.into(),
                        amount: i64::from(value.days) * MICROS_PER_DAY + value.nanoseconds / 1000,
                    }
                })
            })
        }
    })
}

/// After how many bytes the limit of constants is looked at again.
const SEQUENCE_CHECK_BYTES: usize = 1 << 20;

struct SequenceBuilder {
    values: Vec<i64>,
    offsets: Vec<i32>,
    valid: Vec<bool>,
}

impl Default for SequenceBuilder {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            offsets: vec![0],
            valid: Vec::new(),
        }
    }
}

impl SequenceBuilder {
    fn push(&mut self, value: i64) -> Result<()> {
        let bytes = self.values.len() * size_of::<i64>();
        if bytes.is_multiple_of(SEQUENCE_CHECK_BYTES) {
            check_constant_bytes("sequence", bytes)?;
        }
        // Eight bytes each.
        if self.values.len() >= MAX_ELEMENTS / 8 {
            return Err(too_many("sequence"));
        }
        self.values.push(value);
        Ok(())
    }

    fn end_row(&mut self, is_valid: bool) -> Result<()> {
        self.offsets
            .push(i32::try_from(self.values.len()).map_err(|_| too_many("sequence"))?);
        self.valid.push(is_valid);
        Ok(())
    }

    fn finish(self, element: &DataType) -> Result<ArrayRef> {
        let numbers = Int64Array::from(self.values);
        let values: ArrayRef = match element {
            DataType::Date32 => {
                let days: Int32Array = numbers.unary(|day| day as i32);
                Arc::new(days.reinterpret_cast::<Date32Type>())
            }
            DataType::Timestamp(_, zone) => Arc::new(
                numbers
                    .reinterpret_cast::<TimestampMicrosecondType>()
                    .with_timezone_opt(zone.clone()),
            ),
            other => cast(&numbers, other)?,
        };
        Ok(Arc::new(ListArray::try_new(
            Arc::new(Field::new_list_field(element.clone(), true)),
            OffsetBuffer::new(self.offsets.into()),
            values,
            Some(NullBuffer::from(self.valid)),
        )?))
    }
}
