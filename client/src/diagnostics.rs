//! Converts diagnostics: from the client's own check of the job file to the
//! protobuf form that the scheduler sends, and from there to text.

use sluice_jobfile as jobfile;
use sluice_proto::v1::{Diagnostic, ErrorKind, JobError, Severity, Span};

/// The result of the client's own check, in the form in which the scheduler
/// reports it.
pub(crate) fn to_error(found: &jobfile::Diagnostics, text: &str) -> JobError {
    let errors = found.iter().filter(|found| found.is_error()).count();
    let file = found.iter().map(|found| found.file.as_str()).next();
    let message = match (errors, file.unwrap_or_default()) {
        (1, file) => format!("{file} has an error, nothing ran"),
        (errors, file) => format!("{file} has {errors} errors, nothing ran"),
    };
    let diagnostics = found.iter().map(|found| to_proto(found, text));
    JobError::new(ErrorKind::Invalid, message).with_diagnostics(diagnostics)
}

fn to_proto(found: &jobfile::Diagnostic, text: &str) -> Diagnostic {
    Diagnostic {
        code: found.code.to_string(),
        severity: match found.severity {
            jobfile::Severity::Error => Severity::Error,
            jobfile::Severity::Warning => Severity::Warning,
        }
        .into(),
        message: found.message.clone(),
        file: found.file.clone(),
        span: found.span.map(|span| Span {
            start_line: span.start.line,
            start_column: span.start.column,
            end_line: span.end.line,
            end_column: span.end.column,
        }),
        label: found.label.clone(),
        help: found.help.clone(),
        notes: found.notes.clone(),
        rendered: without_count(
            &jobfile::Diagnostics::from(found.clone()).render_snippets(text, false),
        ),
    }
}

fn from_proto(sent: &Diagnostic) -> jobfile::Diagnostic {
    let code = sent.code.clone();
    let message = sent.message.as_str();
    let mut found = match sent.severity() {
        Severity::Unspecified | Severity::Error => jobfile::Diagnostic::error(code, message),
        Severity::Warning | Severity::Note => jobfile::Diagnostic::warning(code, message),
    };
    found.file.clone_from(&sent.file);
    found.span = sent.span.map(|span| {
        jobfile::Span::new(
            jobfile::Position::new(span.start_line, span.start_column),
            jobfile::Position::new(span.end_line, span.end_column),
        )
    });
    found.label.clone_from(&sent.label);
    found.help.clone_from(&sent.help);
    found.notes.clone_from(&sent.notes);
    found
}

/// The diagnostics as text for a terminal. With the job file's text they are
/// rendered again, in colour if requested; without it as they were sent.
pub(crate) fn render_diagnostics(sent: &[Diagnostic], text: Option<&str>, color: bool) -> String {
    if sent.is_empty() {
        return String::new();
    }
    if let Some(text) = text {
        let found: jobfile::Diagnostics = sent.iter().map(from_proto).collect();
        return without_count(&found.render_snippets(text, color));
    }
    let rendered: Vec<String> = sent
        .iter()
        .map(|sent| match sent.rendered.trim_end() {
            "" => from_proto(sent).to_string(),
            rendered => rendered.to_owned(),
        })
        .collect();
    rendered.join("\n\n")
}

/// Removes the closing `2 errors`: the error that follows has the count.
fn without_count(rendered: &str) -> String {
    let rendered = rendered.trim_end();
    match rendered.rsplit_once('\n') {
        Some((before, last)) if last.starts_with(|c: char| c.is_ascii_digit()) => {
            before.trim_end().to_owned()
        }
        _ => rendered.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "SELECT a\nFROM nowhere\n";

    fn found() -> jobfile::Diagnostics {
        let span = jobfile::Span::new(jobfile::Position::new(2, 6), jobfile::Position::new(2, 13));
        let error = jobfile::Diagnostic::error("E0401", "unknown table `nowhere`")
            .with_span(span)
            .with_label("not found")
            .with_help("did you mean `somewhere`")
            .with_note("known: somewhere")
            .with_file("job.sql");
        let warning = jobfile::Diagnostic::warning("W0001", "unused").with_file("job.sql");
        [error, warning].into_iter().collect()
    }

    #[test]
    fn a_diagnostic_keeps_everything_on_its_way() {
        let sent = to_error(&found(), TEXT);
        assert_eq!(sent.message, "job.sql has an error, nothing ran");
        assert_eq!(sent.kind(), ErrorKind::Invalid);
        let back: jobfile::Diagnostics = sent.diagnostics.iter().map(from_proto).collect();
        assert_eq!(back, found());
    }

    #[test]
    fn with_the_text_or_without_it_reads_the_same() {
        let sent = to_error(&found(), TEXT).diagnostics;
        let here = render_diagnostics(&sent, Some(TEXT), false);
        assert!(
            here.contains("error[E0401]: unknown table `nowhere`"),
            "{here}"
        );
        assert!(here.contains("job.sql:2:6"), "{here}");
        assert!(here.contains("^^^^^^^ not found"), "{here}");
        assert!(!here.ends_with("warning"), "{here}");
        assert_eq!(render_diagnostics(&sent, None, false), here);
        assert!(render_diagnostics(&sent, Some(TEXT), true).contains('\u{1b}'));
        assert_eq!(render_diagnostics(&[], Some(TEXT), false), "");
        let bare = Diagnostic {
            message: "odd".into(),
            code: "E1".into(),
            ..Diagnostic::default()
        };
        assert_eq!(render_diagnostics(&[bare], None, false), "error[E1]: odd");
    }
}
