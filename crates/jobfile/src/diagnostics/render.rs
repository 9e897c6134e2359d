//! Renders diagnostics for people: the line with carets below the span.

use unicode_width::UnicodeWidthChar;

use crate::diagnostics::{Diagnostic, Severity};
use crate::span::Span;

/// A tab is shown as this many cells, in any column.
const TAB_WIDTH: usize = 4;
/// Lines longer than this many characters are truncated around the caret.
const MAX_LINE_CHARS: usize = 160;

struct Style {
    bold: &'static str,
    error: &'static str,
    warning: &'static str,
    gutter: &'static str,
    reset: &'static str,
}

const PLAIN: Style = Style {
    bold: "",
    error: "",
    warning: "",
    gutter: "",
    reset: "",
};
const ANSI: Style = Style {
    bold: "\u{1b}[1m",
    error: "\u{1b}[1;31m",
    warning: "\u{1b}[1;33m",
    gutter: "\u{1b}[1;34m",
    reset: "\u{1b}[0m",
};

/// Renders `items` with the lines of `text`, followed by a count.
pub(crate) fn render_diagnostics(items: &[Diagnostic], text: &str, color: bool) -> String {
    let mut out: String = items
        .iter()
        .map(|item| format!("{}\n\n", render_diagnostic(item, text, color)))
        .collect();
    out.push_str(&count_line(items));
    out
}

/// Renders one diagnostic, without a line break at the end.
pub(crate) fn render_diagnostic(item: &Diagnostic, text: &str, color: bool) -> String {
    let mut out = String::new();
    let style = if color { &ANSI } else { &PLAIN };
    write_diagnostic(&mut out, item, text, style);
    out.truncate(out.trim_end().len());
    out
}

/// The line with this number, counted from 1.
fn nth_line(text: &str, number: u32) -> Option<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    let line = text.split('\n').nth(index)?;
    Some(line.strip_suffix('\r').unwrap_or(line))
}

fn count_line(items: &[Diagnostic]) -> String {
    let errors = items.iter().filter(|d| d.is_error()).count();
    let warnings = items.len() - errors;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => String::new(),
        (0, w) => count(w, "warning") + "\n",
        (e, 0) => count(e, "error") + "\n",
        (e, w) => format!("{}, {}\n", count(e, "error"), count(w, "warning")),
    }
}

fn write_diagnostic(out: &mut String, item: &Diagnostic, text: &str, style: &Style) {
    let Style {
        bold,
        gutter,
        reset,
        ..
    } = style;
    let tone = match item.severity {
        Severity::Error => style.error,
        Severity::Warning => style.warning,
    };
    let message = replace_control_chars(&item.message);
    out.push_str(&format!(
        "{tone}{}[{}]{reset}{bold}: {message}{reset}\n",
        item.severity, item.code
    ));
    let width = item
        .span
        .map_or(1, |span| span.start.line.to_string().len());
    let pad = " ".repeat(width);
    if let Some(span) = item.span {
        let file = if item.file.is_empty() {
            "job file"
        } else {
            &item.file
        };
        let (line, column) = (span.start.line, span.start.column);
        out.push_str(&format!("{pad}{gutter}-->{reset} {file}:{line}:{column}\n"));
        if let Some(source) = nth_line(text, line) {
            let (shown, lead, carets) = excerpt_line(source, span);
            let label = item
                .label
                .as_deref()
                .map(replace_control_chars)
                .unwrap_or_default();
            let label = if label.is_empty() {
                label
            } else {
                format!(" {label}")
            };
            out.push_str(&format!("{pad} {gutter}|{reset}\n"));
            out.push_str(&format!("{gutter}{line} |{reset} {shown}\n"));
            out.push_str(&format!(
                "{pad} {gutter}|{reset} {}{tone}{}{label}{reset}\n",
                " ".repeat(lead),
                "^".repeat(carets)
            ));
        }
    } else if !item.file.is_empty() {
        out.push_str(&format!("{pad}{gutter}-->{reset} {}\n", item.file));
    }
    let remarks = item
        .help
        .iter()
        .map(|text| ("help", text))
        .chain(item.notes.iter().map(|text| ("note", text)));
    for (kind, text) in remarks {
        let text = replace_control_chars(text);
        out.push_str(&format!(
            "{pad} {gutter}={reset} {bold}{kind}{reset}: {text}\n"
        ));
    }
}

/// The line as shown, the cells before the caret, and the number of carets.
/// A span over several lines is marked to the end of its first line.
fn excerpt_line(source: &str, span: Span) -> (String, usize, usize) {
    let chars: Vec<char> = source.chars().collect();
    let clamp = |column: u32| {
        usize::try_from(column)
            .unwrap_or(usize::MAX)
            .saturating_sub(1)
            .min(chars.len())
    };
    let start = clamp(span.start.column);
    let end = if span.end.line == span.start.line {
        clamp(span.end.column)
    } else {
        chars.len()
    };
    let (from, to) = excerpt_range(chars.len(), start);
    let cells = |range: &[char]| range.iter().map(|c| shown_width(*c)).sum::<usize>();
    let (mut shown, mut lead) = (String::new(), 0);
    if from > 0 {
        shown.push('…');
        lead += 1;
    }
    shown.extend(chars[from..to].iter().map(|c| shown_char(*c)));
    if to < chars.len() {
        shown.push('…');
    }
    lead += cells(&chars[from..start.max(from)]);
    let carets = cells(&chars[start..end.clamp(start, to.max(start))]).max(1);
    (shown, lead, carets)
}

fn excerpt_range(len: usize, start: usize) -> (usize, usize) {
    if len <= MAX_LINE_CHARS {
        return (0, len);
    }
    let from = start
        .saturating_sub(MAX_LINE_CHARS / 2)
        .min(len - MAX_LINE_CHARS);
    (from, from + MAX_LINE_CHARS)
}

fn shown_width(c: char) -> usize {
    match c {
        '\t' => TAB_WIDTH,
        c => c.width().unwrap_or(1),
    }
}

fn shown_char(c: char) -> String {
    match c {
        '\t' => " ".repeat(TAB_WIDTH),
        // Control characters could move the cursor or recolor the terminal.
        c if c.is_control() => "\u{fffd}".to_owned(),
        c => c.to_string(),
    }
}

/// Text for one line of output, with control characters replaced.
fn replace_control_chars(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}
