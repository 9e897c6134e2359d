//! Which Arrow schemas a gold table can hold, and how it stores them.
//!
//! Tables stay at reader version 1 and writer version 2, which Spark, DuckDB,
//! Polars and Trino all read: no column mapping, no `timestamp_ntz`.

pub(crate) mod properties;
pub(crate) mod type_text;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use serde_json::{Map, Value, json};

/// Characters that neither Delta Lake nor Spark's Parquet writer allows in a
/// column name.
const FORBIDDEN_CHARACTERS: &[char] = &[' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '='];

/// The Arrow field metadata that becomes a column comment.
pub const COMMENT_KEY: &str = "comment";

/// A property of a column that a gold table does not support.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column '{column}' {reason}; {suggestion}")]
pub struct SchemaProblem {
    /// Path of the column, nested names joined by dots.
    pub column: String,
    /// The problem, as a predicate: "has the name …", "is of type …".
    pub reason: String,
    /// The fix to suggest to the user.
    pub suggestion: String,
}

impl SchemaProblem {
    fn new(column: &str, reason: impl Into<String>, suggestion: impl Into<String>) -> Self {
        Self {
            column: column.to_owned(),
            reason: reason.into(),
            suggestion: suggestion.into(),
        }
    }
}

/// Finds every problem that keeps a gold table from holding a query's schema.
///
/// A type that [`delta_schema`] converts is not a problem.
pub fn check_schema(schema: &Schema, partition_by: &[String]) -> Result<(), Vec<SchemaProblem>> {
    let mut problems = Vec::new();
    if schema.fields().is_empty() {
        problems.push(SchemaProblem::new(
            "*",
            "is missing: the query has no columns",
            "select at least one",
        ));
    }
    check_fields(schema.fields(), "", &mut problems);
    check_partitions(schema, partition_by, &mut problems);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn check_fields(fields: &Fields, parent: &str, problems: &mut Vec<SchemaProblem>) {
    let mut names_by_lower_case: HashMap<String, &str> = HashMap::new();
    for field in fields {
        let name = field.name().as_str();
        let column = match parent {
            "" => name.to_owned(),
            parent => format!("{parent}.{name}"),
        };
        check_name(name, &column, problems);
        if let Some(first) = names_by_lower_case.insert(name.to_lowercase(), name) {
            let reason = if first == name {
                "appears twice".to_owned()
            } else {
                format!("differs from '{first}' only in case")
            };
            problems.push(SchemaProblem::new(
                &column,
                reason,
                "give one of them another name with AS",
            ));
        }
        check_type(field.data_type(), &column, problems);
    }
}

fn check_name(name: &str, column: &str, problems: &mut Vec<SchemaProblem>) {
    if name.is_empty() {
        problems.push(SchemaProblem::new(
            column,
            "has no name",
            "give it one with AS",
        ));
        return;
    }
    let bad = name
        .chars()
        .find(|c| FORBIDDEN_CHARACTERS.contains(c) || c.is_control());
    if let Some(bad) = bad {
        let plain: String = name
            .chars()
            .map(|c| {
                if FORBIDDEN_CHARACTERS.contains(&c) || c.is_control() {
                    '_'
                } else {
                    c
                }
            })
            .collect();
        let plain = plain.trim_matches('_');
        let plain = if plain.is_empty() { "a_name" } else { plain };
        problems.push(SchemaProblem::new(
            column,
            format!("has {bad:?} in its name, which Delta tables do not allow"),
            format!("name it with AS, for example AS {plain}"),
        ));
    }
}

fn check_type(data_type: &DataType, column: &str, problems: &mut Vec<SchemaProblem>) {
    match data_type {
        DataType::Struct(fields) if fields.is_empty() => problems.push(SchemaProblem::new(
            column,
            "is a struct without fields, which Parquet cannot hold",
            "leave it out, or cast it to STRING",
        )),
        DataType::Struct(fields) => check_fields(fields, column, problems),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                check_type(pair[0].data_type(), &format!("{column}.key"), problems);
                check_type(pair[1].data_type(), &format!("{column}.value"), problems);
            }
            _ => problems.push(unsupported_type(column, data_type)),
        },
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            check_type(item.data_type(), &format!("{column}.element"), problems);
        }
        DataType::Dictionary(_, values) => check_type(values, column, problems),
        DataType::RunEndEncoded(_, values) => check_type(values.data_type(), column, problems),
        DataType::Null => problems.push(SchemaProblem::new(
            column,
            "has no type because it is always NULL",
            "cast it, for example CAST(NULL AS STRING)",
        )),
        DataType::Time32(_) | DataType::Time64(_) => problems.push(SchemaProblem::new(
            column,
            "is a time of day, which Delta tables do not have",
            "cast it to STRING",
        )),
        DataType::Duration(_) | DataType::Interval(_) => problems.push(SchemaProblem::new(
            column,
            "is an interval, which Delta tables do not have",
            "store its seconds or milliseconds as BIGINT",
        )),
        other if delta_type(other).is_none() => problems.push(unsupported_type(column, other)),
        _ => {}
    }
}

fn unsupported_type(column: &str, data_type: &DataType) -> SchemaProblem {
    let suggestion = match data_type {
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "cast it to DECIMAL(38, s) with a scale s from 0 to 38",
        _ => "cast it to a type that Spark has, for example STRING",
    };
    SchemaProblem::new(
        column,
        format!("is of type {data_type}, which Delta tables do not have"),
        suggestion,
    )
}

fn check_partitions(schema: &Schema, partition_by: &[String], problems: &mut Vec<SchemaProblem>) {
    for (at, name) in partition_by.iter().enumerate() {
        if partition_by[..at].contains(name) {
            problems.push(SchemaProblem::new(
                name,
                "is named twice in PARTITIONED BY",
                "name it once",
            ));
            continue;
        }
        let Some((_, field)) = schema.fields().find(name) else {
            let other = schema
                .fields()
                .iter()
                .find(|f| f.name().eq_ignore_ascii_case(name));
            let suggestion = match other {
                Some(field) => format!("write it as '{}'", field.name()),
                None => "partition by a column that the query selects".to_owned(),
            };
            problems.push(SchemaProblem::new(
                name,
                "is in PARTITIONED BY and not among the query's columns",
                suggestion,
            ));
            continue;
        };
        let can_partition = match delta_type(field.data_type()) {
            // The unsupported type is already reported by `check_type`.
            None => true,
            Some(data_type) => !data_type.is_nested() && !matches!(data_type, DataType::Binary),
        };
        if !can_partition {
            problems.push(SchemaProblem::new(
                name,
                format!(
                    "is of type {}, which cannot name partition folders",
                    field.data_type()
                ),
                "partition by a number, a date or a string",
            ));
        }
    }
    let all_are_partitions = !schema.fields().is_empty()
        && schema
            .fields()
            .iter()
            .all(|field| partition_by.contains(field.name()));
    if all_are_partitions && !partition_by.is_empty() {
        problems.push(SchemaProblem::new(
            &partition_by.join(", "),
            "would leave no column for the files: all columns are in PARTITIONED BY",
            "leave at least one of them out",
        ));
    }
}

/// The schema that a sink must cast to, so that the files match their table.
///
/// | query | table |
/// |---|---|
/// | `UInt8`, `UInt16`, `UInt32` | `Int16`, `Int32`, `Int64` |
/// | `UInt64` (ranks, row numbers) | `Int64`; the cast must fail for greater values |
/// | `Float16` | `Float32` |
/// | timestamps of any unit, with or without zone | microseconds in UTC |
/// | `Date64` | `Date32` |
/// | strings and binaries of any layout | `Utf8`, `Binary` |
/// | decimals up to 38 digits | `Decimal128` |
/// | dictionaries, run-end encoded | the type of their values |
/// | lists of any layout | `List` with `element` |
///
/// A timestamp without zone is read as UTC. Nanoseconds are truncated. Every
/// column is nullable, as in Spark's tables: whether a planner can prove that a
/// column has no NULL depends on its release, and tables must not change with
/// it. Column comments are kept; other field metadata is removed. A type that
/// [`check_schema`] refuses is left unchanged.
pub fn delta_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(delta_fields(schema.fields())))
}

fn delta_fields(fields: &Fields) -> Fields {
    fields
        .iter()
        .map(|field| {
            let data_type =
                delta_type(field.data_type()).unwrap_or_else(|| field.data_type().clone());
            let comment = field
                .metadata()
                .get(COMMENT_KEY)
                .map(|text| (COMMENT_KEY.to_owned(), text.clone()));
            Field::new(field.name(), data_type, true).with_metadata(comment.into_iter().collect())
        })
        .collect()
}

/// The type that a table stores a type as, `None` when it has no equivalent.
fn delta_type(data_type: &DataType) -> Option<DataType> {
    use DataType as T;
    Some(match data_type {
        T::Boolean | T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Float32 | T::Float64 => {
            data_type.clone()
        }
        T::UInt8 => T::Int16,
        T::UInt16 => T::Int32,
        T::UInt32 | T::UInt64 => T::Int64,
        T::Float16 => T::Float32,
        T::Date32 | T::Date64 => T::Date32,
        T::Timestamp(_, _) => T::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        T::Utf8 | T::LargeUtf8 | T::Utf8View => T::Utf8,
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => T::Binary,
        T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s) => {
            let fits = *p <= 38 && u8::try_from(*s).is_ok_and(|s| s <= *p);
            return fits.then_some(T::Decimal128(*p, *s));
        }
        T::Dictionary(_, values) => return delta_type(values),
        T::RunEndEncoded(_, values) => return delta_type(values.data_type()),
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _) => {
            let element = delta_type(item.data_type())?;
            T::List(Arc::new(Field::new("element", element, true)))
        }
        T::Map(entries, _) => {
            let T::Struct(pair) = entries.data_type() else {
                return None;
            };
            let [key, value] = pair.as_ref() else {
                return None;
            };
            let pair = Fields::from(vec![
                Field::new("key", delta_type(key.data_type())?, false),
                Field::new("value", delta_type(value.data_type())?, true),
            ]);
            T::Map(
                Arc::new(Field::new("key_value", T::Struct(pair), false)),
                false,
            )
        }
        T::Struct(fields) => T::Struct(delta_fields(fields)),
        T::Null
        | T::Time32(_)
        | T::Time64(_)
        | T::Duration(_)
        | T::Interval(_)
        | T::Union(_, _) => return None,
    })
}

/// The log's `schemaString` for a schema that [`delta_schema`] made; `None`
/// when the log cannot represent a type.
pub(crate) fn schema_string(schema: &Schema) -> Option<String> {
    struct_json(schema.fields()).map(|value| value.to_string())
}

fn struct_json(fields: &Fields) -> Option<Value> {
    let fields: Option<Vec<_>> = fields
        .iter()
        .map(|field| {
            let mut metadata = Map::new();
            if let Some(comment) = field.metadata().get(COMMENT_KEY) {
                metadata.insert(COMMENT_KEY.to_owned(), comment.as_str().into());
            }
            Some(json!({
                "name": field.name(),
                "type": type_json(field.data_type())?,
                "nullable": field.is_nullable(),
                "metadata": metadata,
            }))
        })
        .collect();
    Some(json!({ "type": "struct", "fields": fields? }))
}

fn type_json(data_type: &DataType) -> Option<Value> {
    Some(match data_type {
        DataType::Boolean => "boolean".into(),
        DataType::Int8 => "byte".into(),
        DataType::Int16 => "short".into(),
        DataType::Int32 => "integer".into(),
        DataType::Int64 => "long".into(),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Utf8 => "string".into(),
        DataType::Binary => "binary".into(),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp".into(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})").into(),
        DataType::List(item) => json!({
            "type": "array",
            "elementType": type_json(item.data_type())?,
            "containsNull": item.is_nullable(),
        }),
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else {
                return None;
            };
            let [key, value] = pair.as_ref() else {
                return None;
            };
            json!({
                "type": "map",
                "keyType": type_json(key.data_type())?,
                "valueType": type_json(value.data_type())?,
                "valueContainsNull": value.is_nullable(),
            })
        }
        DataType::Struct(fields) => struct_json(fields)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
