//! Types in casts and typed literals.

use sqlparser::ast::{ArrayElemTypeDef, DataType, StructField};
use sqlparser::tokenizer::Span;

use super::SyntaxWalk;

/// Spark's names for types that sqlparser does not know.
const SPARK_NAMES: &[&str] = &["BYTE", "SHORT", "LONG", "TIMESTAMP_LTZ"];

impl SyntaxWalk {
    pub(super) fn check_data_type(&mut self, data_type: &DataType, place: Span) {
        let help = match data_type {
            DataType::Boolean
            | DataType::Bool
            | DataType::TinyInt(None)
            | DataType::SmallInt(None)
            | DataType::Int(None)
            | DataType::Integer(None)
            | DataType::BigInt(None)
            | DataType::Float(_)
            | DataType::Real
            | DataType::Double(_)
            | DataType::Decimal(_)
            | DataType::Dec(_)
            | DataType::Numeric(_)
            | DataType::String(None)
            | DataType::Text
            | DataType::Char(_)
            | DataType::Character(_)
            | DataType::Varchar(_)
            | DataType::Binary(None)
            | DataType::Bytea
            | DataType::Date
            | DataType::Timestamp(_, _)
            | DataType::TimestampNtz(_)
            | DataType::Interval {
                fields: None,
                precision: _,
            } => return,
            DataType::Interval {
                fields: Some(_),
                precision: _,
            } => {
                "write the interval itself, such as INTERVAL '1 02:03:04' DAY TO SECOND, and for \
                 values that a query computes make_dt_interval(days, hours, minutes, seconds) or \
                 make_ym_interval(years, months)"
            }
            DataType::Custom(name, arguments) if arguments.is_empty() => {
                let name = name.to_string().to_uppercase();
                if SPARK_NAMES.contains(&name.as_str()) {
                    return;
                }
                "write one of Spark's types, such as INT, BIGINT, DOUBLE, DECIMAL(p, s), STRING, \
                 DATE or TIMESTAMP"
            }
            DataType::Array(element) => match element {
                ArrayElemTypeDef::AngleBracket(element)
                | ArrayElemTypeDef::SquareBracket(element, _)
                | ArrayElemTypeDef::Parenthesis(element) => {
                    return self.check_data_type(element, place);
                }
                ArrayElemTypeDef::None => "write ARRAY<type>",
            },
            DataType::Map(key, value) => {
                self.check_data_type(key, place);
                return self.check_data_type(value, place);
            }
            DataType::Struct(fields, _) => {
                for StructField {
                    field_name: _,
                    field_type,
                    options: _,
                } in fields
                {
                    self.check_data_type(field_type, place);
                }
                return;
            }
            DataType::TinyInt(Some(_))
            | DataType::SmallInt(Some(_))
            | DataType::Int(Some(_))
            | DataType::Integer(Some(_))
            | DataType::BigInt(Some(_))
            | DataType::String(Some(_))
            | DataType::Binary(Some(_)) => "leave the length out",
            DataType::CharacterVarying(_)
            | DataType::CharVarying(_)
            | DataType::Nvarchar(_)
            | DataType::CharacterLargeObject(_)
            | DataType::CharLargeObject(_)
            | DataType::Clob(_)
            | DataType::TinyText
            | DataType::MediumText
            | DataType::LongText
            | DataType::FixedString(_)
            | DataType::Uuid
            | DataType::JSON
            | DataType::JSONB
            | DataType::Regclass
            | DataType::Enum(_, _)
            | DataType::Set(_) => "write STRING",
            DataType::Varbinary(_)
            | DataType::Blob(_)
            | DataType::TinyBlob
            | DataType::MediumBlob
            | DataType::LongBlob
            | DataType::Bytes(_)
            | DataType::Bit(_)
            | DataType::BitVarying(_)
            | DataType::VarBit(_) => "write BINARY",
            DataType::DecimalUnsigned(_)
            | DataType::BigNumeric(_)
            | DataType::BigDecimal(_)
            | DataType::DecUnsigned(_)
            | DataType::Int128
            | DataType::Int256
            | DataType::HugeInt
            | DataType::UHugeInt
            | DataType::UInt128
            | DataType::UInt256
            | DataType::UInt64
            | DataType::BigIntUnsigned(_)
            | DataType::UBigInt
            | DataType::Int8Unsigned(_) => "write DECIMAL(38, 0)",
            DataType::FloatUnsigned(_)
            | DataType::Float4
            | DataType::Float32
            | DataType::RealUnsigned => "write FLOAT",
            DataType::Float64
            | DataType::Float8
            | DataType::DoubleUnsigned(_)
            | DataType::DoublePrecision
            | DataType::DoublePrecisionUnsigned => "write DOUBLE",
            DataType::TinyIntUnsigned(_)
            | DataType::UTinyInt
            | DataType::UInt8
            | DataType::Int2(_)
            | DataType::Int16 => "write SMALLINT",
            DataType::Int2Unsigned(_)
            | DataType::SmallIntUnsigned(_)
            | DataType::USmallInt
            | DataType::MediumInt(_)
            | DataType::MediumIntUnsigned(_)
            | DataType::Int4(_)
            | DataType::Int32
            | DataType::UInt16 => "write INT",
            DataType::Int8(_)
            | DataType::Int64
            | DataType::IntUnsigned(_)
            | DataType::Int4Unsigned(_)
            | DataType::IntegerUnsigned(_)
            | DataType::UInt32
            | DataType::Signed
            | DataType::SignedInteger
            | DataType::Unsigned
            | DataType::UnsignedInteger => "write BIGINT",
            DataType::Date32 => "write DATE",
            DataType::Datetime(_) | DataType::Datetime64(_, _) => "write TIMESTAMP",
            DataType::Time(_, _) => "write TIMESTAMP, or keep the time as text",
            DataType::Custom(_, _)
            | DataType::Table(_)
            | DataType::NamedTable {
                name: _,
                columns: _,
            }
            | DataType::Tuple(_)
            | DataType::Nested(_)
            | DataType::Union(_)
            | DataType::Nullable(_)
            | DataType::LowCardinality(_)
            | DataType::Unspecified
            | DataType::Trigger
            | DataType::AnyType
            | DataType::GeometricType(_)
            | DataType::TsVector
            | DataType::TsQuery => {
                "write one of Spark's types, such as INT, BIGINT, DOUBLE, DECIMAL(p, s), STRING, \
                 DATE or TIMESTAMP"
            }
        };
        self.refuse(
            place,
            &format!("the type {data_type} is not supported"),
            help,
        );
    }
}
