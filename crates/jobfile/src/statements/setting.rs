//! `SET key = value`.

use sluice_values::{TimeZone, did_you_mean, list_names};
use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, codes};
use crate::job::Setting;
use crate::span::{Span, Spanned};
use crate::statements::parse_context::ParseContext;
use crate::syntax::token_cursor::{ParseResult, TokenCursor};
use crate::values::interpolation;
use crate::values::size::{parse_min_shared_size, parse_target_file_size};

/// Checks a value; the error describes what is expected.
type ValueCheck = fn(&str) -> Result<(), &'static str>;

const SESSION_TIME_ZONE: &str = "sluice.session_timezone";
/// Spark's name of it, in lower case.
const SPARKS_SESSION_TIME_ZONE: &str = "spark.sql.session.timezone";

/// What names a time zone.
pub(crate) const TIME_ZONE_EXAMPLES: &str =
    "the name of a time zone, such as `Europe/Rome`, `UTC` or `+02:00`";

/// Keys of `SET` with the checks of their values.
const SETTINGS: &[(&str, ValueCheck)] = &[
    (SESSION_TIME_ZONE, |value| match TimeZone::find(value) {
        Some(_) => Ok(()),
        None => Err(TIME_ZONE_EXAMPLES),
    }),
    ("sluice.min_shared_size", |value| {
        parse_min_shared_size(value).map(drop)
    }),
    ("sluice.shuffle_partitions", |value| {
        match value.parse::<u32>() {
            Ok(1..=10_000) => Ok(()),
            _ => Err("a whole number from 1 to 10000"),
        }
    }),
    ("sluice.target_file_size", |value| {
        parse_target_file_size(value).map(drop)
    }),
];

/// Prefixes of settings that are passed to the engine, which checks their keys.
const ENGINE_KEY_PREFIXES: &[&str] = &["datafusion.execution.", "datafusion.optimizer."];

pub(crate) fn parse_set(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<()> {
    let start = cursor.next_span();
    cursor.expect_words(&["SET"])?;
    if cursor.next_words_are(&["TIME", "ZONE"]) && cursor.peek_nth(2) != Some(&Token::Eq) {
        return parse_time_zone(context, cursor, start);
    }
    for words in [&["VAR"][..], &["VARIABLE"]] {
        if cursor.next_words_are(words) && cursor.peek_nth(words.len()) != Some(&Token::Eq) {
            let what = words.join(" ");
            return Err(Box::new(
                Diagnostic::error(
                    codes::CATALOG_STATEMENT,
                    format!("SET {what} is not yet supported"),
                )
                .with_span(start.to(cursor.next_span()))
                .with_help(
                    "give the variable a DEFAULT where it is declared, or pass a value to submit-job",
                ),
            ));
        }
    }
    let mut key = cursor.parse_dotted_key("a setting")?;
    key.value = key.value.to_lowercase();
    if key.value == SPARKS_SESSION_TIME_ZONE {
        SESSION_TIME_ZONE.clone_into(&mut key.value);
    }
    if cursor.at_end() {
        return Err(cursor.expected_error("`=` and a value"));
    }
    cursor.expect_token(&Token::Eq)?;
    let value = parse_raw_value(context, cursor)?;
    if is_foreign(&key.value) {
        let help = match key.value.as_str() {
            "spark.sql.shuffle.partitions" => "use `sluice.shuffle_partitions`",
            _ => "it is a setting of Spark; remove it, or see docs/sql.md for what is done here",
        };
        context.diagnostics.push(
            Diagnostic::warning(codes::NO_EFFECT, format!("`{}` has no effect", key.value))
                .with_span(key.span)
                .with_help(help),
        );
        return Ok(());
    }
    if let Some(problem) = unknown_setting_error(&key) {
        context.diagnostics.push(problem);
        return Ok(());
    }
    add_setting(context, key, value);
    Ok(())
}

/// `SET TIME ZONE 'Europe/Rome'`.
fn parse_time_zone(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    start: Span,
) -> ParseResult<()> {
    cursor.expect_words(&["TIME", "ZONE"])?;
    if !matches!(cursor.peek(), Some(Token::SingleQuotedString(_))) {
        return Err(Box::new(
            Diagnostic::error(codes::CATALOG_STATEMENT, "SET TIME ZONE needs a name")
                .with_span(start.to(cursor.rest_span()))
                .with_help("write SET TIME ZONE 'Europe/Rome', or '+02:00'"),
        ));
    }
    let key = Spanned::new(SESSION_TIME_ZONE.to_owned(), start);
    let value = parse_raw_value(context, cursor)?;
    add_setting(context, key, value);
    Ok(())
}

fn add_setting(context: &mut ParseContext<'_>, key: Spanned<String>, value: Spanned<String>) {
    if let Some(first) = context.settings.iter().find(|s| s.key == key.value) {
        let line = first.span.start.line;
        context.diagnostics.push(
            Diagnostic::error(codes::REPEATED_KEY, format!("`{}` is set twice", key.value))
                .with_span(key.span)
                .with_label(format!("first set on line {line}")),
        );
    }
    context.record_string(&value);
    let setting = Setting {
        key: key.value,
        value: value.value,
        span: value.span,
    };
    if !interpolation::has_variables(&setting.value) {
        context.diagnostics.extend(check_setting(&setting));
    }
    context.settings.push(setting);
}

/// Settings of Spark that change how a query runs and not what it gives. Those that
/// change results are errors.
fn is_foreign(key: &str) -> bool {
    const CHANGE_RESULTS: &[&str] = &[
        "spark.sql.ansi.",
        "spark.sql.session.timezone",
        "spark.sql.casesensitive",
        "spark.sql.legacy.",
        "spark.sql.storeassignmentpolicy",
        "spark.sql.maptojson",
        "spark.sql.mapkeydeduppolicy",
        "spark.sql.parquet.",
        "spark.sql.columnnameofcorruptrecord",
    ];
    (key.starts_with("spark.") || key.starts_with("pipelines."))
        && !CHANGE_RESULTS.iter().any(|prefix| key.starts_with(prefix))
}

/// The error in a setting's value. Variables must have been replaced.
pub(crate) fn check_setting(setting: &Setting) -> Option<Diagnostic> {
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
        .with_span(setting.span)
        .with_label(format!("expected {expected}")),
    )
}

fn unknown_setting_error(key: &Spanned<String>) -> Option<Diagnostic> {
    let name = key.value.as_str();
    let known = SETTINGS.iter().map(|(key, _)| *key);
    let passed_on = ENGINE_KEY_PREFIXES
        .iter()
        .any(|prefix| name.len() > prefix.len() && name.starts_with(prefix));
    if passed_on || known.clone().any(|k| k == name) {
        return None;
    }
    let help = match name {
        name if name.starts_with("spark.") => {
            "it would change the results of queries; see docs/sql.md for what is done here".to_owned()
        }
        _ => did_you_mean(name, known.clone()).unwrap_or_else(|| {
            format!(
                "the settings are {}, and the engine's `datafusion.execution.…` and `datafusion.optimizer.…`",
                list_names(known)
            )
        }),
    };
    Some(
        Diagnostic::error(codes::UNKNOWN_SETTING, format!("unknown setting `{name}`"))
            .with_span(key.span)
            .with_help(help),
    )
}

/// Everything up to the end of the statement, as in Spark: a string, or words and
/// numbers as they are written (`128MB`).
fn parse_raw_value(
    context: &ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
) -> ParseResult<Spanned<String>> {
    if cursor.at_end() {
        return Err(cursor.expected_error("a value"));
    }
    let span = cursor.rest_span();
    if matches!(cursor.peek(), Some(Token::SingleQuotedString(_))) {
        let value = cursor.parse_string("a value")?;
        if !cursor.at_end() {
            return Err(cursor.expected_error("the end of the statement"));
        }
        return Ok(value);
    }
    cursor.skip_to_end();
    let text = context.source.text_of(span).trim().to_owned();
    Ok(Spanned::new(text, span))
}
