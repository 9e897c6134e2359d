//! Positions and spans in a job file.

use sqlparser::tokenizer;

/// A position between two characters of a job file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Counted from 1.
    pub line: u32,
    /// In characters (not bytes, not display cells), counted from 1.
    pub column: u32,
}

impl Position {
    /// Both are counted from 1.
    pub const fn new(line: u32, column: u32) -> Self {
        Self { line, column }
    }
}

/// A range of a job file: `start` inclusive, `end` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub start: Position,
    /// The position after its last character; equal to `start` for an empty span.
    pub end: Position,
}

impl Span {
    pub const fn new(start: Position, end: Position) -> Self {
        Self { start, end }
    }

    /// An empty span, such as the end of a statement where something is missing.
    pub const fn empty_at(pos: Position) -> Self {
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

    /// The span of a sqlparser AST node; `None` if the node has none (sqlparser
    /// marks that with line 0).
    pub fn from_sqlparser(span: tokenizer::Span) -> Option<Self> {
        let pos = |location: tokenizer::Location| {
            let line = u32::try_from(location.line).ok()?;
            let column = u32::try_from(location.column).ok()?;
            (line > 0 && column > 0).then_some(Position { line, column })
        };
        Some(Self {
            start: pos(span.start)?,
            end: pos(span.end)?,
        })
    }

    /// The span of a node that sqlparser read from the file; the file's beginning if
    /// the node has none.
    pub(crate) fn of_node(span: tokenizer::Span) -> Self {
        Self::from_sqlparser(span).unwrap_or(Self::empty_at(Position::new(1, 1)))
    }

    /// The same span as sqlparser's type.
    pub fn to_sqlparser(self) -> tokenizer::Span {
        let location =
            |pos: Position| tokenizer::Location::new(u64::from(pos.line), u64::from(pos.column));
        tokenizer::Span::new(location(self.start), location(self.end))
    }
}

/// A value with its span in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}
