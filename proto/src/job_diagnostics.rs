//! Diagnostics of the job language in their protobuf form. The client and the
//! scheduler report the same errors of a job file, so both convert them here.

use sluice_jobfile as jobfile;

use crate::v1::{Diagnostic, ErrorKind, JobError, Severity, Span};

impl Diagnostic {
    /// The protobuf form; `text` is the job file's text.
    #[must_use]
    pub fn from_jobfile(found: &jobfile::Diagnostic, text: &str) -> Self {
        let severity = match found.severity {
            jobfile::Severity::Error => Severity::Error,
            jobfile::Severity::Warning => Severity::Warning,
        };
        Self {
            code: found.code.to_string(),
            severity: severity.into(),
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
            rendered: found.render_snippet(text, false),
        }
    }

    /// The form of the job language, which can be rendered in colour.
    #[must_use]
    pub fn to_jobfile(&self) -> jobfile::Diagnostic {
        let code = self.code.clone();
        let message = self.message.as_str();
        let mut found = match self.severity() {
            Severity::Unspecified | Severity::Error => jobfile::Diagnostic::error(code, message),
            Severity::Warning | Severity::Note => jobfile::Diagnostic::warning(code, message),
        };
        found.file.clone_from(&self.file);
        found.span = self.span.map(|span| {
            jobfile::Span::new(
                jobfile::Position::new(span.start_line, span.start_column),
                jobfile::Position::new(span.end_line, span.end_column),
            )
        });
        found.label.clone_from(&self.label);
        found.help.clone_from(&self.help);
        found.notes.clone_from(&self.notes);
        found
    }
}

impl JobError {
    /// The error of a job file with these diagnostics; `text` is the file's text.
    #[must_use]
    pub fn invalid_job_file(found: &jobfile::Diagnostics, text: &str) -> Self {
        let errors = found.iter().filter(|found| found.is_error()).count();
        let file = match found.iter().map(|found| found.file.as_str()).next() {
            None | Some("") => "the job file",
            Some(file) => file,
        };
        let message = match errors {
            1 => format!("{file} has an error, nothing ran"),
            errors => format!("{file} has {errors} errors, nothing ran"),
        };
        Self::new(ErrorKind::Invalid, message)
            .with_diagnostics(
                found
                    .iter()
                    .map(|found| Diagnostic::from_jobfile(found, text)),
            )
            .with_next_step("correct the job file or the parameters, then submit again")
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
        let sent = JobError::invalid_job_file(&found(), TEXT);
        assert_eq!(sent.message, "job.sql has an error, nothing ran");
        assert_eq!(sent.kind(), ErrorKind::Invalid);
        let back: jobfile::Diagnostics = sent
            .diagnostics
            .iter()
            .map(Diagnostic::to_jobfile)
            .collect();
        assert_eq!(back, found());
    }

    #[test]
    fn the_text_of_a_diagnostic_is_its_snippet_alone() {
        let sent = JobError::invalid_job_file(&found(), TEXT);
        let rendered = &sent.diagnostics[0].rendered;
        assert!(
            rendered.starts_with("error[E0401]: unknown table"),
            "{rendered}"
        );
        assert!(rendered.ends_with("= note: known: somewhere"), "{rendered}");
        let nameless = jobfile::Diagnostics::from(jobfile::Diagnostic::error("E1", "odd"));
        let message = JobError::invalid_job_file(&nameless, TEXT).message;
        assert_eq!(message, "the job file has an error, nothing ran");
    }
}
