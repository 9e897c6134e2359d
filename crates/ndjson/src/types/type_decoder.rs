//! Reads records for their types: the columns that a source without declared ones has.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;

use crate::decoder::DecoderOutput;
use crate::error::DecodeError;
use crate::lines::line_inputs::{LineInputs, NextPiece};
use crate::lines::line_splitter::Piece;
use crate::options::{DecodeStats, FileContext, Mode};
use crate::record::{self, LineKind};
use crate::scan::FileDecoder;
use crate::types::inferred_type::InferredType;
use crate::types::type_reader::TypeReader;
use crate::values::read_error::ReadContext;

/// More fields are no columns, but keys of a map.
const MAX_FIELDS: usize = 10_000;

/// The columns of what a reader of types gives: one row for what it has read.
///
/// `type` is an [`InferredType`] as JSON, and `has_malformed` says whether a record was
/// broken.
pub fn type_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("type", DataType::Utf8, false),
        Field::new("has_malformed", DataType::Boolean, false),
    ]))
}

/// The row of what was found; see [`type_schema`].
///
/// # Errors
/// When Arrow refuses the batch: a fault of this crate.
pub fn type_batch(
    found: &InferredType,
    has_malformed: bool,
    file: &FileContext,
) -> Result<RecordBatch, DecodeError> {
    let text = serde_json::to_string(found).unwrap_or_default();
    RecordBatch::try_new(
        type_schema(),
        vec![
            Arc::new(StringArray::from(vec![text])),
            Arc::new(BooleanArray::from(vec![has_malformed])),
        ],
    )
    .map_err(|source| DecodeError::Batch {
        file: Arc::clone(&file.path),
        source,
    })
}

/// Checks that a type has no more fields than a table can have columns.
///
/// # Errors
/// When it has.
pub fn check_field_count(found: &InferredType, file: &FileContext) -> Result<(), DecodeError> {
    let fields = found.count_fields();
    if fields <= MAX_FIELDS {
        return Ok(());
    }
    Err(DecodeError::TooManyFields {
        file: Arc::clone(&file.path),
        fields,
        limit: MAX_FIELDS,
    })
}

/// Reads newline-delimited JSON for the type of its records. It takes chunks of bytes as
/// [`Decoder`](crate::Decoder) does, and gives one row in the end.
#[derive(Debug)]
pub struct TypeDecoder {
    schema: SchemaRef,
    mode: Mode,
    max_line_bytes: usize,
    lines: LineInputs,
    file: FileContext,
    base_line: Option<u64>,
    file_lines: u64,
    offset: u64,
    reader: TypeReader,
    has_malformed: bool,
    context: ReadContext,
    stats: DecodeStats,
    is_done: bool,
}

impl TypeDecoder {
    /// A reader that begins with `file`.
    pub fn new(mode: Mode, max_line_bytes: usize, file: FileContext) -> Self {
        Self {
            schema: type_schema(),
            mode,
            max_line_bytes,
            lines: LineInputs::new(max_line_bytes),
            base_line: (file.offset == 0).then_some(0),
            file_lines: 0,
            offset: file.offset,
            file,
            reader: TypeReader::new(),
            has_malformed: false,
            context: ReadContext::default(),
            stats: DecodeStats::default(),
            is_done: false,
        }
    }

    /// Reads a piece; `false` when it must be read again once the base line is known.
    fn read_piece(&mut self, piece: Piece) -> Result<bool, DecodeError> {
        match piece {
            Piece::Lines { mut bytes, unended } => {
                let mut at = 0;
                let is_read = self.read_lines(&bytes, &mut at)?;
                if !is_read {
                    let _ = bytes.split_to(at);
                    self.lines.put_back(Piece::Lines { bytes, unended });
                }
                if is_read && unended {
                    self.offset -= 1;
                    self.stats.bytes -= 1;
                }
                return Ok(is_read);
            }
            Piece::LongLine { excerpt } => {
                let limit = self.max_line_bytes;
                let reason = || format!("the line is longer than {limit} bytes");
                let is_read = self.take_malformed(0, reason)?;
                if !is_read {
                    self.lines.put_back(Piece::LongLine { excerpt });
                }
                return Ok(is_read);
            }
            Piece::Discarded { bytes, ended } => self.count_line(bytes, ended),
            Piece::NextFile(file) => {
                self.base_line = (file.offset == 0).then_some(0);
                self.file_lines = 0;
                self.offset = file.offset;
                self.file = file;
            }
        }
        Ok(true)
    }

    /// Reads the lines of `bytes` from `at` on, and sets `at` to the index after the last
    /// one that was read.
    fn read_lines(&mut self, bytes: &[u8], at: &mut usize) -> Result<bool, DecodeError> {
        while *at < bytes.len() {
            let start = *at + record::byte_order_mark(bytes, *at, self.offset);
            let (line, next) = record::read_line(&mut self.reader, bytes, start, &mut self.context);
            let next = match line {
                LineKind::Broken => record::skip_broken_line(bytes, start),
                LineKind::Blank | LineKind::Record => next,
            };
            let next = record::end_of_long_line(bytes, *at, next, self.max_line_bytes);
            let length = next - *at;
            if line == LineKind::Broken || length - 1 > self.max_line_bytes {
                let (broken_at, reason) = self.context.broken_at;
                let column = broken_at.max(start) - *at;
                if !self.take_malformed(column, || reason.to_owned())? {
                    return Ok(false);
                }
            }
            if std::mem::take(&mut self.reader.has_grown) {
                check_field_count(&self.reader.found, &self.file)?;
            }
            self.stats.blank += u64::from(line == LineKind::Blank);
            *at = next;
            self.count_line(length as u64, true);
        }
        Ok(true)
    }

    fn count_line(&mut self, bytes: u64, ended: bool) {
        self.offset += bytes;
        self.stats.bytes += bytes;
        self.stats.lines += u64::from(ended);
        self.file_lines += u64::from(ended);
    }

    /// Counts a malformed record, or fails in mode failfast; `false` when its line is not
    /// known.
    #[cold]
    fn take_malformed(
        &mut self,
        column: usize,
        reason: impl FnOnce() -> String,
    ) -> Result<bool, DecodeError> {
        match (self.mode, self.base_line) {
            (Mode::FailFast, None) => return Ok(false),
            (Mode::FailFast, Some(base_line)) => {
                return Err(DecodeError::Malformed {
                    file: Arc::clone(&self.file.path),
                    line: base_line + self.file_lines + 1,
                    offset: self.offset,
                    column: column as u64 + 1,
                    reason: reason(),
                });
            }
            (Mode::Permissive, _) => self.has_malformed = true,
            (Mode::DropMalformed, _) => self.stats.dropped += 1,
        }
        self.stats.malformed += 1;
        Ok(true)
    }
}

impl FileDecoder for TypeDecoder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn stats(&self) -> DecodeStats {
        self.stats
    }

    fn file(&self) -> &FileContext {
        &self.file
    }

    fn push_chunk(&mut self, chunk: Bytes) {
        self.lines.push_chunk(chunk);
    }

    fn end_file(&mut self) {
        self.lines.end_file();
    }

    fn next_file(&mut self, file: FileContext) {
        self.lines.next_file(file);
    }

    fn end_input(&mut self) {
        self.lines.end_input();
    }

    fn set_base_line(&mut self, line_feeds: u64) {
        self.base_line = Some(line_feeds);
    }

    fn next_batch(&mut self) -> Result<DecoderOutput, DecodeError> {
        loop {
            match self.lines.next_piece() {
                NextPiece::Piece(piece) => {
                    if !self.read_piece(piece)? {
                        return Ok(DecoderOutput::NeedBaseLine);
                    }
                }
                NextPiece::NeedInput => return Ok(DecoderOutput::NeedInput),
                NextPiece::Ended if self.is_done => return Ok(DecoderOutput::Done),
                NextPiece::Ended => {
                    self.is_done = true;
                    let batch = type_batch(&self.reader.found, self.has_malformed, &self.file)?;
                    self.stats.rows += 1;
                    return Ok(DecoderOutput::Batch(batch));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, mode: Mode) -> Result<(String, bool), DecodeError> {
        let mut decoder = TypeDecoder::new(mode, 1000, FileContext::new("a.json", 0));
        // Cut anywhere: lines span chunks.
        for chunk in text.as_bytes().chunks(7) {
            decoder.push_chunk(Bytes::copy_from_slice(chunk));
        }
        decoder.end_input();
        let DecoderOutput::Batch(batch) = decoder.next_batch()? else {
            panic!("no row");
        };
        assert_eq!(decoder.next_batch()?, DecoderOutput::Done);
        let types = batch.column(0).as_any().downcast_ref::<StringArray>();
        let malformed = batch.column(1).as_any().downcast_ref::<BooleanArray>();
        Ok((
            types.unwrap().value(0).to_owned(),
            malformed.unwrap().value(0),
        ))
    }

    fn types_of(text: &str) -> String {
        let (types, has_malformed) = read(text, Mode::FailFast).unwrap();
        assert!(!has_malformed);
        types
    }

    #[test]
    fn the_type_holds_all_records() {
        let text = concat!(
            "{\"b\": 1, \"a\": {\"x\": [1, null]}, \"n\": null}\n",
            "\n",
            "{\"a\": {\"x\": [2.5], \"y\": \"\"}, \"b\": 12345678901234567890}\n",
            "{\"c\": true, \"a\\u0062\": \"text\"}",
        );
        assert_eq!(
            types_of(text),
            concat!(
                r#"{"struct":[["a",{"struct":[["x",{"array":"double"}],["y","null"]]}],"#,
                r#"["ab","string"],["b",{"decimal":[20,0]}],["c","boolean"],["n","null"]]}"#,
            )
        );
    }

    #[test]
    fn what_is_equal_to_what_was_seen_changes_nothing() {
        let line = "{\"a\": 1.5, \"b\": [{\"c\": \"x\"}]}\n";
        let once = types_of(line);
        let other = "{\"b\": [{\"c\": null}, {}], \"a\": 3}\n";
        assert_eq!(types_of(&format!("{line}{other}{line}")), once);
        assert_eq!(types_of(&format!("{other}{line}")), once);
    }

    #[test]
    fn a_broken_record_leaves_no_field() {
        let text = "{\"a\": 1, \"z\": nope}\n{\"a\": 2}\n[1]\n{\"b\": \"\\q\"}\n";
        let (types, has_malformed) = read(text, Mode::Permissive).unwrap();
        assert_eq!(
            (types.as_str(), has_malformed),
            (r#"{"struct":[["a","long"]]}"#, true)
        );
        let (types, has_malformed) = read(text, Mode::DropMalformed).unwrap();
        assert_eq!(
            (types.as_str(), has_malformed),
            (r#"{"struct":[["a","long"]]}"#, false)
        );
        let error = read(text, Mode::FailFast).unwrap_err().to_string();
        assert!(error.starts_with("a.json, line 1, column 15"), "{error}");
    }

    #[test]
    fn what_is_too_deep_is_a_text() {
        let deep = format!("{{\"a\": {}1{}}}\n", "[".repeat(60), "]".repeat(60));
        let types = types_of(&deep);
        assert_eq!(types.matches("array").count(), 49, "{types}");
        assert_eq!(types_of(&format!("{deep}{deep}")), types);
    }

    #[test]
    fn keys_that_are_data_are_refused() {
        let members: Vec<String> = (0..MAX_FIELDS + 1)
            .map(|key| format!("\"{key}\":1"))
            .collect();
        let text = format!("{{{}}}\n", members.join(","));
        let mut decoder = TypeDecoder::new(Mode::FailFast, 1 << 20, FileContext::new("a.json", 0));
        decoder.push_chunk(Bytes::from(text));
        decoder.end_input();
        let error = decoder.next_batch().unwrap_err().to_string();
        assert!(error.contains("10001 fields"), "{error}");
    }
}
