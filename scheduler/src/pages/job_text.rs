//! The text of a job file, with the places of errors marked.

use maud::{Markup, html};
use sluice_proto::v1::{Diagnostic, Job, Severity, Span};

/// A part of a line, and whether an error is about it.
type Piece<'a> = (&'a str, bool);

/// The text with numbered lines.
pub(super) fn job_text(job: &Job, text: &str) -> Markup {
    let spans = marked_spans(job);
    html! {
        pre #job-text tabindex="0" role="region" aria-label="The job file" {
            @for (number, line) in (1..).zip(text.lines()) {
                @let pieces = split_line(line, number, &spans);
                @let is_marked = pieces.iter().any(|(_, is_marked)| *is_marked);
                span.line id={ "line-" (number) } {
                    span.gutter.at[is_marked] { (format!("{number:>4} ")) }
                    @for (piece, is_marked) in pieces {
                        @if is_marked { mark { (piece) } } @else { (piece) }
                    }
                    "\n"
                }
            }
        }
    }
}

/// Where the errors are that a job ended with.
fn marked_spans(job: &Job) -> Vec<&Span> {
    let reason = job.reason.iter();
    let found = reason.flat_map(|reason| &reason.diagnostics);
    found
        .filter(|found| found.severity() == Severity::Error)
        .filter_map(|found| found.span.as_ref())
        .collect()
}

/// The first line that an error is about.
pub(super) fn first_line(diagnostics: &[Diagnostic]) -> Option<u32> {
    let found = diagnostics.iter().find_map(|found| found.span.as_ref());
    found.map(|span| span.start_line)
}

fn split_line<'a>(line: &'a str, number: u32, spans: &[&Span]) -> Vec<Piece<'a>> {
    let is_marked = |column: u32| {
        spans.iter().any(|span| {
            let begin = (span.start_line, span.start_column);
            let end = (span.end_line, span.end_column);
            begin <= (number, column) && (number, column) < end
        })
    };
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    let mut begin = 0;
    let mut was_marked = false;
    for (column, (at, _)) in (1..).zip(line.char_indices()) {
        let is_marked = is_marked(column);
        if is_marked != was_marked {
            pieces.push((&line[begin..at], was_marked));
            (begin, was_marked) = (at, is_marked);
        }
    }
    pieces.push((&line[begin..], was_marked));
    pieces.retain(|(piece, _)| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: (u32, u32), end: (u32, u32)) -> Span {
        Span {
            start_line: start.0,
            start_column: start.1,
            end_line: end.0,
            end_column: end.1,
        }
    }

    #[test]
    fn the_characters_of_an_error_are_marked() {
        let one = span((2, 3), (2, 5));
        assert_eq!(split_line("ärger", 1, &[&one]), [("ärger", false)]);
        let pieces = split_line("ärger", 2, &[&one]);
        assert_eq!(pieces, [("är", false), ("ge", true), ("r", false)]);
        // Over several lines.
        let long = span((1, 4), (3, 2));
        assert_eq!(
            split_line("abcde", 1, &[&long]),
            [("abc", false), ("de", true)]
        );
        assert_eq!(split_line("abc", 2, &[&long]), [("abc", true)]);
        assert_eq!(split_line("abc", 3, &[&long]), [("a", true), ("bc", false)]);
        assert!(split_line("", 2, &[&long]).is_empty());
    }
}
