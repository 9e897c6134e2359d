//! The types of SQL as Spark has them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use datafusion::error::Result;
use datafusion::logical_expr::planner::TypePlanner;
use sqlparser::ast::{ArrayElemTypeDef, DataType as SqlType, ExactNumberInfo, TimezoneInfo};

/// Plans `TIMESTAMP` and `TIMESTAMP_NTZ` in microseconds: the engine's own
/// nanoseconds have no year 1 and no year 9999 (datafusion #6653). And `MAP<…>`, which
/// the engine does not plan.
#[derive(Debug)]
pub struct SparkTypePlanner;

impl TypePlanner for SparkTypePlanner {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let planned = match sql_type {
            SqlType::Map(..) | SqlType::Binary(None) => plan_type(sql_type),
            other => plan_timestamp(other),
        };
        Ok(planned.map(|data_type| Arc::new(Field::new("", data_type, true))))
    }
}

fn plan_timestamp(sql_type: &SqlType) -> Option<DataType> {
    let zone = match sql_type {
        // Instants count in UTC whatever the session's zone is; the engine would give
        // the type that zone.
        SqlType::Timestamp(None, TimezoneInfo::None)
        | SqlType::Timestamp(None | Some(6), TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            Some("UTC".into())
        }
        SqlType::TimestampNtz(None) => None,
        SqlType::Custom(name, modifiers) if modifiers.is_empty() => {
            match name.to_string().to_ascii_lowercase().as_str() {
                "timestamp_ltz" => Some("UTC".into()),
                "timestamp_ntz" => None,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(DataType::Timestamp(TimeUnit::Microsecond, zone))
}

/// A type inside a map, whose parts the engine does not ask for one by one.
fn plan_type(sql_type: &SqlType) -> Option<DataType> {
    Some(match sql_type {
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::SmallInt(_) => DataType::Int16,
        SqlType::Int(_) | SqlType::Integer(_) => DataType::Int32,
        SqlType::BigInt(_) => DataType::Int64,
        SqlType::Float(_) | SqlType::Real => DataType::Float32,
        SqlType::Double(_) => DataType::Float64,
        SqlType::Decimal(info) | SqlType::Dec(info) | SqlType::Numeric(info) => {
            let (precision, scale) = match info {
                ExactNumberInfo::None => (10, 0),
                ExactNumberInfo::Precision(precision) => (*precision, 0),
                ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
            };
            DataType::Decimal128(u8::try_from(precision).ok()?, i8::try_from(scale).ok()?)
        }
        SqlType::String(_)
        | SqlType::Text
        | SqlType::Char(_)
        | SqlType::Character(_)
        | SqlType::Varchar(_) => DataType::Utf8,
        SqlType::Binary(_) | SqlType::Bytea => DataType::Binary,
        SqlType::Date => DataType::Date32,
        SqlType::Timestamp(_, TimezoneInfo::WithoutTimeZone) => {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        }
        SqlType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        SqlType::Array(
            ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => DataType::List(Arc::new(Field::new_list_field(plan_type(element)?, true))),
        SqlType::Struct(fields, _) => {
            let fields = fields.iter().map(|field| {
                let name = field.field_name.as_ref()?;
                Some(Field::new(&name.value, plan_type(&field.field_type)?, true))
            });
            DataType::Struct(fields.collect::<Option<Vec<_>>>()?.into())
        }
        SqlType::Map(key, value) => {
            let entries = Fields::from(vec![
                Field::new("key", plan_type(key)?, false),
                Field::new("value", plan_type(value)?, true),
            ]);
            let entries = Field::new("entries", DataType::Struct(entries), false);
            DataType::Map(Arc::new(entries), false)
        }
        other => return plan_timestamp(other),
    })
}
