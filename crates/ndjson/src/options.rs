//! What to decode, and how to treat records that do not fit.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use sluice_values::TimeZone;

/// Default of [`DecodeOptions::max_line_bytes`]: 16 MiB.
pub const DEFAULT_MAX_LINE_BYTES: usize = 16 << 20;

/// Metadata of a field: the JSON key that fills the field, if it differs from
/// the field's name. Keys are compared byte by byte.
pub const JSON_KEY: &str = "sluice.json_key";

/// Default of [`DecodeOptions::batch_rows`].
pub const DEFAULT_BATCH_ROWS: usize = 8192;

/// How to treat a record that is broken or does not fit the schema. The names
/// are those of Spark's `mode` option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Fields that do not fit become null and the others are kept; a broken
    /// line becomes a row of nulls. The corrupt-record column, if there is
    /// one, describes what was wrong.
    #[default]
    Permissive,
    /// The record is dropped and counted.
    DropMalformed,
    /// The first such record stops decoding with an error.
    FailFast,
}

/// What becomes of fields that are not declared. The names are those of Databricks'
/// option `schemaEvolutionMode`, of which only `addNewColumns` is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewFields {
    /// They are skipped (`none`).
    #[default]
    Skipped,
    /// They are kept as JSON in the column [`DecodeOptions::rescued`], together with
    /// values that do not fit, which make no record malformed (`rescue`).
    Rescued,
    /// The first record that has one stops decoding with an error, in every mode
    /// (`failOnNewColumns`).
    Refused,
}

/// What to decode, and how.
#[derive(Debug, Clone)]
pub struct DecodeOptions {
    /// The columns to read, with nested fields pruned to the needed ones. Fields
    /// of the data that are not in the schema are skipped.
    pub schema: SchemaRef,
    /// The columns as they were declared, of which `schema` is a part: every
    /// record is judged by all of them, whatever is read. `None` when `schema`
    /// is all that was declared. The generated columns need not be in it.
    pub declared: Option<SchemaRef>,
    /// How to treat records that are broken or do not fit.
    pub mode: Mode,
    /// Rows per batch. A batch with many bytes has fewer rows.
    pub batch_rows: usize,
    /// A line with more bytes than this, not counting its line feed, is
    /// malformed and never held in memory. At most 1 GiB.
    pub max_line_bytes: usize,
    /// The zone of times that name none.
    pub time_zone: TimeZone,
    /// What becomes of fields that are not declared. Of CSV, these are the values of a
    /// record beyond its columns.
    pub new_fields: NewFields,
    /// Index in `schema` of a nullable Utf8 column for [`NewFields::Rescued`]: a JSON
    /// object of what no column holds, with the path of the file as `_file_path`, and
    /// null when all is held. It is not read from the data.
    pub rescued: Option<usize>,
    /// Index in `schema` of the column that describes malformed records: a
    /// string (the raw line) or a struct of `raw` string, `file` string,
    /// `line` bigint, `reason` string. It is not read from the data, must be
    /// nullable, and is null for good records.
    pub corrupt_record: Option<usize>,
    /// Index in `schema` of a UInt64 or Int64 column that is filled with
    /// [`row_position`] and not read from the data.
    pub position: Option<usize>,
    /// Index in `schema` of an Int64 column that is filled with the number of the
    /// record's (first) line in its file, from 1, and not read from the data. A decoder
    /// that begins inside of a file asks for its base line before the first row.
    pub line: Option<usize>,
}

impl DecodeOptions {
    /// Options for a schema, with the defaults for everything else.
    pub fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            declared: None,
            mode: Mode::default(),
            batch_rows: DEFAULT_BATCH_ROWS,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            time_zone: TimeZone::UTC,
            new_fields: NewFields::default(),
            rescued: None,
            corrupt_record: None,
            position: None,
            line: None,
        }
    }
}

/// Which file the bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContext {
    /// Name of the file in messages and in the corrupt-record column.
    pub path: Arc<str>,
    /// Number of the file within the scan, for [`row_position`]. Below 2^24.
    pub ordinal: u32,
    /// Offset in the file's (decompressed) bytes of the first byte that is
    /// pushed into the decoder; a line must start there. If it is above 0, line
    /// numbers are unknown until [`Decoder::set_base_line`](crate::Decoder::set_base_line).
    pub offset: u64,
}

impl FileContext {
    /// A file that is read from its beginning.
    pub fn new(path: impl Into<Arc<str>>, ordinal: u32) -> Self {
        Self {
            path: path.into(),
            ordinal,
            offset: 0,
        }
    }
}

/// The identity of a row: the file's number in the upper 24 bits, the byte
/// offset of the line's start in the lower 40. It is the same in every scan of
/// the same list of files.
pub fn row_position(ordinal: u32, offset: u64) -> u64 {
    (u64::from(ordinal) << 40) | (offset & ((1 << 40) - 1))
}

/// What a decoder has read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecodeStats {
    /// Lines, blank and malformed ones included.
    pub lines: u64,
    /// Rows put into batches.
    pub rows: u64,
    /// Records that were broken or did not fit, dropped ones included.
    pub malformed: u64,
    /// Records dropped by [`Mode::DropMalformed`].
    pub dropped: u64,
    /// Lines of white space only.
    pub blank: u64,
    /// Bytes of the lines above, line feeds included.
    pub bytes: u64,
}

/// The schema of the batches that a decoder produces. Permissive decoding puts
/// null where a value is missing or does not fit, so every field becomes
/// nullable, at every depth, even if it was declared NOT NULL. In the other
/// modes the schema is the declared one.
pub fn output_schema(schema: &SchemaRef, mode: Mode) -> SchemaRef {
    if mode != Mode::Permissive {
        return Arc::clone(schema);
    }
    Arc::new(Schema::new_with_metadata(
        nullable_fields(schema.fields()),
        schema.metadata().clone(),
    ))
}

fn nullable_fields(fields: &Fields) -> Fields {
    fields.iter().map(|f| nullable_field(f)).collect()
}

fn nullable_field(field: &Field) -> FieldRef {
    let inner = nullable_type(field.data_type());
    Arc::new(field.clone().with_data_type(inner).with_nullable(true))
}

fn nullable_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Struct(fields) => DataType::Struct(nullable_fields(fields)),
        DataType::List(item) => DataType::List(nullable_field(item)),
        DataType::Map(entries, sorted) => DataType::Map(nullable_map_value(entries), *sorted),
        other => other.clone(),
    }
}

/// Arrow requires the entries and keys of a map to be non-null, so only the
/// values become nullable.
fn nullable_map_value(entries: &FieldRef) -> FieldRef {
    let DataType::Struct(pair) = entries.data_type() else {
        return Arc::clone(entries);
    };
    let relaxed: Fields = pair
        .iter()
        .enumerate()
        .map(|(i, f)| match i {
            0 => Arc::clone(f),
            _ => nullable_field(f),
        })
        .collect();
    let entries = entries.as_ref().clone();
    Arc::new(entries.with_data_type(DataType::Struct(relaxed)))
}
