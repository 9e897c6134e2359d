//! `${name}` inside strings, and `$${` for a literal `${`.

use sluice_values::did_you_mean;

use crate::diagnostics::{Diagnostic, codes};
use crate::span::{Span, Spanned};
use crate::syntax::source_text::SourceText;

/// A piece of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    /// The name between the braces, and which `${` of the string it is.
    Variable {
        name: String,
        nth: usize,
    },
    /// A `${` without `}`, or without a name.
    Malformed {
        what: &'static str,
        nth: usize,
    },
}

fn split_parts(text: &str) -> Vec<TemplatePart> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    // Counts every `${` of the text, including escaped ones, so that the n-th can
    // be located in the file.
    let mut nth = 0;
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$${") {
            plain.push_str("${");
            nth += 1;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            if !plain.is_empty() {
                parts.push(TemplatePart::Text(std::mem::take(&mut plain)));
            }
            match after.find('}') {
                None => {
                    parts.push(TemplatePart::Malformed {
                        what: "`${` without `}`",
                        nth,
                    });
                    return parts;
                }
                Some(end) => {
                    let name = after[..end].trim();
                    if is_name(name) {
                        let name = name.to_lowercase();
                        parts.push(TemplatePart::Variable { name, nth });
                    } else {
                        let what = "there is no variable name between `${` and `}`";
                        parts.push(TemplatePart::Malformed { what, nth });
                    }
                    nth += 1 + after[..end].matches("${").count();
                    rest = &after[end + 1..];
                }
            }
        } else {
            plain.push('$');
            rest = &rest[1..];
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        parts.push(TemplatePart::Text(plain));
    }
    parts
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether the text depends on variables.
pub(crate) fn has_variables(text: &str) -> bool {
    split_parts(text)
        .iter()
        .any(|part| !matches!(part, TemplatePart::Text(_)))
}

/// The names of the variables in the text, in order.
pub(crate) fn variable_names(text: &str) -> Vec<String> {
    split_parts(text)
        .into_iter()
        .filter_map(|part| match part {
            TemplatePart::Variable { name, .. } => Some(name),
            TemplatePart::Text(_) | TemplatePart::Malformed { .. } => None,
        })
        .collect()
}

/// The text with variables replaced by their values. NULL and unknown variables
/// become empty text; [`check_placeholders`] has reported the latter.
pub(crate) fn expand_template<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    split_parts(text)
        .into_iter()
        .map(|part| match part {
            TemplatePart::Text(text) => text,
            TemplatePart::Variable { name, .. } => value(&name).unwrap_or_default().to_owned(),
            TemplatePart::Malformed { .. } => String::new(),
        })
        .collect()
}

/// The errors in the placeholders of a string, each with its own span.
pub(crate) fn check_placeholders(
    literal: &Spanned<String>,
    source: &SourceText,
    declared: &[&str],
) -> Vec<Diagnostic> {
    split_parts(&literal.value)
        .into_iter()
        .filter_map(|part| match part {
            TemplatePart::Variable { name, nth } if !declared.contains(&name.as_str()) => Some(
                Diagnostic::error(
                    codes::UNKNOWN_VARIABLE,
                    format!("unknown variable `{name}`"),
                )
                .with_span(placeholder_span(source, literal.span, nth))
                .with_help(unknown_variable_help(&name, declared)),
            ),
            TemplatePart::Malformed { what, nth } => Some(
                Diagnostic::error(codes::BAD_PLACEHOLDER, what)
                    .with_span(placeholder_span(source, literal.span, nth))
                    .with_help("write `${name}` for a variable, `$${` for the characters `${`"),
            ),
            TemplatePart::Text(_) | TemplatePart::Variable { .. } => None,
        })
        .collect()
}

pub(crate) fn unknown_variable_help(name: &str, declared: &[&str]) -> String {
    did_you_mean(name, declared.iter().copied()).unwrap_or_else(|| {
        format!("declare it at the top of the file: `DECLARE VARIABLE {name} STRING;`")
    })
}

/// The span of the `nth` placeholder of the literal at `span`, including braces.
fn placeholder_span(source: &SourceText, span: Span, nth: usize) -> Span {
    let chars = source.chars_with_positions(span);
    let starts = chars
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0].1 == '$' && pair[1].1 == '{')
        .map(|(i, _)| i);
    // An escape such as \x24 hides a `${` in the file: then use the whole literal.
    let Some(start) = starts.skip(nth).take(1).next() else {
        return span;
    };
    let end = chars[start..]
        .iter()
        .find(|(_, c)| *c == '}' || *c == '\n')
        .map_or(chars[start + 1].0, |(pos, _)| *pos);
    let mut end_pos = end;
    end_pos.column += 1;
    Span::new(chars[start].0, end_pos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Position;

    fn expanded(text: &str) -> String {
        expand_template(text, |name| (name == "a").then_some("VALUE"))
    }

    #[test]
    fn placeholders_and_escapes() {
        assert_eq!(expanded("${a}/x"), "VALUE/x");
        assert_eq!(expanded("${ A }"), "VALUE", "case and spaces do not matter");
        assert_eq!(expanded("$${a}"), "${a}");
        assert_eq!(expanded("$$${a}"), "$${a}");
        assert_eq!(expanded("^x$ $5 {a}"), "^x$ $5 {a}");
        assert_eq!(expanded("a$"), "a$");
        assert_eq!(variable_names("${a}-${b}-$${c}"), ["a", "b"]);
        assert!(!has_variables("$${a}"));
        assert!(has_variables("${a"));
    }

    #[test]
    fn problems_have_their_own_place() {
        let text = "'x''$${y} ${nope}\n ${'";
        let source = SourceText::new(text).unwrap();
        let span = Span::new(Position::new(1, 1), source.end_position());
        let value = "x'$${y} ${nope}\n ${".to_owned();
        let problems = check_placeholders(&Spanned::new(value, span), &source, &["a"]);
        assert_eq!(problems.len(), 2);
        let first = problems[0].span.unwrap();
        assert_eq!(
            (first.start, first.end),
            (Position::new(1, 11), Position::new(1, 18))
        );
        assert_eq!(problems[0].code, codes::UNKNOWN_VARIABLE);
        assert_eq!(problems[1].code, codes::BAD_PLACEHOLDER);
        assert_eq!(problems[1].span.unwrap().start, Position::new(2, 2));
    }
}
