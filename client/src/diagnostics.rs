//! Diagnostics as text for a terminal.

use sluice_proto::v1::Diagnostic;

/// With the job file's text the diagnostics are rendered again, in colour if
/// requested; without it they are printed as they were sent.
pub(crate) fn render_diagnostics(sent: &[Diagnostic], text: Option<&str>, color: bool) -> String {
    let rendered: Vec<String> = sent
        .iter()
        .map(|sent| match (text, sent.rendered.trim_end()) {
            (Some(text), _) => sent.to_jobfile().render_snippet(text, color),
            (None, "") => sent.to_jobfile().to_string(),
            (None, rendered) => rendered.to_owned(),
        })
        .collect();
    rendered.join("\n\n")
}

#[cfg(test)]
mod tests {
    use sluice_jobfile::{Diagnostic as Found, Diagnostics, Position, Span};
    use sluice_proto::v1::JobError;

    use super::*;

    const TEXT: &str = "SELECT a\nFROM nowhere\n";

    #[test]
    fn with_the_text_or_without_it_reads_the_same() {
        let error = Found::error("E0401", "unknown table `nowhere`")
            .with_span(Span::new(Position::new(2, 6), Position::new(2, 13)))
            .with_label("not found")
            .with_file("job.sql");
        let warning = Found::warning("W0001", "unused").with_file("job.sql");
        let found: Diagnostics = [error, warning].into_iter().collect();
        let sent = JobError::invalid_job_file(&found, TEXT).diagnostics;
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
