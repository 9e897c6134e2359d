//! The columns of a batch: those read from the data, and the generated ones.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::datatypes::{DataType, Fields, SchemaRef};
use arrow::error::ArrowError;

use crate::columns::compile;
use crate::columns::corrupt_column::CorruptColumn;
use crate::columns::object::StructDecoder;
use crate::columns::rescued_column::RescuedColumn;
use crate::error::SchemaError;
use crate::options::{DecodeOptions, output_schema, row_position};

/// The columns of the batch being built.
#[derive(Debug)]
pub(crate) struct BatchColumns {
    pub(crate) schema: SchemaRef,
    /// The columns that are read from the data.
    pub(crate) root: StructDecoder,
    /// The fields of `root`.
    data_fields: Fields,
    pub(crate) corrupt: Option<(usize, CorruptColumn)>,
    pub(crate) rescued: Option<(usize, RescuedColumn)>,
    /// Index of the position column, and the position of each row.
    position: Option<(usize, Vec<u64>)>,
    /// Index of the line column, and the line of each row.
    line: Option<(usize, Vec<i64>)>,
    pub(crate) rows: usize,
}

impl BatchColumns {
    pub(crate) fn new(options: &DecodeOptions) -> Result<Self, SchemaError> {
        let schema = &options.schema;
        let column = |option, index: Option<usize>| match index {
            Some(index) => match schema.fields().get(index) {
                Some(field) => Ok(Some((index, field))),
                None => Err(SchemaError::NoSuchColumn {
                    option,
                    index,
                    columns: schema.fields().len(),
                }),
            },
            None => Ok(None),
        };
        let corrupt = match column("corrupt record", options.corrupt_record)? {
            Some((index, field)) => Some((index, CorruptColumn::new(field)?)),
            None => None,
        };
        let rescued = match column("rescued data", options.rescued)? {
            Some((index, field)) => Some((index, RescuedColumn::new(field)?)),
            None => None,
        };
        let position = match column("position", options.position)? {
            Some((index, field)) => match field.data_type() {
                DataType::Int64 | DataType::UInt64 => Some((index, Vec::new())),
                other => {
                    return Err(SchemaError::Position {
                        name: field.name().clone(),
                        data_type: Box::new(other.clone()),
                    });
                }
            },
            None => None,
        };
        let line = match column("line", options.line)? {
            Some((index, field)) if field.data_type() == &DataType::Int64 => {
                Some((index, Vec::new()))
            }
            Some((_, field)) => {
                return Err(SchemaError::Line {
                    name: field.name().clone(),
                    data_type: Box::new(field.data_type().clone()),
                });
            }
            None => None,
        };
        let generated: Vec<usize> = options
            .corrupt_record
            .into_iter()
            .chain(options.position)
            .chain(options.line)
            .chain(options.rescued)
            .collect();
        let root = compile::compile_root(
            schema,
            options.declared.as_ref(),
            &generated,
            options.time_zone,
        )?;
        let schema = output_schema(schema, options.mode);
        let read = schema.fields().iter().enumerate();
        let read = read.filter(|(index, _)| !generated.contains(index));
        Ok(Self {
            data_fields: read.map(|(_, field)| Arc::clone(field)).collect(),
            schema,
            root,
            corrupt,
            rescued,
            position,
            line,
            rows: 0,
        })
    }

    /// Whether rows need the numbers of their lines.
    pub(crate) fn has_lines(&self) -> bool {
        self.line.is_some()
    }

    #[inline(always)]
    pub(crate) fn close_row(&mut self, ordinal: u32, offset: u64, line: u64) {
        if let Some((_, positions)) = &mut self.position {
            positions.push(row_position(ordinal, offset));
        }
        if let Some((_, lines)) = &mut self.line {
            lines.push(line.cast_signed());
        }
        self.rows += 1;
    }

    /// Removes the values of the row that was not closed.
    pub(crate) fn abandon_row(&mut self) {
        self.root.truncate(self.rows);
        if let Some((_, rescued)) = &mut self.rescued {
            rescued.truncate(self.rows);
        }
    }

    pub(crate) fn finish_batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let mut read = self.root.finish_members(&self.data_fields)?.into_iter();
        let schema = Arc::clone(&self.schema);
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (index, field) in schema.fields().iter().enumerate() {
            let column = match self.finish_generated(index, rows, field.data_type())? {
                Some(generated) => Some(generated),
                None => read.next(),
            };
            columns.extend(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema, columns, &options)
    }

    /// The column at `index`, if it is not read from the data.
    fn finish_generated(
        &mut self,
        index: usize,
        rows: usize,
        data_type: &DataType,
    ) -> Result<Option<ArrayRef>, ArrowError> {
        if let Some((at, corrupt)) = &mut self.corrupt
            && *at == index
        {
            return corrupt.finish_array(rows).map(Some);
        }
        if let Some((at, rescued)) = &mut self.rescued
            && *at == index
        {
            return Ok(Some(rescued.finish_array(rows)));
        }
        if let Some((at, positions)) = &mut self.position
            && *at == index
        {
            let positions = std::mem::take(positions);
            return Ok(Some(position_array(positions, data_type)));
        }
        if let Some((at, lines)) = &mut self.line
            && *at == index
        {
            let lines = Int64Array::from(std::mem::take(lines));
            return Ok(Some(Arc::new(lines)));
        }
        Ok(None)
    }
}

fn position_array(positions: Vec<u64>, data_type: &DataType) -> ArrayRef {
    if data_type == &DataType::UInt64 {
        return Arc::new(UInt64Array::from(positions));
    }
    let positions = positions.into_iter().map(u64::cast_signed);
    Arc::new(Int64Array::from_iter_values(positions))
}
