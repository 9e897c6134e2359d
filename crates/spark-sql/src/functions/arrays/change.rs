//! Arrays with other elements.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::{Arguments, Column};
use super::super::kinds::{Kind, array_type, first_result};
use super::super::udf::SparkFunction;
use super::elements::{ElementPicker, element_field, element_range};
use super::search::ElementSearch;
use super::types::common_type;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "array_remove",
        &[Kind::Array, Kind::Any],
        with_value_result,
        |args| {
            let search = ElementSearch::new(args)?;
            let mut picker = ElementPicker::new(args.name(), args.rows());
            for row in 0..args.rows() {
                let range = search.range(row);
                let is_valid = range.is_some();
                for at in range.into_iter().flatten() {
                    if !search.is_equal(row, at) {
                        picker.pick((0, at));
                    }
                }
                picker.end_row(is_valid)?;
            }
            picker.finish(element_field(args.result_type())?, &[&search.elements])
        },
    ),
    SparkFunction::new(
        "array_append",
        &[Kind::Array, Kind::Any],
        with_value_result,
        |args| insert(args, 1, |_, count| Ok(Some(count))),
    ),
    SparkFunction::new(
        "array_prepend",
        &[Kind::Array, Kind::Any],
        with_value_result,
        |args| insert(args, 1, |_, _| Ok(Some(0))),
    ),
    SparkFunction::new(
        "array_insert",
        &[Kind::Array, Kind::Int, Kind::Any],
        |types| match types {
            [list, _, value] => with_value_result(&[list.clone(), value.clone()]),
            _ => first_result(types),
        },
        |args| {
            let positions = args.int(1)?;
            insert(args, 2, move |row, count| {
                let Some(position) = positions.get(row) else {
                    return Ok(None);
                };
                match position {
                    0 => Err(DataFusionError::Execution(
                        "array_insert has no position 0; positions count from 1, and from the \
                         end with -1"
                            .to_owned(),
                    )),
                    position if position > 0 => Ok(usize::try_from(position - 1).ok()),
                    // -1 is after the last element. Before the first, the array is
                    // extended in the caller.
                    position => Ok(Some(
                        (count + 1).wrapping_sub(position.unsigned_abs() as usize),
                    )),
                }
            })
        },
    ),
    SparkFunction::new("array_compact", &[Kind::Array], first_result, |args| {
        pick_from_each(args, |list, range, picker| {
            for at in range.filter(|at| list.values().is_valid(*at)) {
                picker.pick((0, at));
            }
            Ok(())
        })
    }),
    SparkFunction::new(
        "slice",
        &[Kind::Array, Kind::Int, Kind::Int],
        first_result,
        |args| {
            let (lists, starts, lengths) = (args.list(0)?, args.int(1)?, args.int(2)?);
            let list = lists.array();
            let mut picker = ElementPicker::new(args.name(), args.rows());
            for row in 0..args.rows() {
                let at = lists.position(row);
                let given = (starts.get(row), lengths.get(row));
                let (Some(start), Some(length)) = given else {
                    picker.end_row(false)?;
                    continue;
                };
                if list.is_null(at) {
                    picker.end_row(false)?;
                    continue;
                }
                let range = element_range(list, at);
                for element in sliced(range, start, length)? {
                    picker.pick((0, element));
                }
                picker.end_row(true)?;
            }
            finish_like(args, picker, list)
        },
    ),
    SparkFunction::new(
        "reverse",
        &[Kind::ArrayOrText],
        |types| {
            Ok(match types.first() {
                Some(kept @ (DataType::List(_) | DataType::Binary)) => kept.clone(),
                _ => DataType::Utf8,
            })
        },
        |args| {
            if *args.result_type() == DataType::Binary {
                let values = args.binary(0)?;
                return args.binaries(|row| {
                    Ok(values
                        .get(row)
                        .map(|bytes| bytes.iter().rev().copied().collect::<Vec<u8>>()))
                });
            }
            if *args.result_type() == DataType::Utf8 {
                let texts = args.text(0)?;
                return args.texts(|row| {
                    Ok(texts
                        .get(row)
                        .map(|text| text.chars().rev().collect::<String>()))
                });
            }
            pick_from_each(args, |_, range, picker| {
                for at in range.rev() {
                    picker.pick((0, at));
                }
                Ok(())
            })
        },
    ),
    SparkFunction::new(
        "flatten",
        &[Kind::Array],
        |types| match types.first() {
            Some(DataType::List(inner)) if matches!(inner.data_type(), DataType::List(_)) => {
                Ok(inner.data_type().clone())
            }
            Some(DataType::Null) => Ok(DataType::Null),
            _ => Err(DataFusionError::Plan(
                "flatten takes an array of arrays".to_owned(),
            )),
        },
        |args| {
            let lists = args.list(0)?;
            let list = lists.array();
            let inner = list.values().as_list::<i32>();
            let mut picker = ElementPicker::new(args.name(), args.rows());
            for row in 0..args.rows() {
                let at = lists.position(row);
                let arrays = element_range(list, at);
                // An array that is NULL makes the whole NULL.
                let is_valid = list.is_valid(at) && arrays.clone().all(|a| inner.is_valid(a));
                if is_valid {
                    for element in arrays.flat_map(|array| element_range(inner, array)) {
                        picker.pick((0, element));
                    }
                }
                picker.end_row(is_valid)?;
            }
            picker.finish(element_field(args.result_type())?, &[inner.values()])
        },
    ),
];

/// The type of an array after a value of another type was put into it.
fn with_value_result(types: &[DataType]) -> Result<DataType> {
    match types {
        [DataType::List(element), value] => Ok(array_type(common_type(&[
            element.data_type().clone(),
            value.clone(),
        ])?)),
        [_, value] => Ok(array_type(value.clone())),
        _ => first_result(types),
    }
}

fn sliced(
    range: std::ops::Range<usize>,
    start: i32,
    length: i32,
) -> Result<std::ops::Range<usize>> {
    let length = usize::try_from(length).map_err(|_| {
        DataFusionError::Execution(format!("slice cannot have the length {length}"))
    })?;
    let count = range.len();
    let from = match start {
        0 => {
            return Err(DataFusionError::Execution(
                "slice has no position 0; positions count from 1, and from the end with -1"
                    .to_owned(),
            ));
        }
        start if start > 0 => usize::try_from(start - 1).unwrap_or(count),
        start => match count.checked_sub(start.unsigned_abs() as usize) {
            Some(from) => from,
            None => return Ok(range.start..range.start),
        },
    };
    let from = from.min(count);
    Ok(range.start + from..range.start + count.min(from.saturating_add(length)))
}

/// Calls `pick` with each row's elements.
fn pick_from_each(
    args: &Arguments<'_>,
    pick: impl Fn(&ListArray, std::ops::Range<usize>, &mut ElementPicker) -> Result<()>,
) -> Result<ArrayRef> {
    let lists = args.list(0)?;
    let list = lists.array();
    let mut picker = ElementPicker::new(args.name(), args.rows());
    for row in 0..args.rows() {
        let at = lists.position(row);
        let is_valid = list.is_valid(at);
        if is_valid {
            pick(list, element_range(list, at), &mut picker)?;
        }
        picker.end_row(is_valid)?;
    }
    finish_like(args, picker, list)
}

fn finish_like(args: &Arguments<'_>, picker: ElementPicker, list: &ListArray) -> Result<ArrayRef> {
    match args.result_type() {
        DataType::List(field) => picker.finish(field, &[list.values()]),
        other => Ok(datafusion::arrow::array::new_null_array(other, args.rows())),
    }
}

/// Puts a value into each array at the position that `position` gives for the
/// row and the array's length; `None` makes the result NULL. A position after the
/// end fills the gap with NULLs; one before the start (which has wrapped around)
/// extends the array at its start.
fn insert(
    args: &Arguments<'_>,
    value_at: usize,
    position: impl Fn(usize, usize) -> Result<Option<usize>>,
) -> Result<ArrayRef> {
    let (lists, values): (Column<ArrayRef>, _) = (args.any(0)?, args.any(value_at)?);
    let field = element_field(args.result_type())?;
    let array = cast(lists.array(), args.result_type())?;
    let list = array.as_list::<i32>();
    let inserted = cast(values.array(), field.data_type())?;
    let mut picker = ElementPicker::new(args.name(), args.rows());
    for row in 0..args.rows() {
        let at = lists.position(row);
        let range = element_range(list, at);
        let place = match list.is_valid(at) {
            true => position(row, range.len())?,
            false => None,
        };
        let Some(place) = place else {
            picker.end_row(false)?;
            continue;
        };
        let value = (1, values.position(row));
        let before_start = place.wrapping_neg();
        if place > range.len() && before_start < place {
            picker.reserve(before_start)?;
            picker.pick(value);
            (0..before_start).for_each(|_| picker.pick_null());
            range.for_each(|element| picker.pick((0, element)));
        } else {
            let gap = place.saturating_sub(range.len());
            picker.reserve(gap)?;
            let middle = range.start + place.min(range.len());
            (range.start..middle).for_each(|element| picker.pick((0, element)));
            (0..gap).for_each(|_| picker.pick_null());
            picker.pick(value);
            (middle..range.end).for_each(|element| picker.pick((0, element)));
        }
        picker.end_row(true)?;
    }
    picker.finish(field, &[list.values(), &inserted])
}
