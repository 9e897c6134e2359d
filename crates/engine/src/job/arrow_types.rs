//! Types of the job language as Arrow types, and back.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType as Arrow, Field, Fields, Schema, SchemaRef, TimeUnit};
use sluice_jobfile::{Column, DataType};
use sluice_ndjson::JSON_KEY;

/// The schema of a declared source.
pub(super) fn source_schema(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| {
            arrow_field(
                &column.name,
                &column.source_name,
                &column.ty,
                column.nullable,
            )
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn arrow_field(name: &str, source_name: &str, ty: &DataType, nullable: bool) -> Field {
    let field = Field::new(name, arrow_type(ty), nullable);
    if name == source_name {
        return field;
    }
    field.with_metadata(HashMap::from([(
        JSON_KEY.to_owned(),
        source_name.to_owned(),
    )]))
}

/// The Arrow type of a declared type.
pub(super) fn arrow_type(ty: &DataType) -> Arrow {
    match ty {
        DataType::Boolean => Arrow::Boolean,
        DataType::TinyInt => Arrow::Int8,
        DataType::SmallInt => Arrow::Int16,
        DataType::Int => Arrow::Int32,
        DataType::BigInt => Arrow::Int64,
        DataType::Float => Arrow::Float32,
        DataType::Double => Arrow::Float64,
        DataType::Decimal(precision, scale) => Arrow::Decimal128(*precision, *scale),
        DataType::String => Arrow::Utf8,
        DataType::Binary => Arrow::Binary,
        DataType::Date => Arrow::Date32,
        DataType::Timestamp => Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::TimestampNtz => Arrow::Timestamp(TimeUnit::Microsecond, None),
        DataType::Struct(fields) => Arrow::Struct(
            fields
                .iter()
                .map(|f| arrow_field(&f.name, &f.source_name, &f.ty, f.nullable))
                .collect(),
        ),
        DataType::Array(element) => {
            Arrow::List(Arc::new(Field::new_list_field(arrow_type(element), true)))
        }
        DataType::Map(key, value) => {
            let entries = Fields::from(vec![
                Field::new("key", arrow_type(key), false),
                Field::new("value", arrow_type(value), true),
            ]);
            Arrow::Map(
                Arc::new(Field::new("entries", Arrow::Struct(entries), false)),
                false,
            )
        }
    }
}

/// An Arrow type as the job language writes it, for display.
pub fn sql_type(ty: &Arrow) -> String {
    match ty {
        Arrow::Boolean => "BOOLEAN".to_owned(),
        Arrow::Int8 => "TINYINT".to_owned(),
        Arrow::Int16 => "SMALLINT".to_owned(),
        Arrow::Int32 => "INT".to_owned(),
        Arrow::Int64 => "BIGINT".to_owned(),
        Arrow::Float32 => "FLOAT".to_owned(),
        Arrow::Float64 => "DOUBLE".to_owned(),
        Arrow::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View => "STRING".to_owned(),
        Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView => "BINARY".to_owned(),
        Arrow::Date32 => "DATE".to_owned(),
        Arrow::Timestamp(_, Some(_)) => "TIMESTAMP".to_owned(),
        Arrow::Timestamp(_, None) => "TIMESTAMP_NTZ".to_owned(),
        Arrow::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|f| format!("{}: {}", f.name(), sql_type(f.data_type())))
                .collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        Arrow::List(element) | Arrow::LargeList(element) => {
            format!("ARRAY<{}>", sql_type(element.data_type()))
        }
        Arrow::Map(entries, _) => match entries.data_type() {
            Arrow::Struct(fields) if fields.len() == 2 => {
                format!(
                    "MAP<{}, {}>",
                    sql_type(fields[0].data_type()),
                    sql_type(fields[1].data_type())
                )
            }
            other => format!("MAP<{other}>"),
        },
        other => other.to_string().to_uppercase(),
    }
}
