//! Compiles a schema into the tree of columns that JSON is decoded into.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, SchemaRef, TimeUnit};

use crate::column::{Binaries, Booleans, Primitives, Runs, Strings};
use crate::datetime::Zones;
use crate::error::SchemaError;
use crate::leaf::{DecimalShape, Leaf};
use crate::nested::{ListNode, MapNode};
use crate::node::Node;
use crate::object::{Member, ObjectNode};
use crate::options::JSON_KEY;
use crate::place::Place;

/// Compiles the columns of `schema` that are read from the data: all except
/// those at the given indexes, which the decoder generates.
pub(crate) fn root(schema: &SchemaRef, made: &[usize]) -> Result<ObjectNode, SchemaError> {
    let fields: Fields = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(index, _)| !made.contains(index))
        .map(|(_, field)| FieldRef::clone(field))
        .collect();
    object("", &fields, &DataType::Struct(fields.clone()))
}

fn object(path: &str, fields: &Fields, data_type: &DataType) -> Result<ObjectNode, SchemaError> {
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
        let member = Member {
            node: node(&path, field)?,
            nullable: field.is_nullable(),
            place: Place::new(&path, field.data_type()),
        };
        members.push((json_key(field).as_bytes().into(), member));
    }
    Ok(ObjectNode::new(members, Place::new(path, data_type)))
}

fn node(path: &str, field: &Field) -> Result<Node, SchemaError> {
    let data_type = field.data_type();
    let place = Place::new(path, data_type);
    let unsupported = || SchemaError::Unsupported {
        path: path.to_owned(),
        data_type: Box::new(data_type.clone()),
    };
    // Every number, date and timestamp type has the same kind of column.
    macro_rules! primitive {
        ($kind:ident $(, $more:expr)?) => {
            Node::$kind(Leaf::new(Primitives::new(), place) $(, $more)?)
        };
    }
    Ok(match data_type {
        DataType::Boolean => Node::Boolean(Leaf::new(Booleans::new(), place)),
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
        DataType::Utf8 => Node::Utf8(Leaf::new(Strings::new(), place)),
        DataType::Utf8View => Node::Utf8View(Leaf::new(Strings::new(), place)),
        DataType::Binary => Node::Binary(Leaf::new(Binaries(Runs::new()), place)),
        DataType::Date32 => primitive!(Date),
        DataType::Timestamp(TimeUnit::Microsecond, None) => primitive!(Timestamp, Zones::Refused),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(zone) => {
            primitive!(Timestamp, Zones::Allowed)
        }
        DataType::Struct(fields) => Node::Object(Box::new(object(path, fields, data_type)?)),
        DataType::List(element) => {
            let path = format!("{path}[]");
            let node = node(&path, element)?;
            let element_place = Place::new(&path, element.data_type());
            let nullable = element.is_nullable();
            Node::List(Box::new(ListNode::new(
                node,
                nullable,
                element_place,
                place,
            )))
        }
        DataType::Map(entries, _) => {
            let value = map_value(entries).ok_or_else(unsupported)?;
            let path = format!("{path}.*");
            let node = node(&path, value)?;
            let value_place = Place::new(&path, value.data_type());
            let nullable = value.is_nullable();
            Node::Map(Box::new(MapNode::new(node, nullable, value_place, place)))
        }
        _ => return Err(unsupported()),
    })
}

/// The value field of a map with string keys.
fn map_value(entries: &FieldRef) -> Option<&FieldRef> {
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
