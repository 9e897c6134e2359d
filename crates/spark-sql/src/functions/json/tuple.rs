//! `json_tuple(text, 'a', 'b')`: the values of several names, as text.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringBuilder, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::Kind;
use super::super::udf::SparkFunction;
use super::value::Json;

/// A struct of texts `c0`, `c1`, …; as a generator it makes columns of them.
pub(super) static JSON_TUPLE: SparkFunction = SparkFunction::new(
    "json_tuple",
    &[Kind::Text, Kind::Text],
    tuple_type,
    read_tuples,
)
.variadic();

fn tuple_type(types: &[DataType]) -> Result<DataType> {
    let fields: Fields = (1..types.len())
        .map(|at| Field::new(format!("c{}", at - 1), DataType::Utf8, true))
        .collect();
    Ok(DataType::Struct(fields))
}

fn read_tuples(args: &Arguments<'_>) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let names = (1..args.count())
        .map(|at| args.text(at))
        .collect::<Result<Vec<_>>>()?;
    let mut columns: Vec<StringBuilder> = names.iter().map(|_| StringBuilder::new()).collect();
    for row in 0..args.rows() {
        let fields = match texts.get(row).and_then(Json::parse) {
            Some(Json::Object(fields)) => fields,
            _ => Vec::new(),
        };
        for (column, names) in columns.iter_mut().zip(&names) {
            let value = names
                .get(row)
                .and_then(|name| fields.iter().find(|(field, _)| field == name));
            match value {
                None | Some((_, Json::Null)) => column.append_null(),
                Some((_, Json::Text(text))) => column.append_value(text),
                Some((_, other)) => column.append_value(other.to_text()),
            }
        }
    }
    let DataType::Struct(fields) = args.result_type() else {
        return Err(DataFusionError::Internal("no struct".to_owned()));
    };
    let columns = columns
        .iter_mut()
        .map(|column| Arc::new(column.finish()) as ArrayRef)
        .collect();
    Ok(Arc::new(StructArray::try_new(
        fields.clone(),
        columns,
        None,
    )?))
}
