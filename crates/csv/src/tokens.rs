//! Finds the fields of a record.

use std::ops::Range;

use memchr::{memchr2, memchr3};
use serde::{Deserialize, Serialize};

/// How records are written. All characters are ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvSyntax {
    pub delimiter: u8,
    /// Around values that contain a delimiter; a quote in such a value is
    /// doubled. `None` when nothing is quoted.
    pub quote: Option<u8>,
    /// In quoted values: before a quote, or before itself. `None` when quotes are
    /// only doubled.
    pub escape: Option<u8>,
    /// Whether quoted values may contain line ends.
    pub multi_line: bool,
    /// Whether white space around values without quotes is removed.
    pub trim_leading: bool,
    pub trim_trailing: bool,
}

impl CsvSyntax {
    /// Whether every line feed ends a record, so that reading can begin in the
    /// middle of a file.
    pub fn line_feeds_end_records(&self) -> bool {
        self.quote.is_none() || !self.multi_line
    }
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Where its text is.
    text: FieldText,
    pub(crate) quoted: bool,
    /// The index of its first byte, quote included.
    pub(crate) start: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FieldText {
    /// In the buffer.
    Plain(Range<usize>),
    /// In [`Fields::unescaped`].
    Unescaped(Range<usize>),
}

/// The fields of the current record.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) fields: Vec<Field>,
    /// The text of values with escapes.
    unescaped: Vec<u8>,
}

impl Fields {
    pub(crate) fn text<'a>(&'a self, field: &Field, buf: &'a [u8]) -> &'a [u8] {
        match &field.text {
            FieldText::Plain(range) => buf.get(range.clone()),
            FieldText::Unescaped(range) => self.unescaped.get(range.clone()),
        }
        .unwrap_or_default()
    }
}

/// What is at the start of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// A record, with the index after its line end.
    Complete { end: usize },
    /// The record may continue in the next bytes.
    Unfinished,
    /// Quotes do not match: at which index, and why.
    Broken { at: usize, reason: &'static str },
}

/// Reads the record at the start of `buf`. `complete`: nothing follows `buf`.
pub(crate) fn read_record(
    syntax: &CsvSyntax,
    buf: &[u8],
    complete: bool,
    into: &mut Fields,
) -> Record {
    into.fields.clear();
    into.unescaped.clear();
    let mut pos = 0;
    loop {
        let after = match read_field(syntax, buf, pos, complete, into) {
            Ok(after) => after,
            Err(stop) => return stop,
        };
        match buf.get(after) {
            Some(byte) if *byte == syntax.delimiter => pos = after + 1,
            Some(b'\r') if buf.get(after + 1) == Some(&b'\n') => {
                return Record::Complete { end: after + 2 };
            }
            // A line feed may follow in the next bytes.
            Some(b'\r') if after + 1 == buf.len() && !complete => return Record::Unfinished,
            Some(_) => return Record::Complete { end: after + 1 },
            None if complete => return Record::Complete { end: after },
            None => return Record::Unfinished,
        }
    }
}

/// Reads the field at `pos`; returns the index of the delimiter or line end after
/// it, or the length of the buffer.
fn read_field(
    syntax: &CsvSyntax,
    buf: &[u8],
    pos: usize,
    complete: bool,
    into: &mut Fields,
) -> Result<usize, Record> {
    let first = if syntax.trim_leading {
        skip_blanks(syntax, buf, pos)
    } else {
        pos
    };
    match syntax.quote {
        Some(quote) if buf.get(first) == Some(&quote) => {
            read_quoted(syntax, quote, buf, first, complete, into)
        }
        _ => {
            let rest = buf.get(pos..).unwrap_or_default();
            let end =
                memchr3(syntax.delimiter, b'\r', b'\n', rest).map_or(buf.len(), |at| pos + at);
            let start = first.min(end);
            let mut text_end = end;
            if syntax.trim_trailing {
                while text_end > start && matches!(buf.get(text_end - 1), Some(b' ' | b'\t')) {
                    text_end -= 1;
                }
            }
            into.fields.push(Field {
                text: FieldText::Plain(start..text_end),
                quoted: false,
                start,
            });
            Ok(end)
        }
    }
}

fn skip_blanks(syntax: &CsvSyntax, buf: &[u8], mut pos: usize) -> usize {
    while let Some(b' ' | b'\t') = buf.get(pos)
        && buf.get(pos) != Some(&syntax.delimiter)
    {
        pos += 1;
    }
    pos
}

fn read_quoted(
    syntax: &CsvSyntax,
    quote: u8,
    buf: &[u8],
    open: usize,
    complete: bool,
    into: &mut Fields,
) -> Result<usize, Record> {
    let unclosed = || {
        if complete {
            Record::Broken {
                at: open,
                reason: "the quote is not closed",
            }
        } else {
            Record::Unfinished
        }
    };
    let escape = syntax.escape.filter(|escape| *escape != quote);
    let unescaped_start = into.unescaped.len();
    // The part of the value that was not copied yet.
    let mut copied = open + 1;
    let mut pos = open + 1;
    let close = loop {
        let rest = buf.get(pos..).unwrap_or_default();
        let found = memchr2(quote, escape.unwrap_or(quote), rest).map(|at| pos + at);
        if !syntax.multi_line
            && let Some(line_end) = memchr2(b'\n', b'\r', rest).map(|at| pos + at)
            && found.is_none_or(|found| line_end < found)
        {
            return Err(Record::Broken {
                at: open,
                reason: "the line ends inside quotes, and the option multi_line is false",
            });
        }
        let Some(found) = found else {
            return Err(unclosed());
        };
        let next = buf.get(found + 1).copied();
        if next.is_none() && !complete {
            return Err(Record::Unfinished);
        }
        match (buf.get(found) == Some(&quote), next) {
            // A doubled quote, or an escaped quote or escape.
            (true, Some(next)) if next == quote => {}
            (false, Some(next)) if next == quote || Some(next) == escape => {}
            (true, _) => break found,
            // An escape before anything else stands for itself.
            (false, _) => {
                pos = found + 1;
                continue;
            }
        }
        let before = buf.get(copied..found).unwrap_or_default();
        into.unescaped.extend_from_slice(before);
        copied = found + 1;
        pos = found + 2;
    };
    let text = if copied == open + 1 {
        FieldText::Plain(copied..close)
    } else {
        let rest = buf.get(copied..close).unwrap_or_default();
        into.unescaped.extend_from_slice(rest);
        FieldText::Unescaped(unescaped_start..into.unescaped.len())
    };
    into.fields.push(Field {
        text,
        quoted: true,
        start: open,
    });
    let after = skip_blanks(syntax, buf, close + 1);
    match buf.get(after) {
        None if complete => Ok(after),
        None => Err(Record::Unfinished),
        Some(byte) if matches!(byte, b'\r' | b'\n') || *byte == syntax.delimiter => Ok(after),
        Some(_) => Err(Record::Broken {
            at: after,
            reason: "text follows the closing quote of a value",
        }),
    }
}

/// The index after the first line end, and the length of the line before it;
/// `None` when there is no line end, or only the first half of one.
pub(crate) fn find_line_end(buf: &[u8], complete: bool) -> Option<(usize, usize)> {
    match memchr2(b'\n', b'\r', buf) {
        Some(at) if buf.get(at) == Some(&b'\n') => Some((at, at + 1)),
        Some(at) => match buf.get(at + 1) {
            Some(b'\n') => Some((at, at + 2)),
            None if !complete => None,
            _ => Some((at, at + 1)),
        },
        None => complete.then_some((buf.len(), buf.len())),
    }
}
