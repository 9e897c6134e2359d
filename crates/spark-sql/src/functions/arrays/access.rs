//! Single elements, and how many there are.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array, UInt64Array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, int_result};
use super::super::udf::SparkFunction;
use super::elements::{ComparableValues, element_range};
use super::types::common_type;

const ARRAY_AND_INDEX: &[Kind] = &[Kind::Any, Kind::Any];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("element_at", ARRAY_AND_INDEX, element_result, |args| {
        element_at(args, false)
    }),
    SparkFunction::new("try_element_at", ARRAY_AND_INDEX, element_result, |args| {
        element_at(args, true)
    }),
    SparkFunction::new("get", &[Kind::Array, Kind::Int], element_result, |args| {
        pick_elements(args, |index, count| {
            Ok(usize::try_from(index).ok().filter(|at| *at < count))
        })
    }),
    SparkFunction::new("size", &[Kind::Any], int_result, |args| {
        let array = args.any(0)?;
        let values = array.array();
        let lengths: Vec<Option<i32>> = match values.data_type() {
            DataType::List(_) => {
                let list = values.as_list::<i32>();
                (0..list.len())
                    .map(|row| list.is_valid(row).then(|| list.value_length(row)))
                    .collect()
            }
            DataType::Map(..) => {
                let map = values.as_map();
                (0..map.len())
                    .map(|row| map.is_valid(row).then(|| map.value_length(row)))
                    .collect()
            }
            DataType::Null => vec![None; values.len()],
            other => {
                return Err(DataFusionError::Execution(format!(
                    "`{}` takes an array or a map, not a value of type {other}",
                    args.name()
                )));
            }
        };
        args.ints(|row| Ok(lengths.get(array.position(row)).copied().flatten()))
    })
    .with_aliases(&["cardinality", "array_size"]),
];

fn element_result(types: &[DataType]) -> Result<DataType> {
    match types.first() {
        Some(DataType::List(field)) => Ok(field.data_type().clone()),
        Some(DataType::Map(entries, _)) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => Ok(fields[1].data_type().clone()),
            other => Err(DataFusionError::Plan(format!(
                "{other} is no type of entries"
            ))),
        },
        Some(DataType::Null) | None => Ok(DataType::Null),
        Some(other) => Err(DataFusionError::Plan(format!(
            "element_at takes an array or a map, not a value of type {other}"
        ))),
    }
}

fn element_at(args: &Arguments<'_>, safe: bool) -> Result<ArrayRef> {
    if matches!(args.data_type(0)?, DataType::Map(..)) {
        return value_of_key(args);
    }
    pick_elements(args, |index, count| {
        let at = match index {
            0 => {
                return Err(DataFusionError::Execution(
                    "element_at has no element 0; elements count from 1, and from the end with \
                     -1"
                    .to_owned(),
                ));
            }
            index if index > 0 => usize::try_from(index - 1).ok(),
            index => count.checked_sub(index.unsigned_abs() as usize),
        };
        match at.filter(|at| *at < count) {
            None if !safe => Err(DataFusionError::Execution(format!(
                "element_at: the index {index} is outside an array of {count} elements; use \
                 try_element_at where that is to give NULL"
            ))),
            at => Ok(at),
        }
    })
}

fn pick_elements(
    args: &Arguments<'_>,
    position: impl Fn(i32, usize) -> Result<Option<usize>>,
) -> Result<ArrayRef> {
    let (lists, indexes) = (args.list(0)?, args.int(1)?);
    let list = lists.array();
    let mut picked = Vec::with_capacity(args.rows());
    for row in 0..args.rows() {
        let at = lists.position(row);
        let place = match indexes.get(row) {
            Some(index) if list.is_valid(at) => {
                let range = element_range(list, at);
                position(index, range.len())?.map(|element| range.start + element)
            }
            _ => None,
        };
        picked.push(place.and_then(|place| u32::try_from(place).ok()));
    }
    let picked = take(list.values(), &UInt32Array::from(picked), None)?;
    Ok(match picked.data_type() == args.result_type() {
        true => picked,
        false => cast(&picked, args.result_type())?,
    })
}

/// The value of a key; of the last one where a key occurs twice.
pub(crate) fn value_of_key(args: &Arguments<'_>) -> Result<ArrayRef> {
    let (maps, wanted) = (args.map(0)?, args.any(1)?);
    let map = maps.array();
    let key_type = common_type(&[
        map.keys().data_type().clone(),
        wanted.array().data_type().clone(),
    ])?;
    let keys = cast(map.keys(), &key_type)?;
    let wanted_keys = cast(wanted.array(), &key_type)?;
    let comparable = ComparableValues::new(args.name(), &[&keys, &wanted_keys])?;
    let offsets = map.value_offsets();
    let picked: UInt64Array = (0..args.rows())
        .map(|row| {
            let (at, key) = (maps.position(row), wanted.position(row));
            if map.is_null(at) || wanted_keys.is_null(key) {
                return None;
            }
            let key = comparable.get(1, key)?;
            let start = usize::try_from(*offsets.get(at)?).ok()?;
            let end = usize::try_from(*offsets.get(at + 1)?).ok()?;
            (start..end)
                .rev()
                .find(|entry| comparable.get(0, *entry) == Some(key))
                .map(|entry| entry as u64)
        })
        .collect();
    Ok(take(map.values(), &picked, None)?)
}
