//! Reads records for the types of their values: the columns that a source without
//! declared ones has.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use serde_json::Value as Json;
use sluice_ndjson::{
    DecodeError, DecodeOptions, DecodeStats, DecoderOutput, FileContext, FileDecoder, InferredType,
    Mode, NewFields, SchemaError, check_field_count, type_batch, type_of_integer, type_schema,
};
use sluice_values::TimeZone;

use crate::decoder::{CsvDecoder, CsvOptions};
use crate::record::name_beyond;
use crate::values::convert;

/// The column with the texts of a record, as JSON.
const TEXTS: &str = "texts";

/// Reads separated values for the types of their columns, and gives one row in the end
/// ([`type_schema`]) with the columns in the order of the file. As in Spark, they are those
/// of its first record: with a header their names, otherwise `_c0`, `_c1`, …. In a part of a
/// file that is not its beginning, all values of a record are columns without a name.
///
/// A file is read by a decoder without columns, for which every value is beyond them.
#[derive(Debug)]
pub struct CsvTypeDecoder {
    schema: SchemaRef,
    inner: CsvDecoder,
    time_zone: TimeZone,
    has_header: bool,
    /// Whether the next record is the first one of the file.
    is_beginning: bool,
    /// The names of the columns, when the first record was read.
    names: Option<Vec<String>>,
    found: Vec<InferredType>,
    is_done: bool,
}

impl CsvTypeDecoder {
    /// A reader of `file`, and of no other: names are those of its header.
    ///
    /// # Errors
    /// As [`CsvDecoder::new`].
    pub fn new(
        (mode, max_line_bytes): (Mode, usize),
        csv: CsvOptions,
        time_zone: TimeZone,
        file: FileContext,
    ) -> Result<Self, SchemaError> {
        let texts = Schema::new(vec![Field::new(TEXTS, DataType::Utf8, true)]);
        let mut options = DecodeOptions::new(Arc::new(texts));
        options.declared = Some(Arc::new(Schema::empty()));
        options.mode = mode;
        options.max_line_bytes = max_line_bytes;
        options.new_fields = NewFields::Rescued;
        options.rescued = Some(0);
        let has_header = csv.header;
        // The header is a record, and its values are the names.
        let csv = CsvOptions {
            header: false,
            ..csv
        };
        Ok(Self {
            schema: type_schema(),
            has_header,
            is_beginning: file.offset == 0,
            inner: CsvDecoder::new(&options, csv, file)?,
            time_zone,
            names: None,
            found: Vec::new(),
            is_done: false,
        })
    }

    fn read_batch(&mut self, batch: &RecordBatch) -> Result<(), DecodeError> {
        let texts = batch.column(0).as_string::<i32>();
        for row in (0..texts.len()).filter(|row| !texts.is_null(*row)) {
            let record = serde_json::from_str(texts.value(row)).unwrap_or_default();
            self.read_record(&record);
        }
        let found = self.found.iter().cloned().map(|of| (String::new(), of));
        check_field_count(&InferredType::Struct(found.collect()), self.inner.file())
    }

    /// Takes the values of a record, which are texts or null, under the names of values that
    /// no column is declared for.
    fn read_record(&mut self, record: &serde_json::Map<String, Json>) {
        let values = || (0..).map_while(|index| record.get(&name_beyond(index)));
        if std::mem::take(&mut self.is_beginning) {
            let names = values().enumerate().map(|(index, name)| match name {
                Json::String(name) if self.has_header && !name.trim().is_empty() => name.clone(),
                _ => name_beyond(index),
            });
            self.names = Some(number_repeated(&names.collect::<Vec<_>>()));
            if self.has_header {
                return;
            }
        }
        let width = self.names.as_ref().map_or(usize::MAX, Vec::len);
        for (index, value) in values().take(width).enumerate() {
            if self.found.len() == index {
                self.found.push(InferredType::Null);
            }
            if let (Json::String(text), Some(found)) = (value, self.found.get_mut(index))
                && *found != InferredType::String
            {
                let known = std::mem::replace(found, InferredType::Null);
                *found = known.merge(type_of_text(text, self.time_zone));
            }
        }
    }

    /// The names and types, in the order of the file.
    fn take_found(&mut self) -> InferredType {
        let mut found = std::mem::take(&mut self.found);
        let names = match self.names.take() {
            Some(names) => names,
            None => vec![String::new(); found.len()],
        };
        found.resize(names.len(), InferredType::Null);
        InferredType::Struct(names.into_iter().zip(found).collect())
    }
}

/// Names that occur several times get the number of their column, as in Spark.
fn number_repeated(names: &[String]) -> Vec<String> {
    let is_repeated = |name: &String| {
        let same = |other: &&String| other.to_lowercase() == name.to_lowercase();
        names.iter().filter(same).count() > 1
    };
    let numbered = names.iter().enumerate();
    numbered
        .map(|(index, name)| match is_repeated(name) {
            true => format!("{name}{index}"),
            false => name.clone(),
        })
        .collect()
}

/// The narrowest type that has this text as a value, as Spark's `CSVInferSchema` finds it.
/// A time that names no zone is in `time_zone`.
pub fn type_of_text(text: &str, time_zone: TimeZone) -> InferredType {
    let is = |data_type: DataType| convert(text.as_bytes(), &data_type, time_zone).is_some();
    if text.is_empty() {
        return InferredType::Null;
    }
    if is(DataType::Int32) {
        return InferredType::Int;
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = digits.strip_suffix('.').unwrap_or(digits);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = digits.trim_start_matches('0');
        let sign = if text.starts_with('-') { "-" } else { "" };
        return match type_of_integer(format!("{sign}{digits}").as_bytes()) {
            InferredType::Long if text.ends_with('.') => {
                let count = u8::try_from(digits.len().max(1)).unwrap_or(u8::MAX);
                InferredType::Decimal(count, 0)
            }
            of => of,
        };
    }
    if is(DataType::Float64) {
        InferredType::Double
    } else if is_plain_date(text) && is(DataType::Date32) {
        InferredType::Date
    } else if is(timestamp_type()) {
        InferredType::Timestamp
    } else if is(DataType::Boolean) {
        InferredType::Boolean
    } else {
        InferredType::String
    }
}

/// `2024-01-31`: what is read as a date in another form, such as `2024-1`, or with a time,
/// is a timestamp.
fn is_plain_date(text: &str) -> bool {
    let dashes = |(index, byte): (usize, u8)| (byte == b'-') == (index == 4 || index == 7);
    text.len() == 10 && text.bytes().enumerate().all(dashes)
}

/// An instant, as sources declare it.
fn timestamp_type() -> DataType {
    DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()))
}

impl FileDecoder for CsvTypeDecoder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn stats(&self) -> DecodeStats {
        self.inner.stats()
    }

    fn file(&self) -> &FileContext {
        self.inner.file()
    }

    fn push_chunk(&mut self, chunk: Bytes) {
        self.inner.push_chunk(chunk);
    }

    fn end_file(&mut self) {
        self.inner.end_file();
    }

    fn next_file(&mut self, file: FileContext) {
        // Before the first chunk it says where in the file that is.
        self.is_beginning = file.offset == 0;
        self.inner.next_file(file);
    }

    fn end_input(&mut self) {
        self.inner.end_input();
    }

    fn set_base_line(&mut self, line_feeds: u64) {
        self.inner.set_base_line(line_feeds);
    }

    fn next_batch(&mut self) -> Result<DecoderOutput, DecodeError> {
        loop {
            match self.inner.next_batch()? {
                DecoderOutput::Batch(batch) => self.read_batch(&batch)?,
                DecoderOutput::Done if !self.is_done => {
                    self.is_done = true;
                    let found = self.take_found();
                    // Which values a record has is known with the columns only.
                    let batch = type_batch(&found, false, self.inner.file())?;
                    return Ok(DecoderOutput::Batch(batch));
                }
                other => return Ok(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::CsvSyntax;

    fn types_of(text: &str, header: bool) -> String {
        let csv = CsvOptions {
            header,
            syntax: CsvSyntax {
                delimiter: b',',
                quote: Some(b'"'),
                escape: Some(b'\\'),
                multi_line: false,
                trim_leading: false,
                trim_trailing: false,
            },
            null_value: String::new(),
            comment: None,
        };
        let file = FileContext::new("a.csv", 0);
        let mode = (Mode::Permissive, 1000);
        let mut decoder = CsvTypeDecoder::new(mode, csv, TimeZone::UTC, file).unwrap();
        for chunk in text.as_bytes().chunks(5) {
            decoder.push_chunk(Bytes::copy_from_slice(chunk));
        }
        decoder.end_input();
        let DecoderOutput::Batch(batch) = decoder.next_batch().unwrap() else {
            panic!("no row");
        };
        assert_eq!(decoder.next_batch().unwrap(), DecoderOutput::Done);
        batch.column(0).as_string::<i32>().value(0).to_owned()
    }

    #[test]
    fn columns_have_the_names_of_the_header_and_the_types_of_all_values() {
        let text = "id,Name,at,day,x,x,\n1,a,2024-01-01 10:00:00,2024-01-01,1.5,,\n3000000000,,2024-01-02,2024-01-02,2,true,9\n";
        assert_eq!(
            types_of(text, true),
            concat!(
                r#"{"struct":[["id","long"],["Name","string"],["at","timestamp"],["day","date"],"#,
                r#"["x4","double"],["x5","boolean"],["_c6","int"]]}"#
            )
        );
    }

    #[test]
    fn without_a_header_columns_are_numbered() {
        // The first record says how many there are.
        let text = "1,x\n2,\"3\",2024-01-01\n3\n";
        assert_eq!(
            types_of(text, false),
            r#"{"struct":[["_c0","int"],["_c1","string"]]}"#
        );
    }

    #[test]
    fn texts_have_the_narrowest_type() {
        let of = |text: &str| type_of_text(text, TimeZone::UTC);
        assert_eq!(of("+7"), InferredType::Int);
        assert_eq!(of("-3000000000"), InferredType::Long);
        assert_eq!(of("12345678901234567890"), InferredType::Decimal(20, 0));
        assert_eq!(of("1e3"), InferredType::Double);
        assert_eq!(of("NaN"), InferredType::Double);
        assert_eq!(of("TRUE"), InferredType::Boolean);
        assert_eq!(of("2024-01-01T10:00:00Z"), InferredType::Timestamp);
        assert_eq!(of("2024-01-01"), InferredType::Date);
        assert_eq!(of("2024-1-2"), InferredType::Timestamp);
        assert_eq!(of("5."), InferredType::Decimal(1, 0));
        assert_eq!(of("x"), InferredType::String);
    }
}
