//! Compiles a schema into the tree of columns that JSON is decoded into.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, SchemaRef, TimeUnit};

use sluice_values::TimeZone;

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
/// those at the given indexes, which the decoder generates. The other columns of
/// `declared` are compiled too, to be checked and not returned.
pub(crate) fn compile_root(
    schema: &SchemaRef,
    declared: Option<&SchemaRef>,
    generated: &[usize],
    time_zone: TimeZone,
) -> Result<StructDecoder, SchemaError> {
    let (generated, read): (Vec<_>, Vec<_>) = schema
        .fields()
        .iter()
        .enumerate()
        .partition(|(index, _)| generated.contains(index));
    let read: Fields = read.into_iter().map(|(_, field)| field.clone()).collect();
    let declared: Fields = declared
        .map_or(&read, |declared| declared.fields())
        .iter()
        .filter(|field| generated.iter().all(|(_, g)| g.name() != field.name()))
        .cloned()
        .collect();
    compile_object("", &declared, Some(&read), time_zone)
}

/// Compiles the fields of `declared`. Those that are also in `returned`, by name
/// and in the same order, are returned.
fn compile_object(
    path: &str,
    declared: &Fields,
    returned: Option<&Fields>,
    time_zone: TimeZone,
) -> Result<StructDecoder, SchemaError> {
    let mut names = HashSet::new();
    let mut members = Vec::with_capacity(declared.len());
    let mut next_returned = returned.into_iter().flatten().peekable();
    for field in declared {
        let path = join_path(path, field);
        if !names.insert(json_key(field)) {
            return Err(SchemaError::Duplicate { path });
        }
        let returned = next_returned.next_if(|next| next.name() == field.name());
        let member = compile_member(&path, field, returned, time_zone)?;
        members.push((json_key(field).as_bytes().into(), member));
    }
    if let Some(field) = next_returned.next() {
        return Err(SchemaError::NotDeclared {
            path: join_path(path, field),
        });
    }
    Ok(StructDecoder::new(
        members,
        FieldLabel::new(path, &DataType::Struct(declared.clone())),
    ))
}

fn join_path(path: &str, field: &Field) -> String {
    match path {
        "" => field.name().clone(),
        path => format!("{path}.{}", field.name()),
    }
}

fn compile_member(
    path: &str,
    declared: &Field,
    returned: Option<&FieldRef>,
    time_zone: TimeZone,
) -> Result<Member, SchemaError> {
    Ok(Member {
        decoder: compile_node(
            path,
            declared,
            returned.map(|field| field.data_type()),
            time_zone,
        )?,
        nullable: declared.is_nullable(),
        label: FieldLabel::new(path, declared.data_type()),
        returned: returned.is_some(),
    })
}

/// Compiles a declared field, of which the type `returned` is returned.
fn compile_node(
    path: &str,
    declared: &Field,
    returned: Option<&DataType>,
    time_zone: TimeZone,
) -> Result<ColumnDecoder, SchemaError> {
    let data_type = declared.data_type();
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
            primitive!(Timestamp, Zones::Allowed(time_zone))
        }
        DataType::Struct(fields) => {
            let returned = match returned {
                Some(DataType::Struct(returned)) => Some(returned),
                _ => None,
            };
            ColumnDecoder::Object(Box::new(compile_object(path, fields, returned, time_zone)?))
        }
        DataType::List(element) => {
            let returned = match returned {
                Some(DataType::List(returned)) => Some(returned),
                _ => None,
            };
            let element = compile_member(&format!("{path}[]"), element, returned, time_zone)?;
            ColumnDecoder::List(Box::new(ListDecoder::new(element, label)))
        }
        DataType::Map(entries, _) => {
            let value = map_value_field(entries).ok_or_else(unsupported)?;
            let returned = match returned {
                Some(DataType::Map(returned, _)) => map_value_field(returned),
                _ => None,
            };
            let value = compile_member(&format!("{path}.*"), value, returned, time_zone)?;
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
