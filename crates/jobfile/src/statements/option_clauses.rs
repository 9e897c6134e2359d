//! `OPTIONS (…)` of sources and `TBLPROPERTIES (…)` of datasets.

use std::collections::BTreeMap;

use sluice_values::{did_you_mean, list_names, parse_size, suggest_or_list};
use sqlparser::tokenizer::Token;

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::{Compression, Dataset, Format, OWN_PROPERTIES, ParseMode, SortKey, Source};
use crate::span::{Span, Spanned};
use crate::statements::parse_context::ParseContext;
use crate::syntax::token_cursor::{ParseResult, TokenCursor};
use crate::values::interpolation;
use crate::values::size::parse_target_file_size;

/// `(key 'value', 'key' = 'value', key = value)`: all of Spark's spellings.
pub(crate) fn parse_key_values(
    context: &mut ParseContext<'_>,
    cursor: &mut TokenCursor<'_>,
    what: &str,
) -> ParseResult<Vec<(Spanned<String>, Spanned<String>)>> {
    cursor.expect_token(&Token::LParen)?;
    let mut pairs: Vec<(Spanned<String>, Spanned<String>)> = Vec::new();
    loop {
        let key = if matches!(cursor.peek(), Some(Token::SingleQuotedString(_))) {
            let mut key = cursor.parse_string(what)?;
            key.value = key.value.trim().to_owned();
            key
        } else {
            cursor.parse_dotted_key(what)?
        };
        cursor.eat_token(&Token::Eq);
        let value = parse_value(cursor, &key.value)?;
        context.record_string(&value);
        if let Some((first, _)) = pairs
            .iter()
            .find(|(k, _)| k.value.eq_ignore_ascii_case(&key.value))
        {
            let line = first.span.start.line;
            context.diagnostics.push(
                Diagnostic::error(
                    codes::REPEATED_KEY,
                    format!("`{}` is given twice", key.value),
                )
                .with_span(key.span)
                .with_label(format!("first given on line {line}")),
            );
        }
        pairs.push((key, value));
        if cursor.eat_token(&Token::RParen) {
            return Ok(pairs);
        }
        if !cursor.eat_token(&Token::Comma) {
            return Err(cursor.expected_error("`,` or `)`"));
        }
    }
}

/// A string, number or word.
fn parse_value(cursor: &mut TokenCursor<'_>, key: &str) -> ParseResult<Spanned<String>> {
    let span = cursor.next_span();
    let text = match cursor.peek() {
        Some(Token::SingleQuotedString(text)) => text.clone(),
        Some(Token::Number(digits, _)) => {
            // `128MB` is a number and a word to SQL.
            cursor.advance();
            let mut text = digits.clone();
            let mut span = span;
            if let Some(Token::Word(unit)) = cursor.peek()
                && cursor.next_span().start == span.end
            {
                text.push_str(&unit.value);
                span = span.to(cursor.next_span());
                cursor.advance();
            }
            return Ok(Spanned::new(text, span));
        }
        Some(Token::Word(word)) if word.quote_style.is_none() => word.value.clone(),
        _ => return Err(cursor.expected_error(&format!("a value for `{key}`"))),
    };
    cursor.advance();
    Ok(Spanned::new(text, span))
}

/// When values are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckPhase {
    /// Parameters are unknown: values with `${…}` are not checked yet.
    BeforeBinding,
    /// All values are known.
    AfterBinding,
}

impl CheckPhase {
    fn must_defer(self, text: &str) -> bool {
        self == Self::BeforeBinding && interpolation::has_variables(text)
    }
}

const JSON_OPTIONS: &[&str] = &["compression", "max_line_bytes", "mode", "multi_line"];
const CSV_OPTIONS: &[&str] = &[
    "compression",
    "delimiter",
    "escape",
    "header",
    "mode",
    "null_value",
    "quote",
];

/// The name of the option in this crate, for spellings of Spark such as
/// `maxLineBytes`, `nullValue` and `sep`. `key` is in lower case.
fn canonical_option_name(key: &str) -> &str {
    match key {
        "multiline" => "multi_line",
        "maxlinebytes" => "max_line_bytes",
        "nullvalue" => "null_value",
        "sep" => "delimiter",
        "codec" => "compression",
        key => key,
    }
}

/// Keys contain no variables, so they are checked while parsing.
pub(crate) fn check_option_keys(
    format: Format,
    options: &[(Spanned<String>, Spanned<String>)],
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Spanned<String>> {
    let known = match format {
        Format::Json => JSON_OPTIONS,
        Format::Csv => CSV_OPTIONS,
        Format::Parquet => &[],
    };
    let mut map = BTreeMap::new();
    for (key, value) in options {
        let lower = key.value.to_lowercase();
        let name = canonical_option_name(&lower);
        if !known.contains(&name) {
            let help = match format {
                Format::Parquet => {
                    "Parquet files describe themselves: leave OPTIONS out".to_owned()
                }
                Format::Json | Format::Csv => {
                    let what = format!("the options of {} sources are", format.as_str());
                    let offered = known.iter().copied().filter(|k| *k != "multi_line");
                    suggest_or_list(name, &what, offered)
                }
            };
            diagnostics.push(
                Diagnostic::error(
                    codes::UNKNOWN_OPTION,
                    format!(
                        "unknown option `{}` for a {} source",
                        key.value,
                        format.as_str()
                    ),
                )
                .with_span(key.span)
                .with_help(help),
            );
            continue;
        }
        if name == "multi_line" && !value.value.eq_ignore_ascii_case("false") {
            diagnostics.push(
                Diagnostic::error(
                    codes::CLAUSE_NOT_YET,
                    "JSON that spans lines is not yet supported",
                )
                .with_span(key.span.to(value.span))
                .with_help("write one JSON object per line (newline-delimited JSON)"),
            );
        }
        map.insert(name.to_owned(), value.clone());
    }
    map
}

/// Sets the source's fields from its options. Options whose values contain
/// variables are skipped until the variables are bound.
pub(crate) fn apply_options(source: &mut Source, phase: CheckPhase, diagnostics: &mut Diagnostics) {
    let options = std::mem::take(&mut source.options);
    for (key, value) in &options {
        if phase.must_defer(&value.value) {
            continue;
        }
        if let Err(expected) = apply_option(source, key, &value.value) {
            diagnostics.push(
                Diagnostic::error(
                    codes::BAD_OPTION_VALUE,
                    format!("the option `{key}` cannot be `{}`", value.value),
                )
                .with_span(value.span)
                .with_label(format!("expected {expected}"))
                .with_optional_help(mode_help(key, &value.value)),
            );
        }
    }
    if source.csv.quote == Some(source.csv.delimiter)
        && let Some(value) = options.get("quote").or_else(|| options.get("delimiter"))
    {
        diagnostics.push(
            Diagnostic::error(
                codes::BAD_OPTION_VALUE,
                "`quote` and `delimiter` cannot be the same character",
            )
            .with_span(value.span),
        );
    }
    source.options = options;
}

const MODES: &[&str] = &["permissive", "dropmalformed", "failfast"];

fn mode_help(key: &str, value: &str) -> Option<String> {
    (key == "mode")
        .then(|| did_you_mean(value, MODES.iter().copied()))
        .flatten()
}

fn apply_option(source: &mut Source, key: &str, value: &str) -> Result<(), String> {
    match key {
        "mode" => {
            source.mode = match value.to_ascii_lowercase().as_str() {
                "permissive" => ParseMode::Permissive,
                "dropmalformed" => ParseMode::DropMalformed,
                "failfast" => ParseMode::FailFast,
                _ => {
                    return Err(list_names(MODES.iter().copied()).replace(" and ", " or "));
                }
            };
        }
        "compression" => {
            source.compression = match value.to_ascii_lowercase().as_str() {
                "auto" => Compression::Auto,
                "none" | "uncompressed" => Compression::None,
                "gzip" | "gz" => Compression::Gzip,
                "zstd" | "zst" => Compression::Zstd,
                _ => return Err("`auto`, `none`, `gzip` or `zstd`".to_owned()),
            };
        }
        "max_line_bytes" => {
            source.max_line_bytes = parse_size(value)
                .ok()
                .filter(|size| (1024..=1024 * 1024 * 1024).contains(size))
                .ok_or("a size from 1KB to 1GB, such as `16MB`")?;
        }
        "multi_line" => {}
        "header" => source.csv.header = parse_boolean(value)?,
        "delimiter" => source.csv.delimiter = parse_ascii_char(value)?,
        "quote" if value.is_empty() => source.csv.quote = None,
        "quote" => source.csv.quote = Some(parse_ascii_char(value)?),
        "escape" if value.is_empty() => source.csv.escape = None,
        "escape" => source.csv.escape = Some(parse_ascii_char(value)?),
        "null_value" => value.clone_into(&mut source.csv.null_value),
        // check_option_keys has rejected all other keys.
        _ => {}
    }
    Ok(())
}

fn parse_boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("`true` or `false`".to_owned()),
    }
}

fn parse_ascii_char(value: &str) -> Result<u8, String> {
    match value.as_bytes() {
        _ if value == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(*byte),
        _ => Err("one ASCII character, such as `;` (or `\\t` for a tab)".to_owned()),
    }
}

const DATASET_PROPERTIES: &[&str] = &["sluice.sort_by", "sluice.target_file_size"];

/// Keys contain no variables, so they are checked while parsing. This engine's
/// keys are stored in lower case, those of the table as written, because Delta
/// is case-sensitive.
pub(crate) fn check_property_keys(
    properties: &[(Spanned<String>, Spanned<String>)],
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Spanned<String>> {
    let mut map = BTreeMap::new();
    for (key, value) in properties {
        let name = key.value.to_lowercase();
        let help = match name.as_str() {
            known if DATASET_PROPERTIES.contains(&known) => None,
            "delta.targetfilesize" => Some("use `sluice.target_file_size`".to_owned()),
            own if own.starts_with(OWN_PROPERTIES) => Some(suggest_or_list(
                own,
                "the properties of sluice are",
                DATASET_PROPERTIES.iter().copied(),
            )),
            _ => {
                map.insert(key.value.clone(), value.clone());
                continue;
            }
        };
        if let Some(help) = help {
            diagnostics.push(
                Diagnostic::error(
                    codes::UNKNOWN_PROPERTY,
                    format!("unknown table property `{}`", key.value),
                )
                .with_span(key.span)
                .with_help(help),
            );
            continue;
        }
        map.insert(name, value.clone());
    }
    map
}

/// Sets the dataset's fields from its properties. Properties whose values
/// contain variables are skipped until the variables are bound.
pub(crate) fn apply_properties(
    dataset: &mut Dataset,
    phase: CheckPhase,
    diagnostics: &mut Diagnostics,
) {
    for (key, value) in &dataset.properties {
        if phase.must_defer(&value.value) {
            continue;
        }
        let problem = match key.as_str() {
            "sluice.target_file_size" => parse_target_file_size(&value.value)
                .map(|size| dataset.target_file_size = Some(size))
                .err()
                .map(str::to_owned),
            "sluice.sort_by" => parse_sort_keys(&value.value, value.span)
                .map(|keys| dataset.sort_by = keys)
                .err(),
            _ => None,
        };
        if let Some(expected) = problem {
            diagnostics.push(
                Diagnostic::error(
                    codes::BAD_PROPERTY_VALUE,
                    format!("the property `{key}` cannot be `{}`", value.value),
                )
                .with_span(value.span)
                .with_label(format!("expected {expected}")),
            );
        }
    }
}

/// `a, b DESC, "C" ASC NULLS LAST`.
fn parse_sort_keys(text: &str, span: Span) -> Result<Vec<SortKey>, String> {
    let expected = || "columns such as `user_id, timestamp DESC`".to_owned();
    let mut keys: Vec<SortKey> = Vec::new();
    for item in text.split(',') {
        let item = item.trim();
        let (column, rest) = match item.strip_prefix(['"', '`']) {
            Some(quoted) => {
                let quote = if item.starts_with('"') { '"' } else { '`' };
                let (name, rest) = quoted.split_once(quote).ok_or_else(expected)?;
                (name.to_owned(), rest)
            }
            None => {
                let end = item.find(char::is_whitespace).unwrap_or(item.len());
                let (name, rest) = item.split_at(end);
                if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    return Err(expected());
                }
                (name.to_lowercase(), rest)
            }
        };
        if column.is_empty() {
            return Err(expected());
        }
        let words: Vec<String> = rest.split_whitespace().map(str::to_uppercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (descending, nulls) = match words.as_slice() {
            ["DESC", nulls @ ..] => (true, nulls),
            ["ASC", nulls @ ..] => (false, nulls),
            nulls => (false, nulls),
        };
        let nulls_first = match nulls {
            [] => !descending,
            ["NULLS", "FIRST"] => true,
            ["NULLS", "LAST"] => false,
            _ => return Err(expected()),
        };
        if keys.iter().any(|key| key.column == column) {
            return Err(format!("`{column}` only once"));
        }
        keys.push(SortKey {
            column,
            descending,
            nulls_first,
            span,
        });
    }
    Ok(keys)
}
