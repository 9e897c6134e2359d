//! Compiles a schema into the tree of columns that JSON is decoded into.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, SchemaRef, TimeUnit};

use crate::columns::column_decoder::ColumnDecoder;
use crate::columns::growing::{Binaries, Booleans, ByteValues, Primitives, Strings};
use crate::columns::leaf::{DecimalShape, LeafDecoder};
use crate::columns::object::{Member, StructDecoder};
use crate::columns::repeated::{ListDecoder, MapDecoder};
use crate::error::SchemaError;
use crate::options::JSON_KEY;
use crate::values::datetime::Zones;
use crate::values::field_label::FieldLabel;

/// Compiles the columns of `schema` that are read from the data: all except
/// those at the given indexes, which the decoder generates.
pub(crate) fn compile_root(
    schema: &SchemaRef,
    generated: &[usize],
) -> Result<StructDecoder, SchemaError> {
    let fields: Fields = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(index, _)| !generated.contains(index))
        .map(|(_, field)| FieldRef::clone(field))
        .collect();
    compile_object("", &fields, &DataType::Struct(fields.clone()))
}

fn compile_object(
    path: &str,
    fields: &Fields,
    data_type: &DataType,
) -> Result<StructDecoder, SchemaError> {
    let mut names = HashSet::new();
    let mut members = Vec::with_capacity(fields.len());
    for field in fields {
        let path = match path {
            "" => field.name().clone(),
            path => format!("{path}.{}", field.name()),
        };
        if !names.insert(json_key(field)) {
            return Err(SchemaError::Duplicate { path });
        }
        let member = compile_member(&path, field)?;
        members.push((json_key(field).as_bytes().into(), member));
    }
    Ok(StructDecoder::new(
        members,
        FieldLabel::new(path, data_type),
    ))
}

fn compile_member(path: &str, field: &Field) -> Result<Member, SchemaError> {
    Ok(Member {
        decoder: compile_node(path, field)?,
        nullable: field.is_nullable(),
        label: FieldLabel::new(path, field.data_type()),
    })
}

fn compile_node(path: &str, field: &Field) -> Result<ColumnDecoder, SchemaError> {
    let data_type = field.data_type();
    let label = FieldLabel::new(path, data_type);
    let unsupported = || SchemaError::Unsupported {
        path: path.to_owned(),
        data_type: Box::new(data_type.clone()),
    };
    // Every number, date and timestamp type has the same kind of column.
    macro_rules! primitive {
        ($kind:ident $(, $more:expr)?) => {
            ColumnDecoder::$kind(LeafDecoder::new(Primitives::new(), label) $(, $more)?)
        };
    }
    Ok(match data_type {
        DataType::Boolean => ColumnDecoder::Boolean(LeafDecoder::new(Booleans::new(), label)),
        DataType::Int8 => primitive!(Int8),
        DataType::Int16 => primitive!(Int16),
        DataType::Int32 => primitive!(Int32),
        DataType::Int64 => primitive!(Int64),
        DataType::UInt8 => primitive!(UInt8),
        DataType::UInt16 => primitive!(UInt16),
        DataType::UInt32 => primitive!(UInt32),
        DataType::UInt64 => primitive!(UInt64),
        DataType::Float32 => primitive!(Float32),
        DataType::Float64 => primitive!(Float64),
        &DataType::Decimal128(precision, scale) => {
            primitive!(Decimal, DecimalShape { precision, scale })
        }
        DataType::Utf8 => ColumnDecoder::Utf8(LeafDecoder::new(Strings::new(), label)),
        DataType::Utf8View => ColumnDecoder::Utf8View(LeafDecoder::new(Strings::new(), label)),
        DataType::Binary => {
            ColumnDecoder::Binary(LeafDecoder::new(Binaries(ByteValues::new()), label))
        }
        DataType::Date32 => primitive!(Date),
        DataType::Timestamp(TimeUnit::Microsecond, None) => primitive!(Timestamp, Zones::Refused),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(zone) => {
            primitive!(Timestamp, Zones::Allowed)
        }
        DataType::Struct(fields) => {
            ColumnDecoder::Object(Box::new(compile_object(path, fields, data_type)?))
        }
        DataType::List(element) => {
            let element = compile_member(&format!("{path}[]"), element)?;
            ColumnDecoder::List(Box::new(ListDecoder::new(element, label)))
        }
        DataType::Map(entries, _) => {
            let value = map_value_field(entries).ok_or_else(unsupported)?;
            let value = compile_member(&format!("{path}.*"), value)?;
            ColumnDecoder::Map(Box::new(MapDecoder::new(value, label)))
        }
        _ => return Err(unsupported()),
    })
}

/// The value field of a map with string keys.
fn map_value_field(entries: &FieldRef) -> Option<&FieldRef> {
    let DataType::Struct(pair) = entries.data_type() else {
        return None;
    };
    match &pair[..] {
        [key, value] if key.data_type() == &DataType::Utf8 => Some(value),
        _ => None,
    }
}

/// Whether a zone is one of the names of UTC. Texts without a zone are read as
/// UTC, so any other zone would be wrong.
fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Etc/UTC" | "Z" | "+00:00" | "GMT")
}

/// The key that fills a field: its name, unless its metadata has [`JSON_KEY`].
fn json_key(field: &Field) -> &str {
    field
        .metadata()
        .get(JSON_KEY)
        .map_or_else(|| field.name().as_str(), String::as_str)
}
