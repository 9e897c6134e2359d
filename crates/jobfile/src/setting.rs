//! `SET key = value`.

use sqlparser::tokenizer::Token;

use crate::context::Context;
use crate::cursor::{Cursor, Parsed};
use crate::diagnostic::Diagnostic;
use crate::job::Setting;
use crate::size::parse_size;
use crate::span::Spanned;
use crate::{codes, suggest};

/// The smallest target file size, in bytes.
pub(crate) const MIN_TARGET_FILE_SIZE: u64 = 1024 * 1024;

/// Checks a value; the error describes what is expected.
type Check = fn(&str) -> Result<(), &'static str>;

/// Keys of `SET` with the checks of their values.
const SETTINGS: &[(&str, Check)] = &[
    ("sluice.session_timezone", |value| {
        let utc = ["utc", "etc/utc", "z", "+00:00", "+0000"];
        if utc.contains(&value.to_ascii_lowercase().as_str()) {
            Ok(())
        } else {
            Err("`UTC`, the only session time zone so far")
        }
    }),
    ("sluice.shuffle_partitions", |value| {
        match value.parse::<u32>() {
            Ok(1..=10_000) => Ok(()),
            _ => Err("a whole number from 1 to 10000"),
        }
    }),
    ("sluice.target_file_size", check_target_file_size),
];

/// Prefixes of settings that are passed to the engine, which checks their keys.
const PASSED_ON: &[&str] = &["datafusion.execution.", "datafusion.optimizer."];

pub(crate) fn check_target_file_size(value: &str) -> Result<(), &'static str> {
    match parse_size(value) {
        Some(size) if size >= MIN_TARGET_FILE_SIZE => Ok(()),
        _ => Err("a size of at least 1MB, such as `128MB`"),
    }
}

pub(crate) fn parse(context: &mut Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<()> {
    let start = cursor.span();
    cursor.expect(&["SET"])?;
    for words in [&["VAR"][..], &["VARIABLE"], &["TIME", "ZONE"]] {
        if cursor.sees(words) && cursor.peek_nth(words.len()) != Some(&Token::Eq) {
            let what = words.join(" ");
            let help = if what == "TIME ZONE" {
                "the session time zone is UTC; convert with from_utc_timestamp where you need another"
            } else {
                "give the variable a DEFAULT where it is declared, or pass a value to submit-job"
            };
            return Err(Box::new(
                Diagnostic::error(
                    codes::CATALOG_STATEMENT,
                    format!("SET {what} is not yet supported"),
                )
                .at(start.to(cursor.span()))
                .help(help),
            ));
        }
    }
    let key = dotted_key(cursor, "a setting")?;
    if cursor.at_end() {
        return Err(cursor.expected("`=` and a value"));
    }
    cursor.expect_token(&Token::Eq)?;
    let value = raw_value(context, cursor)?;
    if let Some(problem) = unknown_key(&key) {
        context.sink.push(problem);
        return Ok(());
    }
    if let Some(first) = context.settings.iter().find(|s| s.key == key.value) {
        let line = first.span.start.line;
        context.sink.push(
            Diagnostic::error(codes::REPEATED_KEY, format!("`{}` is set twice", key.value))
                .at(key.span)
                .label(format!("first set on line {line}")),
        );
    }
    context.string(&value);
    let setting = Setting {
        key: key.value,
        value: value.value,
        span: value.span,
    };
    if !Context::waits(&setting.value) {
        context.sink.extend(check(&setting));
    }
    context.settings.push(setting);
    Ok(())
}

/// The error in a setting's value. Variables must have been replaced.
pub(crate) fn check(setting: &Setting) -> Option<Diagnostic> {
    let expected = match SETTINGS.iter().find(|(key, _)| *key == setting.key) {
        Some((_, check)) => check(&setting.value).err(),
        None if setting.value.is_empty() => Some("a value"),
        None => None,
    }?;
    Some(
        Diagnostic::error(
            codes::BAD_SETTING_VALUE,
            format!("`{}` cannot be `{}`", setting.key, setting.value),
        )
        .at(setting.span)
        .label(format!("expected {expected}")),
    )
}

fn unknown_key(key: &Spanned<String>) -> Option<Diagnostic> {
    let name = key.value.as_str();
    let known = SETTINGS.iter().map(|(key, _)| *key);
    let passed_on = PASSED_ON
        .iter()
        .any(|prefix| name.len() > prefix.len() && name.starts_with(prefix));
    if passed_on || known.clone().any(|k| k == name) {
        return None;
    }
    let help = match name {
        "spark.sql.shuffle.partitions" => "use `sluice.shuffle_partitions`".to_owned(),
        "spark.sql.session.timezone" => "use `sluice.session_timezone`".to_owned(),
        _ => suggest::did_you_mean(name, known.clone()).unwrap_or_else(|| {
            format!(
                "the settings are {}, and the engine's `datafusion.execution.…` and `datafusion.optimizer.…`",
                suggest::list(known)
            )
        }),
    };
    Some(
        Diagnostic::error(codes::UNKNOWN_SETTING, format!("unknown setting `{name}`"))
            .at(key.span)
            .help(help),
    )
}

/// `a.b.c`, in lower case.
fn dotted_key(cursor: &mut Cursor<'_>, what: &str) -> Parsed<Spanned<String>> {
    let mut key = dotted_key_as_written(cursor, what)?;
    key.value = key.value.to_lowercase();
    Ok(key)
}

/// `a.b.c`.
pub(crate) fn dotted_key_as_written(
    cursor: &mut Cursor<'_>,
    what: &str,
) -> Parsed<Spanned<String>> {
    let first = cursor.name(what)?;
    let mut key = first.written;
    let mut span = first.span;
    while cursor.eat_token(&Token::Period) {
        let part = cursor.name("the rest of the key")?;
        key.push('.');
        key.push_str(&part.written);
        span = span.to(part.span);
    }
    Ok(Spanned::new(key, span))
}

/// Everything up to the end of the statement, as in Spark: a string, or words and
/// numbers as they are written (`128MB`).
fn raw_value(context: &Context<'_>, cursor: &mut Cursor<'_>) -> Parsed<Spanned<String>> {
    if cursor.at_end() {
        return Err(cursor.expected("a value"));
    }
    let span = cursor.rest_span();
    if matches!(cursor.peek(), Some(Token::SingleQuotedString(_))) {
        let value = cursor.string("a value")?;
        if !cursor.at_end() {
            return Err(cursor.expected("the end of the statement"));
        }
        return Ok(value);
    }
    cursor.finish();
    let text = context.source.slice(span).trim().to_owned();
    Ok(Spanned::new(text, span))
}
