//! What can be wrong inside a record.

use crate::lex;
use crate::place::Place;

/// Why a value was not appended; the details are in [`Cx`]. It is one byte, so
/// that results are returned in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The line is not JSON: the whole record is lost.
    Broken,
    /// The value does not fit the type. It was skipped ([`Cx::next`]), and
    /// nothing was appended.
    Conflict,
    /// The value is null. It was skipped, and nothing was appended.
    Null,
}

/// The index after what was read.
pub(crate) type Step = Result<usize, Fault>;

/// The first thing that does not fit in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) reason: String,
}

/// The state that all readers of a record share.
#[derive(Debug, Default)]
pub(crate) struct Cx {
    /// Where the line is broken, and why.
    pub(crate) broken: (usize, &'static str),
    /// The index after the value that is null or in conflict.
    pub(crate) next: usize,
    /// Text of strings with escapes.
    pub(crate) scratch: Vec<u8>,
    /// Set if the record does not fit.
    pub(crate) flaw: Option<Flaw>,
    /// Whether [`Flaw::reason`] is needed.
    pub(crate) describe: bool,
}

impl Cx {
    /// Records that the line is broken at `at`, and fails.
    #[cold]
    pub(crate) fn broken<T>(&mut self, at: usize, why: &'static str) -> Result<T, Fault> {
        self.broken = (at, why);
        Err(Fault::Broken)
    }

    /// Records that the value in `buf[at..next]` does not fit the field.
    #[cold]
    pub(crate) fn conflict(&mut self, buf: &[u8], at: usize, next: usize, place: &Place) -> Fault {
        self.next = next;
        let text = lex::slice(buf, at..next);
        self.flaw(at, || {
            let (path, expected) = (&place.path, &place.expected);
            format!("field {path}: expected {expected}, found {}", excerpt(text))
        });
        Fault::Conflict
    }

    /// Records that a field that was declared NOT NULL has no value.
    #[cold]
    pub(crate) fn null_violation(&mut self, at: usize, place: &Place) {
        self.flaw(at, || {
            format!(
                "field {} is null or missing but declared NOT NULL",
                place.path
            )
        });
    }

    fn flaw(&mut self, at: usize, reason: impl FnOnce() -> String) {
        if self.flaw.is_none() {
            let reason = if self.describe {
                reason()
            } else {
                String::new()
            };
            self.flaw = Some(Flaw { at, reason });
        }
    }
}

/// A value as messages show it: cut if it is long.
fn excerpt(text: &[u8]) -> String {
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
