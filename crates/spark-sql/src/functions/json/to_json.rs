//! Structs, arrays and maps as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};

use super::super::conversion::to_timestamp;
use super::super::datetime::pattern::Pattern;
use super::super::datetime::zone::Zone;
use super::super::kinds::{Kind, text_result};
use super::super::udf::SparkFunction;
use super::options::{Direction, JsonOptions};
use super::value::write_quoted;
use crate::casts::write_texts;

pub(super) static FUNCTIONS: &[SparkFunction] =
    &[
        SparkFunction::new("to_json", &[Kind::Any, Kind::Text], text_result, |args| {
            let values = args.any(0)?;
            let nested = matches!(
                values.array().data_type(),
                DataType::Struct(_) | DataType::List(_) | DataType::Map(..) | DataType::Null
            );
            if !nested {
                return Err(DataFusionError::Execution(format!(
                    "to_json takes a struct, an array or a map, not a value of type {}; write \
                 to_json(struct(…))",
                    values.array().data_type()
                )));
            }
            let options = JsonOptions::read(args, 1, Direction::Write)?;
            let style = JsonStyle {
                zone: *args.zone(),
                options: &options,
            };
            let writer = JsonWriter::new(values.array(), style)?;
            args.texts(|row| {
                let row = values.position(row);
                if values.array().is_null(row) || values.array().data_type().is_null() {
                    return Ok(None);
                }
                let mut text = String::new();
                writer.write(row, &mut text)?;
                Ok(Some(text))
            })
        })
        .with_optional(1)
        .variadic(),
    ];

/// The texts of a column without quotes.
pub(super) fn write_column(
    array: &ArrayRef,
    zone: Zone,
    options: &JsonOptions,
) -> Result<StringArray> {
    let style = JsonStyle { zone, options };
    match JsonWriter::new(array, style)?.kind {
        WriterKind::Plain(texts) | WriterKind::Quoted(texts) => Ok(texts),
        WriterKind::Timestamp(pattern, zone) => {
            let times = to_timestamp(array, &Zone::UTC)?;
            let format = |time| {
                pattern
                    .format(time, zone)
                    .map_err(DataFusionError::Execution)
            };
            times
                .iter()
                .map(|time| time.map(format).transpose())
                .collect()
        }
        _ => write_texts(array, &zone),
    }
}

/// How values are written.
#[derive(Clone, Copy)]
struct JsonStyle<'a> {
    zone: Zone,
    options: &'a JsonOptions,
}

/// Writes the values of a column.
struct JsonWriter {
    array: ArrayRef,
    kind: WriterKind,
}

enum WriterKind {
    /// As it is printed.
    Plain(StringArray),
    Quoted(StringArray),
    Binary,
    Timestamp(Pattern, Zone),
    /// The fields, and whether those that are NULL are written.
    Struct(Vec<(String, JsonWriter)>, bool),
    List(Box<JsonWriter>),
    Map(StringArray, Box<JsonWriter>),
}

/// The texts of a map's keys; those of structs are in brackets.
fn write_keys(keys: &ArrayRef, zone: &Zone) -> Result<StringArray> {
    let texts = write_texts(keys, zone)?;
    if !matches!(keys.data_type(), DataType::Struct(_)) {
        return Ok(texts);
    }
    let inner = |text: &str| {
        let fields = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        format!("[{}]", fields.unwrap_or(text).replace(", ", ","))
    };
    Ok(texts.iter().map(|text| text.map(inner)).collect())
}

fn format_dates(dates: &ArrayRef, pattern: &Pattern) -> Result<StringArray> {
    let times = to_timestamp(dates, &Zone::UTC)?;
    let format = |time| {
        pattern
            .format(time, Zone::UTC)
            .map_err(DataFusionError::Execution)
    };
    times
        .iter()
        .map(|time| time.map(format).transpose())
        .collect()
}

impl JsonWriter {
    fn new(array: &ArrayRef, style: JsonStyle<'_>) -> Result<Self> {
        let zone = style.zone;
        let kind = match array.data_type() {
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let writers: Result<Vec<_>> = fields
                    .iter()
                    .zip(columns)
                    .map(|(field, column)| Ok((field.name().clone(), Self::new(column, style)?)))
                    .collect();
                WriterKind::Struct(writers?, style.options.keep_nulls)
            }
            DataType::List(_) => {
                let values = array.as_list::<i32>().values();
                WriterKind::List(Box::new(Self::new(values, style)?))
            }
            DataType::Map(..) => {
                let map = array.as_map();
                WriterKind::Map(
                    write_keys(map.keys(), &zone)?,
                    Box::new(Self::new(map.values(), style)?),
                )
            }
            DataType::Timestamp(TimeUnit::Microsecond, given) => {
                let (pattern, zone) = match given {
                    Some(_) => ("yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", zone),
                    None => ("yyyy-MM-dd'T'HH:mm:ss[.SSS]", Zone::UTC),
                };
                let pattern = match &style.options.timestamp_format {
                    Some(given) => given.clone(),
                    None => Pattern::to_format(pattern).map_err(DataFusionError::Execution)?,
                };
                WriterKind::Timestamp(pattern, zone)
            }
            DataType::Date32 => WriterKind::Quoted(match &style.options.date_format {
                Some(pattern) => format_dates(array, pattern)?,
                None => write_texts(array, &zone)?,
            }),
            DataType::Binary => WriterKind::Binary,
            DataType::Boolean => WriterKind::Plain(write_texts(array, &zone)?),
            DataType::Float32 | DataType::Float64 => WriterKind::Plain(write_texts(array, &zone)?),
            kind if kind.is_numeric() => WriterKind::Plain(write_texts(array, &zone)?),
            _ => WriterKind::Quoted(write_texts(array, &zone)?),
        };
        Ok(Self {
            array: array.clone(),
            kind,
        })
    }

    fn write(&self, row: usize, text: &mut String) -> Result<()> {
        if self.array.is_null(row) || self.array.data_type().is_null() {
            text.push_str("null");
            return Ok(());
        }
        match &self.kind {
            WriterKind::Plain(values) => {
                let value = values.value(row);
                // What is no number in JSON is text.
                if matches!(value, "NaN" | "Infinity" | "-Infinity") {
                    write_quoted(value, text);
                } else {
                    text.push_str(value);
                }
            }
            WriterKind::Quoted(values) => write_quoted(values.value(row), text),
            WriterKind::Binary => {
                write_quoted(
                    &STANDARD.encode(self.array.as_binary::<i32>().value(row)),
                    text,
                );
            }
            WriterKind::Timestamp(pattern, zone) => {
                let time = self
                    .array
                    .as_primitive::<TimestampMicrosecondType>()
                    .value(row);
                let formatted = pattern
                    .format(time, *zone)
                    .map_err(DataFusionError::Execution)?;
                write_quoted(&formatted, text);
            }
            WriterKind::Struct(fields, keep_nulls) => {
                text.push('{');
                let mut first = true;
                for (name, writer) in fields {
                    let is_null = writer.array.is_null(row) || writer.array.data_type().is_null();
                    if is_null && !keep_nulls {
                        continue;
                    }
                    if !first {
                        text.push(',');
                    }
                    first = false;
                    write_quoted(name, text);
                    text.push(':');
                    writer.write(row, text)?;
                }
                text.push('}');
            }
            WriterKind::List(elements) => {
                let list = self.array.as_list::<i32>();
                text.push('[');
                for (count, at) in
                    super::super::arrays::elements::element_range(list, row).enumerate()
                {
                    if count > 0 {
                        text.push(',');
                    }
                    elements.write(at, text)?;
                }
                text.push(']');
            }
            WriterKind::Map(keys, values) => {
                let offsets = self.array.as_map().value_offsets();
                let at = |row: usize| {
                    offsets
                        .get(row)
                        .and_then(|o| usize::try_from(*o).ok())
                        .unwrap_or(0)
                };
                text.push('{');
                for (count, entry) in (at(row)..at(row + 1)).enumerate() {
                    if count > 0 {
                        text.push(',');
                    }
                    write_quoted(keys.value(entry), text);
                    text.push(':');
                    values.write(entry, text)?;
                }
                text.push('}');
            }
        }
        Ok(())
    }
}
