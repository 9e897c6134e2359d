//! Errors and diagnostics.

use serde::Serialize;

use super::names::{ErrorKind, Severity};
use super::optional_text;
use crate::v1;

/// Why a job was refused, or why it ended without success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobError {
    pub kind: ErrorKind,
    /// The exit code of `submit-job`.
    pub exit_code: u8,
    pub message: String,
    /// What to do about it.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_step: Option<String>,
    pub diagnostics: Vec<Diagnostic>,
}

impl From<&v1::JobError> for JobError {
    fn from(error: &v1::JobError) -> Self {
        Self {
            kind: error.kind().into(),
            exit_code: error.kind().exit_code(),
            message: error.message.clone(),
            next_step: optional_text(&error.next_step),
            diagnostics: diagnostics(&error.diagnostics),
        }
    }
}

/// Why a job ended without success, in one line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorSummary {
    pub kind: ErrorKind,
    pub message: String,
}

impl From<&v1::JobError> for ErrorSummary {
    fn from(error: &v1::JobError) -> Self {
        Self {
            kind: error.kind().into(),
            message: error.message.clone(),
        }
    }
}

/// One error, warning or note about a job file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Diagnostic {
    /// Such as `E0103`.
    pub code: String,
    pub severity: Severity,
    pub message: String,
    /// The name of the job file as the client gave it.
    pub file: String,
    /// Null when it concerns the whole file.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub span: Option<Span>,
    /// The text under the caret.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub label: Option<String>,
    /// How to fix it.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub help: Option<String>,
    pub notes: Vec<String>,
    /// The whole diagnostic with source line and caret.
    pub rendered: String,
}

impl From<&v1::Diagnostic> for Diagnostic {
    fn from(diagnostic: &v1::Diagnostic) -> Self {
        Self {
            code: diagnostic.code.clone(),
            severity: diagnostic.severity().into(),
            message: diagnostic.message.clone(),
            file: diagnostic.file.clone(),
            span: diagnostic.span.as_ref().map(Span::from),
            label: diagnostic.label.clone(),
            help: diagnostic.help.clone(),
            notes: diagnostic.notes.clone(),
            rendered: diagnostic.rendered.clone(),
        }
    }
}

pub(super) fn diagnostics(diagnostics: &[v1::Diagnostic]) -> Vec<Diagnostic> {
    diagnostics.iter().map(Diagnostic::from).collect()
}

/// A range of a text. Lines and columns count from 1, columns in characters; the end
/// is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Span {
    pub start_line: u32,
    pub start_column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

impl From<&v1::Span> for Span {
    fn from(span: &v1::Span) -> Self {
        Self {
            start_line: span.start_line,
            start_column: span.start_column,
            end_line: span.end_line,
            end_column: span.end_column,
        }
    }
}
