//! `LIKE … ESCAPE '!'`: patterns whose escape character is not the backslash.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{Expr, Spanned, Value, ValueWithSpan};

use super::error_at;

/// Rewrites the pattern of a comparison with ESCAPE; the engine knows the backslash only.
pub(super) fn replace_escape(expr: &mut Expr) -> Result<(), Box<Diagnostic>> {
    let (Expr::Like {
        pattern,
        escape_char,
        ..
    }
    | Expr::ILike {
        pattern,
        escape_char,
        ..
    }) = expr
    else {
        return Ok(());
    };
    let Some(ValueWithSpan { value, span }) = escape_char.take() else {
        return check_backslashes(pattern);
    };
    let problem = |message: &str, help: &str| Box::new(error_at(message, span).with_help(help));
    let escape = match &value {
        Value::SingleQuotedString(text) => single_char(text),
        _ => None,
    };
    let Some(escape) = escape else {
        return Err(problem(
            "ESCAPE takes a text of one character",
            "write one such as ESCAPE '!'",
        ));
    };
    let Expr::Value(constant) = pattern.as_mut() else {
        return Err(Box::new(
            error_at("a pattern with ESCAPE must be a constant", pattern.span())
                .with_help("leave ESCAPE out and write the backslash in the pattern"),
        ));
    };
    if let Value::SingleQuotedString(text) = &mut constant.value {
        *text = with_backslashes(text, escape).ok_or_else(|| {
            problem(
                "the escape character of a pattern stands before %, _ or itself",
                "write it twice for the character itself",
            )
        })?;
    }
    Ok(())
}

/// The engine would take a backslash before another letter for a letter.
fn check_backslashes(pattern: &Expr) -> Result<(), Box<Diagnostic>> {
    let Expr::Value(ValueWithSpan {
        value: Value::SingleQuotedString(text),
        span,
    }) = pattern
    else {
        return Ok(());
    };
    match with_backslashes(text, '\\') {
        Some(_) => Ok(()),
        None => Err(Box::new(
            error_at(
                "the backslash of a pattern stands before %, _ or itself",
                *span,
            )
            .with_help("write '\\\\\\\\' for the backslash itself"),
        )),
    }
}

fn single_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// The pattern with the backslash as its escape character; `None` if the pattern is not
/// valid.
fn with_backslashes(pattern: &str, escape: char) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c == escape {
            let literal = chars.next().filter(|c| ['%', '_', escape].contains(c))?;
            if ['%', '_', '\\'].contains(&literal) {
                out.push('\\');
            }
            out.push(literal);
        } else {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }
    }
    Some(out)
}

/// The engine writes `%g` without the zeros that Java writes, and `%a` in another form.
pub(super) fn check_conversions(pattern: &str) -> Result<(), String> {
    let pattern = pattern.replace("%%", "");
    for conversion in pattern.split('%').skip(1) {
        let letter = conversion.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        if let Some(letter @ ('g' | 'G' | 'a' | 'A')) = letter.chars().next() {
            return Err(format!("%{letter} is not supported"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_backslashes;

    #[test]
    fn patterns_get_backslashes() {
        for (pattern, escape, expected) in [
            ("10!%", '!', Some("10\\%")),
            ("a!_b%", '!', Some("a\\_b%")),
            ("a!!b", '!', Some("a!b")),
            ("a\\b", '!', Some("a\\\\b")),
            ("a%%b", '%', Some("a\\%b")),
            ("a\\%", '\\', Some("a\\%")),
            ("a!b", '!', None),
            ("a!", '!', None),
        ] {
            assert_eq!(
                with_backslashes(pattern, escape).as_deref(),
                expected,
                "{pattern}"
            );
        }
    }
}
