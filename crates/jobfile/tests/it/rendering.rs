//! Rendered diagnostics.

use sluice_jobfile::{Diagnostic, Diagnostics, Position, Span, parse_job_file};

#[test]
fn an_error_is_shown_with_its_line_and_a_caret() {
    let text = "CREATE EXTERNAL TABLE events (a INT) STORED AS JSON LOCATION 'x';\r\n\
        CREATE OR REFRESH MATERIALIZED VIEW t AS\r\n\tSELECT '日本' AS `ü` FROM evnts;\r\n";
    let error = parse_job_file("jobs/x.sql", text).unwrap_err();
    // The tab takes four cells, each of the two wide characters two.
    let expected = "\
error[E0401]: unknown table `evnts`
 --> jobs/x.sql:3:26
  |
3 |     SELECT '日本' AS `ü` FROM evnts;
  |                               ^^^^^ not declared in this file
  = help: did you mean `events`?

1 error
";
    assert_eq!(error.render_snippets(text, false), expected);
    assert_eq!(
        error.to_string(),
        "jobs/x.sql:3:26: error[E0401]: unknown table `evnts` (did you mean `events`?)"
    );
}

#[test]
fn color_changes_nothing_but_escapes() {
    let text = "CREATE;";
    let error = parse_job_file("x.sql", text).unwrap_err();
    let colored = error.render_snippets(text, true);
    assert!(
        colored.contains("\u{1b}[1;31merror[E0104]\u{1b}[0m"),
        "{colored}"
    );
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, error.render_snippets(text, false));
}

#[test]
fn spans_outside_the_text_do_no_harm() {
    let at = |line, column| Span::empty_at(Position::new(line, column));
    let findings: Diagnostics = [
        Diagnostic::error("E0501", "unknown column `x`").with_span(at(99, 1)),
        Diagnostic::warning("W0501", "escape \u{1b}[31m\nsequences").with_span(at(1, 99)),
        Diagnostic::error("E0408", "unknown parameter `--x`")
            .with_file("x.sql")
            .with_note("a fact"),
        Diagnostic::error("E0502", "over two lines")
            .with_span(Span::new(Position::new(1, 3), Position::new(2, 1))),
    ]
    .into_iter()
    .collect();
    let shown = findings.render_snippets("abcdef\ng", false);
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert!(shown.contains("1 | abcdef\n  |   ^^^^\n"), "{shown}");
    assert!(shown.contains("1 | abcdef\n  |       ^\n"), "{shown}");
    assert!(shown.contains("= note: a fact"), "{shown}");
    assert!(shown.ends_with("3 errors, 1 warning\n"), "{shown}");
}

#[test]
fn long_lines_are_cut_around_the_caret() {
    let text = format!("SELECT {}; x", "a, ".repeat(400));
    let finding = Diagnostic::error("E0105", "here")
        .with_span(Span::new(Position::new(1, 610), Position::new(1, 611)));
    let shown = Diagnostics::from(finding).render_snippets(&text, false);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines.iter().all(|line| line.chars().count() < 180),
        "{shown}"
    );
    let caret = lines[4].chars().position(|c| c == '^').unwrap();
    let under = lines[3].chars().nth(caret).unwrap();
    assert_eq!(Some(under), text.chars().nth(609), "{shown}");
}
