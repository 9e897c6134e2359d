//! The kinds of arguments, and which types each takes.
//!
//! Spark casts arguments implicitly (ANSI mode): any plain value to text, text to
//! numbers and dates, whole numbers to wider ones. The functions convert inside,
//! because Arrow's casts give other texts than Spark's.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use datafusion::error::Result;

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    Double,
    Boolean,
    Date,
    Timestamp,
    /// Bytes, or text as its UTF-8 bytes.
    Binary,
    Array,
    Map,
    /// An array or text.
    ArrayOrText,
    /// Text or bytes.
    TextOrBinary,
    DateOrInterval,
    TimestampOrInterval,
    /// A timestamp, or seconds since 1970-01-01.
    TimestampOrNumber,
    Any,
}

impl Kind {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int | Self::Long => "whole number",
            Self::Double => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Binary => "binary",
            Self::Array => "array",
            Self::Map => "map",
            Self::ArrayOrText => "array or text",
            Self::TextOrBinary => "text or binary",
            Self::DateOrInterval => "date or interval",
            Self::TimestampOrInterval => "timestamp or interval",
            Self::TimestampOrNumber => "text or timestamp",
            Self::Any => "value",
        }
    }

    pub(crate) fn accepts(self, plain: &DataType) -> bool {
        use DataType as T;
        if *plain == T::Null {
            return true;
        }
        let text = *plain == T::Utf8;
        match self {
            Self::Text => is_atomic(plain),
            Self::Long => text || plain.is_integer(),
            // What does not fit is an error when it is computed; fractions are cut off.
            Self::Int => text || plain.is_numeric(),
            Self::Double => text || plain.is_numeric(),
            Self::Boolean => text || *plain == T::Boolean,
            Self::Date => text || matches!(plain, T::Date32 | T::Date64 | T::Timestamp(..)),
            Self::Timestamp => text || matches!(plain, T::Date32 | T::Date64 | T::Timestamp(..)),
            Self::Binary => text || *plain == T::Binary,
            Self::Array => matches!(plain, T::List(_)),
            Self::Map => matches!(plain, T::Map(..)),
            Self::ArrayOrText => matches!(plain, T::List(_)) || is_atomic(plain),
            Self::TextOrBinary => is_atomic(plain),
            Self::DateOrInterval => Self::Date.accepts(plain) || is_interval(plain),
            Self::TimestampOrInterval => Self::Timestamp.accepts(plain) || is_interval(plain),
            Self::TimestampOrNumber => Self::Timestamp.accepts(plain) || plain.is_numeric(),
            Self::Any => true,
        }
    }
}

fn is_atomic(plain: &DataType) -> bool {
    use DataType as T;
    plain.is_numeric()
        || matches!(
            plain,
            T::Utf8 | T::Boolean | T::Date32 | T::Date64 | T::Timestamp(..) | T::Binary
        )
}

fn is_interval(plain: &DataType) -> bool {
    matches!(plain, DataType::Interval(_) | DataType::Duration(_))
}

/// The type without the encodings that hold the same values: views, large
/// offsets, dictionaries.
pub(crate) fn plain_type(given: &DataType) -> DataType {
    use DataType as T;
    match given {
        T::Utf8View | T::LargeUtf8 => T::Utf8,
        T::BinaryView | T::LargeBinary | T::FixedSizeBinary(_) => T::Binary,
        T::Dictionary(_, value) => plain_type(value),
        T::RunEndEncoded(_, value) => plain_type(value.data_type()),
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _) => T::List(plain_field(item)),
        T::Struct(fields) => T::Struct(fields.iter().map(plain_field).collect()),
        T::Map(entries, sorted) => T::Map(plain_field(entries), *sorted),
        other => other.clone(),
    }
}

fn plain_field(field: &FieldRef) -> FieldRef {
    Arc::new(
        field
            .as_ref()
            .clone()
            .with_data_type(plain_type(field.data_type())),
    )
}

/// The type of a `TIMESTAMP`: an instant in microseconds.
pub(crate) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(crate) fn array_type(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

pub(crate) fn map_type(key: DataType, value: DataType) -> DataType {
    let entries = Fields::from(vec![
        Field::new("key", key, false),
        Field::new("value", value, true),
    ]);
    DataType::Map(
        Arc::new(Field::new("entries", DataType::Struct(entries), false)),
        false,
    )
}

// Results whose type does not depend on the arguments.

pub(crate) fn text_result(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Utf8)
}

pub(crate) fn int_result(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Int32)
}

pub(crate) fn long_result(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Int64)
}

pub(crate) fn double_result(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Float64)
}

pub(crate) fn boolean_result(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Boolean)
}

pub(crate) fn date_result(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Date32)
}

pub(crate) fn timestamp_result(_: &[DataType]) -> Result<DataType> {
    Ok(timestamp_type())
}

pub(crate) fn binary_result(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Binary)
}

pub(crate) fn text_array_result(_: &[DataType]) -> Result<DataType> {
    Ok(array_type(DataType::Utf8))
}

/// Bytes for bytes, text for everything else.
pub(crate) fn text_or_binary_result(types: &[DataType]) -> Result<DataType> {
    Ok(match types.first() {
        Some(DataType::Binary) => DataType::Binary,
        _ => DataType::Utf8,
    })
}

/// The type of the first argument.
pub(crate) fn first_result(types: &[DataType]) -> Result<DataType> {
    Ok(types.first().cloned().unwrap_or(DataType::Null))
}
