//! Keys, values and entries of maps.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ListArray, MapArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::arrays::elements::ComparableValues;
use super::super::arrays::types::common_type;
use super::super::kinds::{Kind, boolean_result};
use super::super::udf::SparkFunction;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "map_keys",
        &[Kind::Map],
        |types| part_result(types, Some(0)),
        |args| as_lists(args, |map| Arc::clone(map.keys())),
    ),
    SparkFunction::new(
        "map_values",
        &[Kind::Map],
        |types| part_result(types, Some(1)),
        |args| as_lists(args, |map| Arc::clone(map.values())),
    ),
    SparkFunction::new(
        "map_entries",
        &[Kind::Map],
        |types| part_result(types, None),
        |args| as_lists(args, |map| Arc::new(map.entries().clone())),
    ),
    SparkFunction::new(
        "map_contains_key",
        &[Kind::Map, Kind::Any],
        boolean_result,
        |args| {
            if args.data_type(0)?.is_null() {
                return args.booleans(|_| Ok(None));
            }
            let (maps, wanted) = (args.map(0)?, args.any(1)?);
            let map = maps.array();
            let common = common_type(&[
                map.keys().data_type().clone(),
                wanted.array().data_type().clone(),
            ])?;
            let keys = cast(map.keys(), &common)?;
            let wanted_keys = cast(wanted.array(), &common)?;
            let values = ComparableValues::new(args.name(), &[&keys, &wanted_keys])?;
            args.booleans(|row| {
                let (at, key) = (maps.position(row), wanted.position(row));
                if map.is_null(at) || wanted_keys.is_null(key) {
                    return Ok(None);
                }
                Ok(Some(
                    entry_range(map, at).any(|entry| values.get(0, entry) == values.get(1, key)),
                ))
            })
        },
    ),
];

/// The positions of a row's entries.
pub(in super::super) fn entry_range(map: &MapArray, row: usize) -> std::ops::Range<usize> {
    let offsets = map.value_offsets();
    let at = |row: usize| {
        offsets
            .get(row)
            .and_then(|offset| usize::try_from(*offset).ok())
            .unwrap_or(0)
    };
    at(row)..at(row + 1)
}

/// The fields of a map type's keys and values.
pub(in super::super) fn entry_fields(map: &DataType) -> Result<(FieldRef, FieldRef)> {
    if let DataType::Map(entries, _) = map
        && let DataType::Struct(fields) = entries.data_type()
        && let [key, value] = fields.iter().as_slice()
    {
        return Ok((Arc::clone(key), Arc::clone(value)));
    }
    Err(DataFusionError::Plan(format!(
        "a value of type {map} is not a map"
    )))
}

fn part_result(types: &[DataType], part: Option<usize>) -> Result<DataType> {
    let map = types.first().unwrap_or(&DataType::Null);
    if map.is_null() {
        return Ok(DataType::Null);
    }
    let (key, value) = entry_fields(map)?;
    let element = match part {
        Some(0) => Field::new_list_field(key.data_type().clone(), false),
        Some(_) => Field::new_list_field(value.data_type().clone(), true),
        None => Field::new_list_field(DataType::Struct(vec![key, value].into()), false),
    };
    Ok(DataType::List(Arc::new(element)))
}

fn as_lists(args: &Arguments<'_>, part: impl Fn(&MapArray) -> ArrayRef) -> Result<ArrayRef> {
    let DataType::List(field) = args.result_type() else {
        return Ok(datafusion::arrow::array::new_null_array(
            args.result_type(),
            args.rows(),
        ));
    };
    let maps = args.map(0)?;
    let map = maps.array();
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(field),
        map.offsets().clone(),
        part(map),
        map.nulls().cloned(),
    )?))
}
