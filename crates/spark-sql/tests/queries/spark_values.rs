//! Values and types in Spark's words, as `ask_spark.py` writes them: `1`, `"a"`,
//! `{"f": "1.0"}`, `{"d": "1.50"}`, `{"date": …}`, `{"ts": …}`, `{"x": hex}`,
//! `{"s": [[name, value], …]}`, `{"m": [[key, value], …]}`.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::prelude::DataFrame;
use serde_json::{Value, json};

/// The rows of a query, each a list of values as `ask_spark.py` writes them.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) types: Vec<String>,
    pub(crate) values: Vec<Value>,
}

/// The types and rows of a planned query.
pub(crate) async fn rows_of_frame(frame: DataFrame) -> Result<Rows, String> {
    let batches = frame
        .collect()
        .await
        .map_err(|error| error.strip_backtrace())?;
    let mut rows = Rows {
        types: Vec::new(),
        values: Vec::new(),
    };
    for batch in &batches {
        let schema = batch.schema();
        let types = schema.fields().iter().map(|f| type_name(f.data_type()));
        rows.types = types.collect();
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter();
            rows.values
                .push(Value::Array(values.map(|c| value_of(c, row)).collect()));
        }
    }
    Ok(rows)
}

pub(crate) fn type_name(data_type: &DataType) -> String {
    use DataType as T;
    match data_type {
        T::Null => "void".to_owned(),
        T::Boolean => "boolean".to_owned(),
        T::Int8 => "tinyint".to_owned(),
        T::Int16 => "smallint".to_owned(),
        T::Int32 => "int".to_owned(),
        T::Int64 => "bigint".to_owned(),
        T::Float32 => "float".to_owned(),
        T::Float64 => "double".to_owned(),
        T::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        T::Utf8 | T::LargeUtf8 | T::Utf8View => "string".to_owned(),
        T::Binary | T::LargeBinary | T::BinaryView => "binary".to_owned(),
        T::Date32 => "date".to_owned(),
        T::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp".to_owned(),
        T::Timestamp(TimeUnit::Microsecond, None) => "timestamp_ntz".to_owned(),
        T::List(item) | T::LargeList(item) => format!("array<{}>", type_name(item.data_type())),
        T::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}:{}", field.name(), type_name(field.data_type())))
                .collect();
            format!("struct<{}>", fields.join(","))
        }
        T::Map(entries, _) => match entries.data_type() {
            T::Struct(fields) => format!(
                "map<{},{}>",
                type_name(fields[0].data_type()),
                type_name(fields[1].data_type())
            ),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

/// The value of a row.
pub(crate) fn value_of(array: &ArrayRef, row: usize) -> Value {
    use DataType as T;
    if array.is_null(row) || *array.data_type() == T::Null {
        return Value::Null;
    }
    let text = || array_value_to_string(array, row).unwrap();
    let all = |values: &ArrayRef| (0..values.len()).map(|at| value_of(values, at)).collect();
    match array.data_type() {
        T::Boolean => json!(text() == "true"),
        data_type if data_type.is_integer() => json!(text().parse::<i64>().unwrap()),
        data_type if data_type.is_floating() => json!({"f": text()}),
        T::Decimal128(..) => json!({"d": text()}),
        T::Utf8 | T::LargeUtf8 | T::Utf8View => json!(text()),
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => {
            let bytes = cast(array, &T::Binary).unwrap();
            let bytes = bytes.as_binary::<i32>().value(row).to_vec();
            json!({"x": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()})
        }
        T::Date32 => json!({"date": text()}),
        T::Timestamp(..) => {
            let local = cast(array, &T::Timestamp(TimeUnit::Microsecond, None)).unwrap();
            json!({"ts": array_value_to_string(&local, row).unwrap()})
        }
        T::List(_) => Value::Array(all(&array.as_list::<i32>().value(row))),
        T::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let fields =
                columns.map(|(field, column)| json!([field.name(), value_of(column, row)]));
            json!({"s": fields.collect::<Vec<_>>()})
        }
        T::Map(..) => {
            let entries = array.as_map().value(row);
            let entries = (0..entries.len()).map(|at| {
                json!([
                    value_of(entries.column(0), at),
                    value_of(entries.column(1), at)
                ])
            });
            json!({"m": entries.collect::<Vec<_>>()})
        }
        other => json!({"other": format!("{other}: {}", text())}),
    }
}

/// Whether both are the same value: numbers by value, floats to nine digits,
/// structs by position, maps in any order.
pub(crate) fn are_same(a: &Value, b: &Value) -> bool {
    if let (Some(a), Some(b)) = (number_of(a), number_of(b)) {
        let near = (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        return a == b || near || (a.is_nan() && b.is_nan());
    }
    if let (Some(a), Some(b)) = (time_of(a), time_of(b)) {
        return a == b;
    }
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_same(a, b))
        }
        (Value::Object(x), Value::Object(y)) => match (x.get("s"), y.get("s")) {
            (Some(Value::Array(x)), Some(Value::Array(y))) => {
                x.len() == y.len() && x.iter().zip(y).all(|(x, y)| are_same(&x[1], &y[1]))
            }
            _ => match (x.get("m"), y.get("m")) {
                (Some(Value::Array(x)), Some(Value::Array(y))) => {
                    let known = |x: &Value| y.iter().any(|y| are_same(x, y));
                    x.len() == y.len() && x.iter().all(known)
                }
                _ => a == b,
            },
        },
        _ => a == b,
    }
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Object(object) => {
            let text = object.get("f").or_else(|| object.get("d"))?;
            text.as_str()?.parse().ok()
        }
        _ => None,
    }
}

/// Seconds and their fraction are compared as text without trailing zeros.
fn time_of(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    if let Some(date) = object.get("date") {
        return Some(format!("{}T00:00:00", date.as_str()?));
    }
    let text = object.get("ts")?.as_str()?;
    Some(match text.split_once('.') {
        Some((seconds, fraction)) => {
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{seconds}{point}{fraction}")
        }
        None => text.to_owned(),
    })
}
