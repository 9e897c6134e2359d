//! Names of types in messages.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

/// The name of a type as it is written in a query.
pub(crate) fn sql_type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 | DataType::UInt8 => "SMALLINT".to_owned(),
        DataType::Int32 | DataType::UInt16 => "INT".to_owned(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "BIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => format!("DECIMAL({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BINARY".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP_NTZ".to_owned(),
        other => other.to_string(),
    }
}

/// The name of a type as Spark's `typeof` gives it, with the types inside.
pub(crate) fn spark_type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "void".to_owned(),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("array<{}>", spark_type_name(item.data_type()))
        }
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}:{}", field.name(), spark_type_name(field.data_type())))
                .collect();
            format!("struct<{}>", fields.join(","))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let types: Vec<String> = fields
                    .iter()
                    .map(|field| spark_type_name(field.data_type()))
                    .collect();
                format!("map<{}>", types.join(","))
            }
            other => spark_type_name(other),
        },
        DataType::Duration(TimeUnit::Second) => "interval day".to_owned(),
        DataType::Duration(_) => "interval day to second".to_owned(),
        other => sql_type_name(other).to_lowercase(),
    }
}
