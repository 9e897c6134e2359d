//! Places in a job file.

use sqlparser::tokenizer;

/// A place between two characters of a job file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters (not bytes, not display cells), counted from 1.
    pub column: u32,
}

impl Pos {
    /// The place at `line` and `column`, both counted from 1.
    pub const fn new(line: u32, column: u32) -> Self {
        Self { line, column }
    }
}

/// A stretch of a job file: `start` inclusive, `end` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: Pos,
    /// The place just behind its last character; equal to `start` for an empty stretch.
    pub end: Pos,
}

impl Span {
    /// The stretch from `start` to `end`.
    pub const fn new(start: Pos, end: Pos) -> Self {
        Self { start, end }
    }

    /// An empty stretch, such as the end of a statement where something is missing.
    pub const fn at(pos: Pos) -> Self {
        Self {
            start: pos,
            end: pos,
        }
    }

    /// From the beginning of `self` to the end of `other`.
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The place of a sqlparser AST node; `None` when the node has lost it
    /// (sqlparser marks that by line 0).
    pub fn from_sqlparser(span: tokenizer::Span) -> Option<Self> {
        let pos = |location: tokenizer::Location| {
            let line = u32::try_from(location.line).ok()?;
            let column = u32::try_from(location.column).ok()?;
            (line > 0 && column > 0).then_some(Pos { line, column })
        };
        Some(Self {
            start: pos(span.start)?,
            end: pos(span.end)?,
        })
    }

    /// The same stretch in sqlparser's terms.
    pub fn to_sqlparser(self) -> tokenizer::Span {
        let location =
            |pos: Pos| tokenizer::Location::new(u64::from(pos.line), u64::from(pos.column));
        tokenizer::Span::new(location(self.start), location(self.end))
    }
}

/// A value together with the place where the file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}
