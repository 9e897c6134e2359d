//! The column that describes malformed records.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::ArrowError;

use crate::columns::growing::{Nulls, Strings};
use crate::error::SchemaError;

/// A malformed record.
#[derive(Debug)]
pub struct CorruptRecord<'a> {
    /// The line without line feed and carriage return.
    pub raw: &'a [u8],
    pub file: &'a str,
    pub line: u64,
    pub reason: &'a str,
}

/// What the column holds for a malformed record.
#[derive(Debug)]
enum CorruptContent {
    Raw,
    Described(Fields),
}

/// The corrupt-record column. Rows after the last malformed one are implied.
#[derive(Debug)]
pub struct CorruptColumn {
    content: CorruptContent,
    /// Rows with a malformed record, in ascending order.
    rows: Vec<usize>,
    raw: Strings,
    file: Strings,
    line: Vec<i64>,
    reason: Strings,
}

impl CorruptColumn {
    /// A column of the type of `field`.
    ///
    /// # Errors
    /// When the type cannot describe records.
    pub fn new(field: &Field) -> Result<Self, SchemaError> {
        let shape = match field.data_type() {
            DataType::Utf8 => Some(CorruptContent::Raw),
            DataType::Struct(fields) => {
                is_record_struct(fields).then(|| CorruptContent::Described(fields.clone()))
            }
            _ => None,
        };
        match shape {
            Some(shape) if field.is_nullable() => Ok(Self {
                content: shape,
                rows: Vec::new(),
                raw: Strings::new(),
                file: Strings::new(),
                line: Vec::new(),
                reason: Strings::new(),
            }),
            _ => Err(SchemaError::CorruptRecord {
                name: field.name().clone(),
                data_type: Box::new(field.data_type().clone()),
            }),
        }
    }

    /// Whether the column has line numbers and reasons.
    pub fn is_described(&self) -> bool {
        matches!(self.content, CorruptContent::Described(_))
    }

    /// Sets row `row` to `record`; rows must ascend. Returns the number of bytes
    /// added.
    pub fn push_record(&mut self, row: usize, record: &CorruptRecord<'_>) -> usize {
        for _ in self.raw.len()..row {
            self.push_null();
        }
        self.rows.push(row);
        let raw = String::from_utf8_lossy(record.raw);
        self.raw.push_str(&raw);
        if !self.is_described() {
            return raw.len();
        }
        self.file.push_str(record.file);
        self.line
            .push(i64::try_from(record.line).unwrap_or(i64::MAX));
        self.reason.push_str(record.reason);
        raw.len() + record.file.len() + record.reason.len()
    }

    fn push_null(&mut self) {
        self.raw.push_null();
        if self.is_described() {
            self.file.push_null();
            self.line.push(0);
            self.reason.push_null();
        }
    }

    /// Takes the values as a column of `rows` rows.
    ///
    /// # Errors
    /// When Arrow refuses the column.
    pub fn finish_array(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        for _ in self.raw.len()..rows {
            self.push_null();
        }
        let corrupt_rows = std::mem::take(&mut self.rows);
        let raw = self.raw.finish_array();
        let CorruptContent::Described(fields) = &self.content else {
            return Ok(raw);
        };
        let nulls = nulls_except(&corrupt_rows, rows);
        let line = std::mem::take(&mut self.line);
        let line = Int64Array::try_new(line.into(), nulls.clone())?;
        let columns: Vec<ArrayRef> = vec![
            raw,
            self.file.finish_array(),
            Arc::new(line),
            self.reason.finish_array(),
        ];
        let array = StructArray::try_new(fields.clone(), columns, nulls)?;
        Ok(Arc::new(array))
    }
}

/// The validity of a column that has values only at the rows of `present`.
fn nulls_except(present: &[usize], rows: usize) -> Option<NullBuffer> {
    let mut nulls = Nulls::default();
    let mut present = present.iter().peekable();
    for row in 0..rows {
        if present.next_if(|&&p| p == row).is_none() {
            nulls.push_row(row);
        }
    }
    nulls.finish_validity(rows)
}

fn is_record_struct(fields: &Fields) -> bool {
    let expected = [
        ("raw", DataType::Utf8),
        ("file", DataType::Utf8),
        ("line", DataType::Int64),
        ("reason", DataType::Utf8),
    ];
    fields.len() == expected.len()
        && fields
            .iter()
            .zip(&expected)
            .all(|(field, (name, data_type))| {
                field.name() == name && field.data_type() == data_type
            })
}
