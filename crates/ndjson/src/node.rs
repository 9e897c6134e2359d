//! The tree of columns of a schema, and reading values into it.

use arrow::array::ArrayRef;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use crate::column::{Binaries, Booleans, Primitives, Strings};
use crate::datetime::Zones;
use crate::fault::{Cx, Step};
use crate::leaf::{self, DecimalShape, Leaf};
use crate::nested::{ListNode, MapNode};
use crate::object::ObjectNode;

/// A column, with the columns inside it.
#[derive(Debug)]
pub(crate) enum Node {
    Boolean(Leaf<Booleans>),
    Int8(Leaf<Primitives<Int8Type>>),
    Int16(Leaf<Primitives<Int16Type>>),
    Int32(Leaf<Primitives<Int32Type>>),
    Int64(Leaf<Primitives<Int64Type>>),
    UInt8(Leaf<Primitives<UInt8Type>>),
    UInt16(Leaf<Primitives<UInt16Type>>),
    UInt32(Leaf<Primitives<UInt32Type>>),
    UInt64(Leaf<Primitives<UInt64Type>>),
    Float32(Leaf<Primitives<Float32Type>>),
    Float64(Leaf<Primitives<Float64Type>>),
    Decimal(Leaf<Primitives<Decimal128Type>>, DecimalShape),
    Utf8(Leaf<Strings>),
    Utf8View(Leaf<Strings>),
    Binary(Leaf<Binaries>),
    Date(Leaf<Primitives<Date32Type>>),
    Timestamp(Leaf<Primitives<TimestampMicrosecondType>>, Zones),
    Object(Box<ObjectNode>),
    List(Box<ListNode>),
    Map(Box<MapNode>),
}

/// Evaluates an expression over a leaf's column or a nested node.
macro_rules! each {
    ($node:expr, $column:ident => $leaf:expr, $nested:ident => $inner:expr) => {
        match $node {
            Node::Boolean(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Int8(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Int16(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Int32(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Int64(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::UInt8(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::UInt16(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::UInt32(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::UInt64(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Float32(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Float64(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Decimal(
                Leaf {
                    column: $column, ..
                },
                _,
            ) => $leaf,
            Node::Utf8(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Utf8View(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Binary(Leaf {
                column: Binaries($column),
                ..
            }) => $leaf,
            Node::Date(Leaf {
                column: $column, ..
            }) => $leaf,
            Node::Timestamp(
                Leaf {
                    column: $column, ..
                },
                _,
            ) => $leaf,
            Node::Object($nested) => $inner,
            Node::List($nested) => $inner,
            Node::Map($nested) => $inner,
        }
    };
}

impl Node {
    /// Appends the value at `pos`, which is not white space.
    #[inline(always)]
    pub(crate) fn read(&mut self, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
        match self {
            Self::Boolean(leaf) => leaf::boolean(leaf, buf, pos, cx),
            Self::Int8(leaf) => leaf::integer(leaf, buf, pos, cx),
            Self::Int16(leaf) => leaf::integer(leaf, buf, pos, cx),
            Self::Int32(leaf) => leaf::integer(leaf, buf, pos, cx),
            Self::Int64(leaf) => leaf::integer(leaf, buf, pos, cx),
            Self::UInt8(leaf) => leaf::integer(leaf, buf, pos, cx),
            Self::UInt16(leaf) => leaf::integer(leaf, buf, pos, cx),
            Self::UInt32(leaf) => leaf::integer(leaf, buf, pos, cx),
            Self::UInt64(leaf) => leaf::integer(leaf, buf, pos, cx),
            Self::Float32(leaf) => leaf::float(leaf, buf, pos, cx),
            Self::Float64(leaf) => leaf::float(leaf, buf, pos, cx),
            Self::Decimal(leaf, shape) => leaf::decimal(leaf, *shape, buf, pos, cx),
            Self::Utf8(leaf) | Self::Utf8View(leaf) => leaf::string(leaf, buf, pos, cx),
            Self::Binary(leaf) => leaf::binary(leaf, buf, pos, cx),
            Self::Date(leaf) => leaf::date(leaf, buf, pos, cx),
            Self::Timestamp(leaf, zones) => leaf::timestamp(leaf, *zones, buf, pos, cx),
            Self::Object(node) => node.read(buf, pos, cx),
            Self::List(node) => node.read(buf, pos, cx),
            Self::Map(node) => node.read(buf, pos, cx),
        }
    }

    /// The number of values.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        each!(self, column => column.len(), node => node.len())
    }

    pub(crate) fn push_null(&mut self) {
        each!(self, column => column.push_null(), node => node.push_null());
    }

    /// Removes the values of row `rows` and of all later rows, finished or not.
    pub(crate) fn truncate(&mut self, rows: usize) {
        each!(self, column => column.truncate(rows), node => node.truncate(rows));
    }

    /// Takes all values as an array of `data_type`.
    pub(crate) fn finish(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Boolean(leaf) => Ok(leaf.column.finish()),
            Self::Int8(leaf) => leaf.column.finish(data_type),
            Self::Int16(leaf) => leaf.column.finish(data_type),
            Self::Int32(leaf) => leaf.column.finish(data_type),
            Self::Int64(leaf) => leaf.column.finish(data_type),
            Self::UInt8(leaf) => leaf.column.finish(data_type),
            Self::UInt16(leaf) => leaf.column.finish(data_type),
            Self::UInt32(leaf) => leaf.column.finish(data_type),
            Self::UInt64(leaf) => leaf.column.finish(data_type),
            Self::Float32(leaf) => leaf.column.finish(data_type),
            Self::Float64(leaf) => leaf.column.finish(data_type),
            Self::Decimal(leaf, _) => leaf.column.finish(data_type),
            Self::Utf8(leaf) => Ok(leaf.column.finish()),
            Self::Utf8View(leaf) => Ok(leaf.column.finish_view()),
            Self::Binary(leaf) => leaf.column.finish(),
            Self::Date(leaf) => leaf.column.finish(data_type),
            Self::Timestamp(leaf, _) => leaf.column.finish(data_type),
            Self::Object(node) => node.finish(data_type),
            Self::List(node) => node.finish(data_type),
            Self::Map(node) => node.finish(data_type),
        }
    }
}
