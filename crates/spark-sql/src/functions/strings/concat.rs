//! Texts, binaries and arrays joined together.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{cast, interleave};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::arrays::types::common_type;
use super::super::kinds::{Kind, array_type, text_result};
use super::super::udf::SparkFunction;
use crate::casts::write_texts;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "concat",
        &[Kind::ArrayOrText],
        concat_result,
        |args| match args.result_type() {
            DataType::List(_) => concat_arrays(args),
            DataType::Binary => {
                let mut columns = Vec::new();
                for at in 0..args.count() {
                    columns.push(args.binary(at)?);
                }
                args.binaries(|row| {
                    let mut all = Vec::new();
                    for column in &columns {
                        match column.get(row) {
                            Some(bytes) => all.extend_from_slice(bytes),
                            None => return Ok(None),
                        }
                    }
                    Ok(Some(all))
                })
            }
            _ => {
                let mut columns = Vec::new();
                for at in 0..args.count() {
                    columns.push(args.text(at)?);
                }
                let mut all = String::new();
                let mut texts = super::super::text_builder::TextBuilder::new("concat", args.rows());
                'rows: for row in 0..args.rows() {
                    all.clear();
                    for column in &columns {
                        match column.get(row) {
                            Some(text) => all.push_str(text),
                            None => {
                                texts.append_null();
                                continue 'rows;
                            }
                        }
                    }
                    texts.append(&all)?;
                }
                Ok(texts.finish())
            }
        },
    )
    .with_optional(1)
    .variadic(),
    SparkFunction::new(
        "concat_ws",
        &[Kind::Text, Kind::ArrayOrText],
        text_result,
        |args| {
            let separators = args.text(0)?;
            let mut parts = Vec::new();
            for at in 1..args.count() {
                parts.push(JoinedPart::new(args, at)?);
            }
            let mut words: Vec<&str> = Vec::new();
            let mut texts = super::super::text_builder::TextBuilder::new("concat_ws", args.rows());
            for row in 0..args.rows() {
                let Some(separator) = separators.get(row) else {
                    texts.append_null();
                    continue;
                };
                words.clear();
                for part in &parts {
                    part.push_words(row, &mut words);
                }
                texts.append(&words.join(separator))?;
            }
            Ok(texts.finish())
        },
    )
    .with_optional(1)
    .variadic(),
];

fn concat_result(types: &[DataType]) -> Result<DataType> {
    let known: Vec<&DataType> = types.iter().filter(|t| **t != DataType::Null).collect();
    if known.iter().any(|t| matches!(t, DataType::List(_))) {
        let elements: Result<Vec<DataType>> = known
            .iter()
            .map(|t| match t {
                DataType::List(element) => Ok(element.data_type().clone()),
                other => Err(DataFusionError::Plan(format!(
                    "concat cannot join an array with a value of type {other}"
                ))),
            })
            .collect();
        return Ok(array_type(common_type(&elements?)?));
    }
    let all_binary = !known.is_empty() && known.iter().all(|t| **t == DataType::Binary);
    Ok(if all_binary {
        DataType::Binary
    } else {
        DataType::Utf8
    })
}

fn concat_arrays(args: &Arguments<'_>) -> Result<ArrayRef> {
    let DataType::List(field) = args.result_type() else {
        return Err(DataFusionError::Execution("concat needs arrays".to_owned()));
    };
    let mut columns = Vec::new();
    let mut values = Vec::new();
    for at in 0..args.count() {
        let column = args.any(at)?;
        let list = cast(column.array(), args.result_type())?;
        let list = list.as_list::<i32>().clone();
        values.push(Arc::clone(list.values()));
        columns.push((column, list));
    }
    let mut offsets = vec![0_i32];
    let mut valid = Vec::with_capacity(args.rows());
    let mut indices = Vec::new();
    for row in 0..args.rows() {
        let is_valid = columns
            .iter()
            .all(|(column, list)| list.is_valid(column.position(row)));
        valid.push(is_valid);
        if is_valid {
            for (at, (column, list)) in columns.iter().enumerate() {
                let row = column.position(row);
                let range = list_range(list, row);
                indices.extend(range.map(|position| (at, position)));
            }
        }
        let end = i32::try_from(indices.len()).map_err(|_| {
            DataFusionError::ResourcesExhausted("the arrays of concat are too long".to_owned())
        })?;
        offsets.push(end);
    }
    let arrays: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
    let joined = interleave(&arrays, &indices)?;
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::new(offsets.into()),
        joined,
        Some(NullBuffer::from(valid)),
    )?))
}

/// The positions of a row's elements.
fn list_range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    let at = |row: usize| {
        offsets
            .get(row)
            .and_then(|offset| usize::try_from(*offset).ok())
            .unwrap_or(0)
    };
    at(row)..at(row + 1)
}

/// An argument of `concat_ws`: a text, or an array of texts.
struct JoinedPart {
    column: super::super::arguments::Column<ArrayRef>,
    list: Option<ListArray>,
    texts: StringArray,
}

impl JoinedPart {
    fn new(args: &Arguments<'_>, at: usize) -> Result<Self> {
        let column = args.any(at)?;
        let list = column.array().as_list_opt::<i32>().cloned();
        let texts = match &list {
            Some(list) => write_texts(list.values(), args.zone())?,
            None => write_texts(column.array(), args.zone())?,
        };
        Ok(Self {
            column,
            list,
            texts,
        })
    }

    fn push_words<'a>(&'a self, row: usize, words: &mut Vec<&'a str>) {
        let row = self.column.position(row);
        let range = match &self.list {
            None => row..row + 1,
            Some(list) if list.is_valid(row) => list_range(list, row),
            Some(_) => return,
        };
        words.extend(
            range
                .filter(|at| self.texts.is_valid(*at))
                .map(|at| self.texts.value(at)),
        );
    }
}
