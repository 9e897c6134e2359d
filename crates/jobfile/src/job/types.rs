//! Column types, with Spark's names.

use std::fmt;

use crate::span::Span;

/// The type of a column, field, element or variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataType {
    /// `BOOLEAN`.
    Boolean,
    /// `TINYINT`, 8 bits with sign.
    TinyInt,
    /// `SMALLINT`, 16 bits with sign.
    SmallInt,
    /// `INT`, 32 bits with sign.
    Int,
    /// `BIGINT`, 64 bits with sign.
    BigInt,
    /// `FLOAT`, 32 bits.
    Float,
    /// `DOUBLE`, 64 bits.
    Double,
    /// `DECIMAL(precision, scale)`: 1 to 38 digits, `scale` (0 to `precision`)
    /// of them after the point.
    Decimal(u8, i8),
    /// `STRING`, UTF-8 of any length.
    String,
    /// `BINARY`, bytes of any length.
    Binary,
    /// `DATE`, a day without time or zone.
    Date,
    /// `TIMESTAMP`: an instant, stored in UTC with microseconds.
    Timestamp,
    /// `TIMESTAMP_NTZ`: date and time of day without a zone, with microseconds.
    TimestampNtz,
    /// `STRUCT<…>`: at least one field, names distinct without regard to case.
    Struct(Vec<Field>),
    /// `ARRAY<…>`; elements may be null.
    Array(Box<DataType>),
    /// `MAP<key, value>`; keys are never null, values may be.
    Map(Box<DataType>, Box<DataType>),
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name that queries use: lower case unless it was quoted.
    pub name: String,
    /// The name as written: the key in the files, where case matters.
    pub source_name: String,
    pub ty: DataType,
    /// Whether it may be null; false after `NOT NULL`.
    pub nullable: bool,
    /// The span of its name.
    pub span: Span,
    /// Its `COMMENT`.
    pub comment: Option<String>,
}

impl DataType {
    /// Whether values are structs, arrays or maps.
    pub(crate) const fn has_parts(&self) -> bool {
        matches!(self, Self::Struct(_) | Self::Array(_) | Self::Map(..))
    }

    /// Whether the type is not nested.
    pub const fn is_scalar(&self) -> bool {
        !matches!(self, Self::Struct(_) | Self::Array(_) | Self::Map(..))
    }
}

/// As SQL, for example `STRUCT<city: STRING, zip: INT NOT NULL>`.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::TinyInt => f.write_str("TINYINT"),
            Self::SmallInt => f.write_str("SMALLINT"),
            Self::Int => f.write_str("INT"),
            Self::BigInt => f.write_str("BIGINT"),
            Self::Float => f.write_str("FLOAT"),
            Self::Double => f.write_str("DOUBLE"),
            Self::Decimal(precision, scale) => write!(f, "DECIMAL({precision}, {scale})"),
            Self::String => f.write_str("STRING"),
            Self::Binary => f.write_str("BINARY"),
            Self::Date => f.write_str("DATE"),
            Self::Timestamp => f.write_str("TIMESTAMP"),
            Self::TimestampNtz => f.write_str("TIMESTAMP_NTZ"),
            Self::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    let not_null = if field.nullable { "" } else { " NOT NULL" };
                    write!(f, "{comma}{}: {}{not_null}", field.source_name, field.ty)?;
                }
                f.write_str(">")
            }
            Self::Array(element) => write!(f, "ARRAY<{element}>"),
            Self::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
        }
    }
}
