//! What can be wrong inside a record.

use crate::values::field_label::FieldLabel;
use crate::values::lex::{self, StringText};

/// Why a value was not appended; the details are in [`ReadContext`]. It is one byte, so
/// that results are returned in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// The line is not JSON: the whole record is lost.
    Broken,
    /// The value does not fit the type. It was skipped ([`ReadContext::value_end`]), and
    /// nothing was appended.
    Conflict,
    /// The value is null. It was skipped, and nothing was appended.
    Null,
}

/// The index after what was read.
pub(crate) type ReadResult = Result<usize, ReadError>;

/// The first thing that does not fit in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) at: usize,
    pub(crate) reason: String,
}

/// The state that all readers of a record share.
#[derive(Debug, Default)]
pub(crate) struct ReadContext {
    /// Where the line is broken, and why.
    pub(crate) broken_at: (usize, &'static str),
    /// The index after the value that is null or in conflict.
    pub(crate) value_end: usize,
    /// Text of strings with escapes.
    pub(crate) scratch: Vec<u8>,
    /// Set if the record does not fit.
    pub(crate) misfit: Option<Misfit>,
    /// Whether [`Misfit::reason`] is needed.
    pub(crate) needs_reason: bool,
    /// Whether values that do not fit are kept elsewhere, so that they make no record
    /// malformed.
    pub(crate) rescues: bool,
    /// Set if the record has a field that is not declared, or, when they are rescued, a
    /// value that does not fit.
    pub(crate) has_unheld: bool,
    /// Whether [`Self::new_field`] is needed.
    pub(crate) needs_new_field: bool,
    /// The path of the first field that is not declared.
    pub(crate) new_field: Option<String>,
}

impl ReadContext {
    /// Records that the line is broken at `at`, and fails.
    #[cold]
    pub(crate) fn fail_broken<T>(&mut self, at: usize, why: &'static str) -> Result<T, ReadError> {
        self.broken_at = (at, why);
        Err(ReadError::Broken)
    }

    /// Records that the value in `buf[at..next]` does not fit the field.
    #[cold]
    pub(crate) fn record_conflict(
        &mut self,
        buf: &[u8],
        at: usize,
        next: usize,
        label: &FieldLabel,
    ) -> ReadError {
        self.value_end = next;
        if self.rescues {
            self.has_unheld = true;
            return ReadError::Conflict;
        }
        let text = buf.get(at..next).unwrap_or_default();
        self.record_misfit(at, || {
            let (path, expected) = (&label.path, &label.expected);
            format!(
                "field {path}: expected {expected}, found {}",
                shorten_value(text)
            )
        });
        ReadError::Conflict
    }

    /// Records that the object with this label has a field that is not declared; its key
    /// is after the white space and the comma at `pos`.
    #[cold]
    pub(crate) fn record_new_field(&mut self, buf: &[u8], pos: usize, label: &FieldLabel) {
        self.has_unheld = true;
        if !self.needs_new_field {
            return;
        }
        let mut at = lex::skip_space(buf, pos);
        if lex::byte_at(buf, at) == b',' {
            at = lex::skip_space(buf, at + 1);
        }
        let key = match lex::read_text(buf, at, self) {
            Ok((StringText::Plain(key), _)) => String::from_utf8_lossy(key).into_owned(),
            Ok((StringText::Scratch, _)) => String::from_utf8_lossy(&self.scratch).into_owned(),
            Err(_) => return,
        };
        let dot = if label.path.is_empty() { "" } else { "." };
        self.new_field = Some(format!(
            "{}{dot}{}",
            label.path,
            shorten_value(key.as_bytes())
        ));
    }

    /// Forgets what was found of the record before.
    #[inline(always)]
    pub(crate) fn forget_unheld(&mut self) {
        self.has_unheld = false;
        self.new_field = None;
    }

    /// Records that a field that was declared NOT NULL has no value.
    #[cold]
    pub(crate) fn record_null_violation(&mut self, at: usize, label: &FieldLabel) {
        self.record_misfit(at, || {
            format!(
                "field {} is null or missing but declared NOT NULL",
                label.path
            )
        });
    }

    fn record_misfit(&mut self, at: usize, reason: impl FnOnce() -> String) {
        if self.misfit.is_none() {
            let reason = if self.needs_reason {
                reason()
            } else {
                String::new()
            };
            self.misfit = Some(Misfit { at, reason });
        }
    }
}

/// A value as messages show it: cut if it is long.
fn shorten_value(text: &[u8]) -> String {
    const CHARACTERS: usize = 60;
    let start = text
        .get(..text.len().min(CHARACTERS * 4))
        .unwrap_or_default();
    let start = String::from_utf8_lossy(start);
    let mut excerpt: String = start.chars().take(CHARACTERS).collect();
    if excerpt.len() < text.len() {
        excerpt.push('…');
    }
    excerpt
}
