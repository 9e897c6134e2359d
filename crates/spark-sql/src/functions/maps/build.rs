//! New maps. A key that occurs twice, or is NULL, is an error, as in Spark.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, MapArray, StructArray, new_null_array};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{cast, interleave};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::arrays::elements::{ComparableValues, Place, element_range};
use super::super::arrays::types::common_type;
use super::super::kinds::{Kind, map_type};
use super::super::udf::SparkFunction;
use super::read::{entry_fields, entry_range};

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    // `map(…)` comes under this name: the engine's planner makes calls of its own
    // function `map`, with two arrays, of it.
    SparkFunction::new("spark_map", &[Kind::Any], pairs_result, |args| {
        let (key, value) = entry_fields(args.result_type())?;
        let mut columns = Vec::new();
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for at in 0..args.count() {
            let column = args.any(at)?;
            match at % 2 {
                0 => keys.push(cast(column.array(), key.data_type())?),
                _ => values.push(cast(column.array(), value.data_type())?),
            }
            columns.push(column);
        }
        let mut builder = MapBuilder::new(args, keys, values)?;
        for row in 0..args.rows() {
            for (source, pair) in columns.chunks(2).enumerate() {
                if let [key, value] = pair {
                    builder.push((source, key.position(row)), (source, value.position(row)))?;
                }
            }
            builder.end_row(true)?;
        }
        builder.finish()
    })
    .with_optional(1)
    .variadic(),
    SparkFunction::new(
        "map_concat",
        &[Kind::Map],
        |types| match types {
            [] => Ok(map_type(DataType::Utf8, DataType::Utf8)),
            types => common_type(types),
        },
        |args| {
            if args.result_type().is_null() {
                return Ok(new_null_array(args.result_type(), args.rows()));
            }
            let mut columns = Vec::new();
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            for at in 0..args.count() {
                let column = args.any(at)?;
                let map = cast(column.array(), args.result_type())?.as_map().clone();
                keys.push(Arc::clone(map.keys()));
                values.push(Arc::clone(map.values()));
                columns.push((column, map));
            }
            let mut builder = MapBuilder::new(args, keys, values)?;
            for row in 0..args.rows() {
                let is_valid = columns
                    .iter()
                    .all(|(column, map)| map.is_valid(column.position(row)));
                if is_valid {
                    for (source, (column, map)) in columns.iter().enumerate() {
                        for entry in entry_range(map, column.position(row)) {
                            builder.push((source, entry), (source, entry))?;
                        }
                    }
                }
                builder.end_row(is_valid)?;
            }
            builder.finish()
        },
    )
    .with_optional(1)
    .variadic(),
    SparkFunction::new(
        "map_from_arrays",
        &[Kind::Array, Kind::Array],
        |types| match types {
            [DataType::List(key), DataType::List(value)] => {
                Ok(map_type(key.data_type().clone(), value.data_type().clone()))
            }
            _ => Ok(DataType::Null),
        },
        |args| {
            if args.result_type().is_null() {
                return Ok(new_null_array(args.result_type(), args.rows()));
            }
            let (keys, values) = (args.list(0)?, args.list(1)?);
            let (key_list, value_list) = (keys.array(), values.array());
            let mut builder = MapBuilder::new(
                args,
                vec![Arc::clone(key_list.values())],
                vec![Arc::clone(value_list.values())],
            )?;
            for row in 0..args.rows() {
                let (k, v) = (keys.position(row), values.position(row));
                let is_valid = key_list.is_valid(k) && value_list.is_valid(v);
                if is_valid {
                    let (k, v) = (element_range(key_list, k), element_range(value_list, v));
                    if k.len() != v.len() {
                        return Err(DataFusionError::Execution(format!(
                            "map_from_arrays has {} keys and {} values",
                            k.len(),
                            v.len()
                        )));
                    }
                    for (key, value) in k.zip(v) {
                        builder.push((0, key), (0, value))?;
                    }
                }
                builder.end_row(is_valid)?;
            }
            builder.finish()
        },
    ),
    SparkFunction::new(
        "map_from_entries",
        &[Kind::Array],
        |types| match types.first() {
            Some(DataType::List(entry)) => match entry.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Ok(map_type(
                    fields[0].data_type().clone(),
                    fields[1].data_type().clone(),
                )),
                other => Err(DataFusionError::Plan(format!(
                    "map_from_entries takes an array of structs with two fields, not of {other}"
                ))),
            },
            _ => Ok(DataType::Null),
        },
        |args| {
            if args.result_type().is_null() {
                return Ok(new_null_array(args.result_type(), args.rows()));
            }
            let lists = args.list(0)?;
            let list = lists.array();
            let entries = list.values().as_struct();
            let mut builder = MapBuilder::new(
                args,
                vec![Arc::clone(entries.column(0))],
                vec![Arc::clone(entries.column(1))],
            )?;
            for row in 0..args.rows() {
                let at = lists.position(row);
                // An entry that is NULL makes the whole NULL.
                let range = element_range(list, at);
                let is_valid = list.is_valid(at) && range.clone().all(|e| entries.is_valid(e));
                if is_valid {
                    for entry in range {
                        builder.push((0, entry), (0, entry))?;
                    }
                }
                builder.end_row(is_valid)?;
            }
            builder.finish()
        },
    ),
];

fn pairs_result(types: &[DataType]) -> Result<DataType> {
    if types.len() % 2 == 1 {
        return Err(DataFusionError::Plan(
            "map takes pairs: map(key, value, key, value, …)".to_owned(),
        ));
    }
    let every_second =
        |from: usize| -> Vec<DataType> { types.iter().skip(from).step_by(2).cloned().collect() };
    if types.is_empty() {
        return Ok(map_type(DataType::Utf8, DataType::Utf8));
    }
    Ok(map_type(
        common_type(&every_second(0))?,
        common_type(&every_second(1))?,
    ))
}

/// Builds maps from keys and values of several arrays.
struct MapBuilder<'a> {
    function: &'static str,
    result: &'a DataType,
    comparable: ComparableValues,
    keys: Vec<ArrayRef>,
    values: Vec<ArrayRef>,
    picked_keys: Vec<Place>,
    picked_values: Vec<Place>,
    offsets: Vec<i32>,
    valid: Vec<bool>,
}

impl<'a> MapBuilder<'a> {
    fn new(args: &'a Arguments<'_>, keys: Vec<ArrayRef>, values: Vec<ArrayRef>) -> Result<Self> {
        let comparable = ComparableValues::new(args.name(), &keys.iter().collect::<Vec<_>>())?;
        Ok(Self {
            function: args.name().trim_start_matches("spark_"),
            result: args.result_type(),
            comparable,
            keys,
            values,
            picked_keys: Vec::new(),
            picked_values: Vec::new(),
            offsets: vec![0],
            valid: Vec::new(),
        })
    }

    fn push(&mut self, key: Place, value: Place) -> Result<()> {
        let is_null = |keys: &ArrayRef| keys.is_null(key.1) || keys.data_type().is_null();
        if self.keys.get(key.0).is_none_or(is_null) {
            return Err(DataFusionError::Execution(format!(
                "`{}` cannot have NULL as a key",
                self.function
            )));
        }
        self.picked_keys.push(key);
        self.picked_values.push(value);
        Ok(())
    }

    fn end_row(&mut self, is_valid: bool) -> Result<()> {
        let start = self
            .offsets
            .last()
            .map_or(0, |o| usize::try_from(*o).unwrap_or(0));
        let keys = self.picked_keys.get(start..).unwrap_or_default();
        let mut seen = HashSet::with_capacity(keys.len());
        for (source, at) in keys {
            if !seen.insert(self.comparable.get(*source, *at)) {
                return Err(DataFusionError::Execution(format!(
                    "`{}` has a key twice; remove one of them",
                    self.function
                )));
            }
        }
        self.offsets
            .push(i32::try_from(self.picked_keys.len()).map_err(|_| {
                DataFusionError::ResourcesExhausted(format!(
                    "the maps of `{}` are too long",
                    self.function
                ))
            })?);
        self.valid.push(is_valid);
        Ok(())
    }

    fn finish(self) -> Result<ArrayRef> {
        let DataType::Map(entries, sorted) = self.result else {
            return Err(DataFusionError::Internal("no map".to_owned()));
        };
        let (key, value) = entry_fields(self.result)?;
        let pick = |arrays: &[ArrayRef], picked: &[Place], data_type: &DataType| {
            let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            if arrays.is_empty() {
                return Ok(new_null_array(data_type, 0));
            }
            interleave(&arrays, picked)
        };
        let columns = vec![
            pick(&self.keys, &self.picked_keys, key.data_type())?,
            pick(&self.values, &self.picked_values, value.data_type())?,
        ];
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(DataFusionError::Internal(
                "a map without entries".to_owned(),
            ));
        };
        Ok(Arc::new(MapArray::try_new(
            Arc::clone(entries),
            OffsetBuffer::new(self.offsets.into()),
            StructArray::try_new(fields.clone(), columns, None)?,
            Some(NullBuffer::from(self.valid)),
            *sorted,
        )?))
    }
}
