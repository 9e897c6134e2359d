//! The tree of columns of a schema, and reading values into it.

use arrow::array::ArrayRef;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use crate::columns::growing::{Binaries, Booleans, Primitives, Strings};
use crate::columns::leaf::{self, DecimalShape, LeafDecoder};
use crate::columns::object::StructDecoder;
use crate::columns::repeated::{ListDecoder, MapDecoder};
use crate::values::datetime::Zones;
use crate::values::read_error::{ReadContext, ReadResult};

/// A column, with the columns inside it.
#[derive(Debug)]
pub(crate) enum ColumnDecoder {
    Boolean(LeafDecoder<Booleans>),
    Int8(LeafDecoder<Primitives<Int8Type>>),
    Int16(LeafDecoder<Primitives<Int16Type>>),
    Int32(LeafDecoder<Primitives<Int32Type>>),
    Int64(LeafDecoder<Primitives<Int64Type>>),
    UInt8(LeafDecoder<Primitives<UInt8Type>>),
    UInt16(LeafDecoder<Primitives<UInt16Type>>),
    UInt32(LeafDecoder<Primitives<UInt32Type>>),
    UInt64(LeafDecoder<Primitives<UInt64Type>>),
    Float32(LeafDecoder<Primitives<Float32Type>>),
    Float64(LeafDecoder<Primitives<Float64Type>>),
    Decimal(LeafDecoder<Primitives<Decimal128Type>>, DecimalShape),
    Utf8(LeafDecoder<Strings>),
    Utf8View(LeafDecoder<Strings>),
    Binary(LeafDecoder<Binaries>),
    Date(LeafDecoder<Primitives<Date32Type>>),
    Timestamp(LeafDecoder<Primitives<TimestampMicrosecondType>>, Zones),
    Object(Box<StructDecoder>),
    List(Box<ListDecoder>),
    Map(Box<MapDecoder>),
}

/// Evaluates an expression over a leaf's column or a nested node.
macro_rules! each {
    ($node:expr, $column:ident => $leaf:expr, $nested:ident => $inner:expr) => {
        match $node {
            ColumnDecoder::Boolean(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Int8(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Int16(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Int32(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Int64(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::UInt8(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::UInt16(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::UInt32(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::UInt64(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Float32(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Float64(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Decimal(
                LeafDecoder {
                    column: $column, ..
                },
                _,
            ) => $leaf,
            ColumnDecoder::Utf8(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Utf8View(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Binary(LeafDecoder {
                column: Binaries($column),
                ..
            }) => $leaf,
            ColumnDecoder::Date(LeafDecoder {
                column: $column, ..
            }) => $leaf,
            ColumnDecoder::Timestamp(
                LeafDecoder {
                    column: $column, ..
                },
                _,
            ) => $leaf,
            ColumnDecoder::Object($nested) => $inner,
            ColumnDecoder::List($nested) => $inner,
            ColumnDecoder::Map($nested) => $inner,
        }
    };
}

impl ColumnDecoder {
    /// Appends the value at `pos`, which is not white space.
    #[inline(always)]
    pub(crate) fn read_value(
        &mut self,
        buf: &[u8],
        pos: usize,
        cx: &mut ReadContext,
    ) -> ReadResult {
        match self {
            Self::Boolean(leaf) => leaf::read_boolean(leaf, buf, pos, cx),
            Self::Int8(leaf) => leaf::read_integer(leaf, buf, pos, cx),
            Self::Int16(leaf) => leaf::read_integer(leaf, buf, pos, cx),
            Self::Int32(leaf) => leaf::read_integer(leaf, buf, pos, cx),
            Self::Int64(leaf) => leaf::read_integer(leaf, buf, pos, cx),
            Self::UInt8(leaf) => leaf::read_integer(leaf, buf, pos, cx),
            Self::UInt16(leaf) => leaf::read_integer(leaf, buf, pos, cx),
            Self::UInt32(leaf) => leaf::read_integer(leaf, buf, pos, cx),
            Self::UInt64(leaf) => leaf::read_integer(leaf, buf, pos, cx),
            Self::Float32(leaf) => leaf::read_float(leaf, buf, pos, cx),
            Self::Float64(leaf) => leaf::read_float(leaf, buf, pos, cx),
            Self::Decimal(leaf, shape) => leaf::read_decimal(leaf, *shape, buf, pos, cx),
            Self::Utf8(leaf) | Self::Utf8View(leaf) => leaf::read_string(leaf, buf, pos, cx),
            Self::Binary(leaf) => leaf::read_binary(leaf, buf, pos, cx),
            Self::Date(leaf) => leaf::read_date(leaf, buf, pos, cx),
            Self::Timestamp(leaf, zones) => leaf::read_timestamp(leaf, *zones, buf, pos, cx),
            Self::Object(node) => node.read_object(buf, pos, cx),
            Self::List(node) => node.read_items(buf, pos, cx),
            Self::Map(node) => node.read_items(buf, pos, cx),
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
    pub(crate) fn finish_array(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Boolean(leaf) => Ok(leaf.column.finish_array()),
            Self::Int8(leaf) => leaf.column.finish_array(data_type),
            Self::Int16(leaf) => leaf.column.finish_array(data_type),
            Self::Int32(leaf) => leaf.column.finish_array(data_type),
            Self::Int64(leaf) => leaf.column.finish_array(data_type),
            Self::UInt8(leaf) => leaf.column.finish_array(data_type),
            Self::UInt16(leaf) => leaf.column.finish_array(data_type),
            Self::UInt32(leaf) => leaf.column.finish_array(data_type),
            Self::UInt64(leaf) => leaf.column.finish_array(data_type),
            Self::Float32(leaf) => leaf.column.finish_array(data_type),
            Self::Float64(leaf) => leaf.column.finish_array(data_type),
            Self::Decimal(leaf, _) => leaf.column.finish_array(data_type),
            Self::Utf8(leaf) => Ok(leaf.column.finish_array()),
            Self::Utf8View(leaf) => Ok(leaf.column.finish_view_array()),
            Self::Binary(leaf) => leaf.column.finish_array(),
            Self::Date(leaf) => leaf.column.finish_array(data_type),
            Self::Timestamp(leaf, _) => leaf.column.finish_array(data_type),
            Self::Object(node) => node.finish_array(data_type),
            Self::List(node) => node.finish_array(data_type),
            Self::Map(node) => node.finish_array(data_type),
        }
    }
}
