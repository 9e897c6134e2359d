//! Names of fields and types in messages.

use arrow::datatypes::{DataType, TimeUnit};

/// How messages name a field of the schema.
#[derive(Debug)]
pub(crate) struct FieldLabel {
    /// The path, such as `products[].quantity`.
    pub(crate) path: Box<str>,
    /// The SQL type.
    pub(crate) expected: Box<str>,
}

impl FieldLabel {
    pub(crate) fn new(path: &str, data_type: &DataType) -> Self {
        Self {
            path: path.into(),
            expected: sql_type(data_type).into(),
        }
    }
}

/// A type as it is written in job files, without the types inside a nested one.
fn sql_type(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INT",
        DataType::Int64 => "BIGINT",
        DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8 | DataType::Utf8View => "STRING",
        DataType::Binary => "BINARY",
        DataType::Date32 => "DATE",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "TIMESTAMP",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP_NTZ",
        DataType::Decimal128(precision, scale) => return format!("DECIMAL({precision}, {scale})"),
        DataType::Struct(_) => "STRUCT",
        DataType::List(_) => "ARRAY",
        DataType::Map(..) => "MAP",
        other => return other.to_string(),
    };
    name.to_owned()
}
