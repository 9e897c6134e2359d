//! The columns of a batch: those read from fields, and the generated ones.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Array, Int64Builder, RecordBatch,
    RecordBatchOptions, StringBuilder, TimestampMicrosecondBuilder, UInt64Array,
};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;
use sluice_ndjson::{CorruptColumn, DecodeOptions, RescuedColumn, SchemaError};
use sluice_values::TimeZone;

use crate::values::{Value, convert, sql_type};

/// A declared column: the field of a record at its place.
#[derive(Debug)]
pub(crate) struct FieldColumn {
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    /// The type as job files write it.
    pub(crate) expected: String,
    pub(crate) nullable: bool,
    /// `None` when the column is checked and not returned.
    builder: Option<Builder>,
}

#[derive(Debug)]
enum Builder {
    Boolean(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder),
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

/// Evaluates an expression over the builder, whatever its type.
macro_rules! each {
    ($builder:expr, $inner:ident => $result:expr) => {
        match $builder {
            Builder::Boolean($inner) => $result,
            Builder::Int8($inner) => $result,
            Builder::Int16($inner) => $result,
            Builder::Int32($inner) => $result,
            Builder::Int64($inner) => $result,
            Builder::Float($inner) => $result,
            Builder::Double($inner) => $result,
            Builder::Decimal($inner) => $result,
            Builder::Text($inner) => $result,
            Builder::Date($inner) => $result,
            Builder::Timestamp($inner) => $result,
        }
    };
}

impl Builder {
    fn new(field: &Field) -> Result<Self, SchemaError> {
        Ok(match field.data_type() {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int8 => Self::Int8(Int8Builder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::Float32 => Self::Float(Float32Builder::new()),
            DataType::Float64 => Self::Double(Float64Builder::new()),
            DataType::Decimal128(..) => {
                Self::Decimal(Decimal128Builder::new().with_data_type(field.data_type().clone()))
            }
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(..) => Self::Timestamp(
                TimestampMicrosecondBuilder::new().with_data_type(field.data_type().clone()),
            ),
            other => {
                return Err(SchemaError::Unsupported {
                    path: field.name().clone(),
                    data_type: Box::new(other.clone()),
                });
            }
        })
    }

    fn push_null(&mut self) {
        each!(self, builder => builder.append_null());
    }

    /// Appends a value of the builder's own type, whose range was checked.
    fn push_value(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Boolean(builder), Value::Boolean(value)) => builder.append_value(value),
            (Self::Int8(builder), Value::Integer(value)) => builder.append_value(value as i8),
            (Self::Int16(builder), Value::Integer(value)) => builder.append_value(value as i16),
            (Self::Int32(builder), Value::Integer(value)) => builder.append_value(value as i32),
            (Self::Int64(builder), Value::Integer(value)) => builder.append_value(value),
            (Self::Float(builder), Value::Float(value)) => builder.append_value(value),
            (Self::Double(builder), Value::Double(value)) => builder.append_value(value),
            (Self::Decimal(builder), Value::Decimal(value)) => builder.append_value(value),
            (Self::Text(builder), Value::Text(value)) => builder.append_value(value),
            (Self::Date(builder), Value::Integer(value)) => builder.append_value(value as i32),
            (Self::Timestamp(builder), Value::Integer(value)) => builder.append_value(value),
            (builder, _) => builder.push_null(),
        }
    }

    fn finish_array(&mut self) -> ArrayRef {
        each!(self, builder => ArrayBuilder::finish(builder))
    }
}

impl FieldColumn {
    fn new(field: &Field, returned: bool) -> Result<Self, SchemaError> {
        let builder = Builder::new(field)?;
        Ok(Self {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
            expected: sql_type(field.data_type()),
            nullable: field.is_nullable(),
            builder: returned.then_some(builder),
        })
    }

    /// Appends a value, or null.
    pub(crate) fn push(&mut self, value: Option<Value<'_>>) {
        if let Some(builder) = &mut self.builder {
            match value {
                Some(value) => builder.push_value(value),
                None => builder.push_null(),
            }
        }
    }
}

/// An array of one value, converted as a field of a record is; `None` when the
/// text does not fit the type of `field`. A time that names no zone is in `time_zone`.
pub fn single_value(field: &Field, text: Option<&str>, time_zone: TimeZone) -> Option<ArrayRef> {
    let mut builder = Builder::new(field).ok()?;
    match text {
        Some(text) => builder.push_value(convert(text.as_bytes(), field.data_type(), time_zone)?),
        None => builder.push_null(),
    }
    Some(builder.finish_array())
}

/// Where a column of the batch comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// The declared column with this index.
    Field(usize),
    Corrupt,
    Rescued,
    Position,
    Line,
}

/// The columns of the batch being built.
#[derive(Debug)]
pub(crate) struct BatchColumns {
    pub(crate) schema: SchemaRef,
    pub(crate) fields: Vec<FieldColumn>,
    pub(crate) corrupt: Option<CorruptColumn>,
    /// What the columns do not hold of each record.
    pub(crate) rescued: Option<RescuedColumn>,
    positions: Vec<u64>,
    /// The line of each row, when it is a column.
    lines: Option<Vec<i64>>,
    origins: Vec<Origin>,
    pub(crate) rows: usize,
}

impl BatchColumns {
    /// Columns of `schema`, of which those that the options name are generated. Records
    /// have the columns of `declared`, in this order.
    pub(crate) fn new(
        schema: SchemaRef,
        declared: &SchemaRef,
        options: &DecodeOptions,
    ) -> Result<Self, SchemaError> {
        let mut origins = Vec::with_capacity(schema.fields().len());
        let mut corrupt_column = None;
        let mut rescued_column = None;
        for (index, field) in schema.fields().iter().enumerate() {
            origins.push(if Some(index) == options.corrupt_record {
                corrupt_column = Some(CorruptColumn::new(field)?);
                Origin::Corrupt
            } else if Some(index) == options.rescued {
                rescued_column = Some(RescuedColumn::new(field)?);
                Origin::Rescued
            } else if Some(index) == options.position {
                Origin::Position
            } else if Some(index) == options.line {
                Origin::Line
            } else {
                let declared = declared.index_of(field.name());
                Origin::Field(declared.map_err(|_| SchemaError::NotDeclared {
                    path: field.name().clone(),
                })?)
            });
        }
        let is_returned = |index| {
            (origins.iter()).any(|origin| matches!(origin, Origin::Field(at) if *at == index))
        };
        let fields = declared.fields().iter().enumerate();
        let fields = fields.map(|(index, field)| FieldColumn::new(field, is_returned(index)));
        Ok(Self {
            fields: fields.collect::<Result<_, _>>()?,
            schema,
            corrupt: corrupt_column,
            rescued: rescued_column,
            positions: Vec::new(),
            lines: options.line.map(|_| Vec::new()),
            origins,
            rows: 0,
        })
    }

    /// Whether rows need the numbers of their lines.
    pub(crate) fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn close_row(&mut self, position: u64, line: u64) {
        self.positions.push(position);
        if let Some(lines) = &mut self.lines {
            lines.push(line.cast_signed());
        }
        self.rows += 1;
    }

    pub(crate) fn finish_batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let positions: ArrayRef = Arc::new(UInt64Array::from(std::mem::take(&mut self.positions)));
        let mut columns = Vec::with_capacity(self.origins.len());
        for origin in &self.origins {
            let column = match origin {
                Origin::Position => Some(Arc::clone(&positions)),
                Origin::Line => (self.lines.as_mut())
                    .map(|lines| Arc::new(Int64Array::from(std::mem::take(lines))) as ArrayRef),
                Origin::Corrupt => match &mut self.corrupt {
                    Some(corrupt) => Some(corrupt.finish_array(rows)?),
                    None => None,
                },
                Origin::Rescued => {
                    (self.rescued.as_mut()).map(|rescued| rescued.finish_array(rows))
                }
                Origin::Field(index) => (self.fields.get_mut(*index))
                    .and_then(|field| field.builder.as_mut())
                    .map(Builder::finish_array),
            };
            columns.extend(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}
