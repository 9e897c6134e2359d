//! `OPTIONS (…)` of sources.

use std::collections::BTreeMap;

use sluice_values::{TimeZone, did_you_mean, list_names, parse_size, suggest_or_list};

use crate::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::job::{Compression, Format, ParseMode, Source};
use crate::span::Spanned;
use crate::statements::key_values::CheckPhase;
use crate::statements::setting::TIME_ZONE_EXAMPLES;
use crate::statements::{inference, new_fields};

const JSON_OPTIONS: &[&str] = &[
    "compression",
    inference::COLUMN_TYPES,
    "max_line_bytes",
    "mode",
    "multi_line",
    new_fields::RESCUED_COLUMN,
    new_fields::EVOLUTION_MODE,
    inference::HINTS,
    "time_zone",
];
const CSV_OPTIONS: &[&str] = &[
    "comment",
    "compression",
    "delimiter",
    "encoding",
    "escape",
    "header",
    "ignore_leading_white_space",
    "ignore_trailing_white_space",
    inference::COLUMN_TYPES,
    inference::INFER_SCHEMA,
    "max_line_bytes",
    "mode",
    "multi_line",
    "null_value",
    "quote",
    new_fields::RESCUED_COLUMN,
    new_fields::EVOLUTION_MODE,
    inference::HINTS,
    "time_zone",
];
/// Options of Parquet sources whose columns are not declared.
const PARQUET_OPTIONS: &[&str] = &[new_fields::EVOLUTION_MODE, inference::HINTS];

/// The name of the option in this crate, for spellings of Spark such as
/// `maxLineBytes`, `nullValue` and `sep`. `key` is in lower case.
fn canonical_option_name(key: &str) -> &str {
    match key {
        "multiline" => "multi_line",
        "maxlinebytes" => "max_line_bytes",
        "nullvalue" => "null_value",
        "sep" => "delimiter",
        "codec" => "compression",
        "charset" => "encoding",
        "ignoreleadingwhitespace" => "ignore_leading_white_space",
        "ignoretrailingwhitespace" => "ignore_trailing_white_space",
        "inferschema" => inference::INFER_SCHEMA,
        "infercolumntypes" | "cloudfiles.infercolumntypes" => inference::COLUMN_TYPES,
        "schemahints" | "cloudfiles.schemahints" => inference::HINTS,
        "timezone" => "time_zone",
        "schemaevolutionmode" | "cloudfiles.schemaevolutionmode" => new_fields::EVOLUTION_MODE,
        "rescueddatacolumn" | "cloudfiles.rescueddatacolumn" => new_fields::RESCUED_COLUMN,
        key => key,
    }
}

/// Keys contain no variables, so they are checked while parsing.
pub(crate) fn check_option_keys(
    (format, is_inferred): (Format, bool),
    options: &[(Spanned<String>, Spanned<String>)],
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Spanned<String>> {
    let known = match format {
        Format::Json => JSON_OPTIONS,
        Format::Csv => CSV_OPTIONS,
        Format::Parquet if is_inferred => PARQUET_OPTIONS,
        Format::Parquet => &[],
    };
    let mut map = BTreeMap::new();
    for (key, value) in options {
        let lower = key.value.to_lowercase();
        let name = canonical_option_name(&lower);
        if !known.contains(&name) {
            let help = match format {
                Format::Parquet if is_inferred => {
                    "the options of Parquet sources without columns are schemaHints and schemaEvolutionMode".to_owned()
                }
                Format::Parquet => {
                    "Parquet files describe themselves: leave OPTIONS out".to_owned()
                }
                Format::Json | Format::Csv => {
                    let what = format!("the options of {} sources are", format.as_str());
                    let accepted_only = ["multi_line", inference::INFER_SCHEMA, "encoding"];
                    let offered = known
                        .iter()
                        .copied()
                        .filter(|k| format == Format::Csv || !accepted_only.contains(k));
                    option_of_spark(name)
                        .map_or_else(|| suggest_or_list(name, &what, offered), str::to_owned)
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
        if name == "multi_line"
            && format == Format::Json
            && !value.value.eq_ignore_ascii_case("false")
        {
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

/// What to write instead of options of Spark that would change values.
fn option_of_spark(name: &str) -> Option<&'static str> {
    Some(match name {
        "dateformat" => "declare the column as STRING and write to_date(column, 'pattern')",
        "timestampformat" | "timestampntzformat" => {
            "declare the column as STRING and write to_timestamp(column, 'pattern')"
        }
        "columnnameofcorruptrecord" => "declare a column `_corrupt_record` instead",
        "emptyvalue" | "nanvalue" | "positiveinf" | "negativeinf" => {
            "declare the column as STRING and convert it with CASE"
        }
        "recursivefilelookup" | "pathglobfilter" => {
            "write a pattern such as `folder/*/*.json` in LOCATION"
        }
        _ => return None,
    })
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
        "multi_line" if source.format == Format::Csv => {
            source.csv.multi_line = parse_boolean(value)?;
        }
        "multi_line" => {}
        "time_zone" if TimeZone::find(value).is_some() => {
            source.time_zone = Some(value.to_owned());
        }
        "time_zone" => return Err(TIME_ZONE_EXAMPLES.to_owned()),
        "encoding" if ["utf-8", "utf8"].contains(&value.to_ascii_lowercase().as_str()) => {}
        "encoding" => return Err("`UTF-8`: convert files in other encodings".to_owned()),
        // They say how columns are found, if they are not declared.
        inference::INFER_SCHEMA | inference::COLUMN_TYPES => {
            parse_boolean(value)?;
        }
        "ignore_leading_white_space" => source.csv.trim_leading = parse_boolean(value)?,
        "ignore_trailing_white_space" => source.csv.trim_trailing = parse_boolean(value)?,
        "comment" if value.is_empty() => source.csv.comment = None,
        "comment" => source.csv.comment = Some(parse_ascii_char(value)?),
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

/// `true` or `false`, in any case.
pub(crate) fn parse_boolean(value: &str) -> Result<bool, String> {
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
