//! The text of a job file: decoding, and conversion between offsets and
//! positions.

use std::sync::Arc;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::span::{Position, Span};

/// The largest job file, in bytes. Job files are written by people; a larger
/// one is another file, passed by mistake.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The bytes of a job file as text, without a byte-order mark.
///
/// # Errors
/// The file is too large, or not UTF-8; the error has the position of the first
/// bad byte.
pub fn decode_job_file(file_name: &str, bytes: &[u8]) -> Result<String, Diagnostics> {
    if let Some(problem) = too_large_error(bytes.len()) {
        return Err(Diagnostics::from(problem).finish_for_file(file_name));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
            let diagnostic = Diagnostic::error(codes::BAD_CHARACTER, "the file is not UTF-8 text")
                .with_span(Span::empty_at(Position::new(to_u32(line), to_u32(column))))
                .with_label("the first byte that is not UTF-8")
                .with_help("save the file as UTF-8");
            Err(Diagnostics::from(diagnostic).finish_for_file(file_name))
        }
    }
}

fn too_large_error(bytes: usize) -> Option<Diagnostic> {
    (bytes > MAX_FILE_BYTES).then(|| {
        Diagnostic::error(
            codes::FILE_TOO_LARGE,
            format!("the job file has {bytes} bytes, at most {MAX_FILE_BYTES} are read"),
        )
        .with_help("check that this is a job file; split it into several jobs if it is")
    })
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A text with an index of its lines.
#[derive(Debug, Clone)]
pub(crate) struct SourceText {
    text: Arc<str>,
    /// Byte offset of each line's first character.
    line_starts: Vec<usize>,
}

impl SourceText {
    /// Removes a byte-order mark. Fails on text that is too large or contains NUL.
    pub(crate) fn new(text: &str) -> Result<Self, Box<Diagnostic>> {
        if let Some(problem) = too_large_error(text.len()) {
            return Err(Box::new(problem));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(i, _)| i + 1))
            .collect();
        let source = Self {
            text: Arc::from(text),
            line_starts: lines,
        };
        if let Some(offset) = text.find('\0') {
            let pos = source.position_at(offset);
            let end = Position::new(pos.line, pos.column + 1);
            return Err(Box::new(
                Diagnostic::error(codes::BAD_CHARACTER, "the file contains a NUL character")
                    .with_span(Span::new(pos, end))
                    .with_help("check that this is a text file in UTF-8 (not UTF-16)"),
            ));
        }
        Ok(source)
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The position of the character at byte `offset`.
    fn position_at(&self, offset: usize) -> Position {
        let line = self
            .line_starts
            .partition_point(|start| *start <= offset)
            .max(1)
            - 1;
        let start = self.line_starts.get(line).copied().unwrap_or(0);
        let column = self
            .text
            .get(start..offset)
            .map_or(0, |s| s.chars().count());
        Position::new(to_u32(line + 1), to_u32(column + 1))
    }

    /// The byte offset of a position; the text's end for positions after it.
    fn offset_of(&self, pos: Position) -> usize {
        let line = usize::try_from(pos.line).unwrap_or(usize::MAX);
        let Some(start) = self.line_starts.get(line.saturating_sub(1)) else {
            return self.text.len();
        };
        let column = usize::try_from(pos.column).unwrap_or(usize::MAX);
        self.text[*start..]
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(self.text.len(), |(i, _)| start + i)
    }

    pub(crate) fn text_of(&self, span: Span) -> &str {
        let (start, end) = (self.offset_of(span.start), self.offset_of(span.end));
        self.text.get(start..end).unwrap_or("")
    }

    /// The characters of a span with their positions.
    pub(crate) fn chars_with_positions(&self, span: Span) -> Vec<(Position, char)> {
        let mut pos = span.start;
        self.text_of(span)
            .chars()
            .map(|c| {
                let here = pos;
                if c == '\n' {
                    pos = Position::new(pos.line + 1, 1);
                } else {
                    pos.column += 1;
                }
                (here, c)
            })
            .collect()
    }

    /// The position after the last character.
    pub(crate) fn end_position(&self) -> Position {
        self.position_at(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_offsets_agree() {
        let source = SourceText::new("ab\r\ncäd\n\nx").unwrap();
        for (i, _) in source.text().char_indices() {
            assert_eq!(source.offset_of(source.position_at(i)), i, "byte {i}");
        }
        assert_eq!(source.end_position(), Position::new(4, 2));
        let span = Span::new(Position::new(2, 2), Position::new(2, 4));
        assert_eq!(source.text_of(span), "äd");
    }

    #[test]
    fn bytes_that_are_not_utf8_have_a_place() {
        let error = decode_job_file("j.sql", b"SELECT 1;\n -- \xff").unwrap_err();
        let first = error.iter().next().unwrap();
        assert_eq!(first.code, codes::BAD_CHARACTER);
        assert_eq!(first.span.unwrap().start, Position::new(2, 5));
    }

    #[test]
    fn marks_are_dropped_and_size_is_bounded() {
        assert_eq!(decode_job_file("j", "\u{feff}x".as_bytes()).unwrap(), "x");
        let big = vec![b' '; MAX_FILE_BYTES + 1];
        let error = decode_job_file("j", &big).unwrap_err();
        assert_eq!(error.iter().next().unwrap().code, codes::FILE_TOO_LARGE);
    }

    #[test]
    fn nul_is_refused_where_it_is() {
        let error = SourceText::new("a\nb\0").unwrap_err();
        assert_eq!(error.span.unwrap().start, Position::new(2, 2));
    }
}
