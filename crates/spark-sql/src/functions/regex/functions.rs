//! The functions whose names begin with `regexp`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, boolean_result, int_result, text_array_result, text_result};
use super::super::text_builder::{TextBuilder, check_text_bytes};
use super::super::udf::SparkFunction;
use super::matcher::{Groups, RegexCache};
use super::replacement::Replacement;

const TEXT_AND_PATTERN: &[Kind] = &[Kind::Text, Kind::Text];
const WITH_GROUP: &[Kind] = &[Kind::Text, Kind::Text, Kind::Int];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("regexp_like", TEXT_AND_PATTERN, boolean_result, |args| {
        let (texts, patterns) = (args.text(0)?, args.text(1)?);
        let mut cache = RegexCache::default();
        args.booleans(|row| match (texts.get(row), patterns.get(row)) {
            (Some(text), Some(pattern)) => cache.get(pattern)?.is_match(text).map(Some),
            _ => Ok(None),
        })
    })
    .with_aliases(&["rlike", "regexp"]),
    SparkFunction::new("regexp_extract", WITH_GROUP, text_result, |args| {
        let (texts, patterns) = (args.text(0)?, args.text(1)?);
        let numbers = (args.count() > 2).then(|| args.int(2)).transpose()?;
        let mut cache = RegexCache::default();
        let mut results = TextBuilder::new(args.name(), args.rows());
        for row in 0..args.rows() {
            let number = match &numbers {
                None => Some(1),
                Some(numbers) => numbers.get(row),
            };
            let (Some(text), Some(pattern), Some(number)) =
                (texts.get(row), patterns.get(row), number)
            else {
                results.append_null();
                continue;
            };
            let regex = cache.get(pattern)?;
            match regex.groups_at(text, 0)? {
                // No match, or a group that did not take part, is the empty text.
                None => results.append("")?,
                Some(groups) => {
                    let number = checked_group(args.name(), number, regex.group_count())?;
                    results.append(group_text(text, &groups, number))?;
                }
            }
        }
        Ok(results.finish())
    })
    .with_optional(1),
    SparkFunction::new(
        "regexp_extract_all",
        WITH_GROUP,
        text_array_result,
        extract_all,
    )
    .with_optional(1),
    SparkFunction::new(
        "regexp_replace",
        &[Kind::Text, Kind::Text, Kind::Text, Kind::Int],
        text_result,
        replace_all,
    )
    .with_optional(1),
    SparkFunction::new("regexp_count", TEXT_AND_PATTERN, int_result, |args| {
        let (texts, patterns) = (args.text(0)?, args.text(1)?);
        let mut cache = RegexCache::default();
        args.ints(|row| match (texts.get(row), patterns.get(row)) {
            (Some(text), Some(pattern)) => {
                let mut count = 0;
                cache.get(pattern)?.for_each_match(text, |_| {
                    count += 1;
                    Ok(())
                })?;
                Ok(Some(count))
            }
            _ => Ok(None),
        })
    }),
    SparkFunction::new("regexp_substr", TEXT_AND_PATTERN, text_result, |args| {
        let (texts, patterns) = (args.text(0)?, args.text(1)?);
        let mut cache = RegexCache::default();
        args.texts(|row| match (texts.get(row), patterns.get(row)) {
            (Some(text), Some(pattern)) => Ok(cache
                .get(pattern)?
                .find_at(text, 0)?
                // Nothing found, or found nothing: both are NULL.
                .filter(|(start, end)| end > start)
                .and_then(|(start, end)| text.get(start..end))),
            _ => Ok(None),
        })
    }),
    SparkFunction::new("regexp_instr", WITH_GROUP, int_result, |args| {
        let (texts, patterns) = (args.text(0)?, args.text(1)?);
        let numbers = (args.count() > 2).then(|| args.int(2)).transpose()?;
        let mut cache = RegexCache::default();
        args.ints(|row| {
            let given = numbers.as_ref().is_none_or(|n| n.get(row).is_some());
            match (texts.get(row), patterns.get(row)) {
                (Some(text), Some(pattern)) if given => {
                    let found = cache.get(pattern)?.find_at(text, 0)?;
                    let position = found.map_or(0, |(start, _)| {
                        text.get(..start).unwrap_or_default().chars().count() + 1
                    });
                    Ok(i32::try_from(position).ok())
                }
                _ => Ok(None),
            }
        })
    })
    .with_optional(1),
];

/// The group `number` of a match; without a match any number will do.
fn checked_group(function: &str, number: i32, count: usize) -> Result<usize> {
    usize::try_from(number)
        .ok()
        .filter(|number| *number <= count)
        .ok_or_else(|| {
            DataFusionError::Execution(format!(
                "{function}: the pattern has no group {number}; it has {count}, and 0 is the \
                 whole match"
            ))
        })
}

fn group_text<'a>(text: &'a str, groups: &Groups, number: usize) -> &'a str {
    match groups.get(number) {
        Some(Some((start, end))) => text.get(*start..*end).unwrap_or_default(),
        _ => "",
    }
}

fn extract_all(args: &Arguments<'_>) -> Result<ArrayRef> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let numbers = (args.count() > 2).then(|| args.int(2)).transpose()?;
    let mut cache = RegexCache::default();
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..args.rows() {
        let number = match &numbers {
            None => Some(1),
            Some(numbers) => numbers.get(row),
        };
        let (Some(text), Some(pattern), Some(number)) = (texts.get(row), patterns.get(row), number)
        else {
            lists.append_null();
            continue;
        };
        let regex = cache.get(pattern)?;
        regex.for_each_match(text, |groups| {
            let number = checked_group(args.name(), number, regex.group_count())?;
            lists
                .values()
                .append_value(group_text(text, groups, number));
            Ok(())
        })?;
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn replace_all(args: &Arguments<'_>) -> Result<ArrayRef> {
    let (texts, patterns, replacements) = (args.text(0)?, args.text(1)?, args.text(2)?);
    let starts = (args.count() > 3).then(|| args.int(3)).transpose()?;
    let mut cache = RegexCache::default();
    let mut parsed: Option<(String, String, Replacement)> = None;
    let mut results = TextBuilder::new(args.name(), args.rows());
    let mut result = String::new();
    for row in 0..args.rows() {
        let start = match &starts {
            None => Some(1),
            Some(starts) => starts.get(row),
        };
        let (Some(text), Some(pattern), Some(replacement), Some(start)) = (
            texts.get(row),
            patterns.get(row),
            replacements.get(row),
            start,
        ) else {
            results.append_null();
            continue;
        };
        let start = usize::try_from(start)
            .ok()
            .filter(|s| *s > 0)
            .ok_or_else(|| {
                DataFusionError::Execution(format!(
                    "regexp_replace cannot start at position {start}; positions count from 1"
                ))
            })?;
        let regex = cache.get(pattern)?;
        let known = parsed
            .as_ref()
            .is_some_and(|(p, r, _)| p == pattern && r == replacement);
        if !known {
            let new = Replacement::parse(replacement, regex)?;
            parsed = Some((pattern.to_owned(), replacement.to_owned(), new));
        }
        let Some((_, _, replacement)) = &parsed else {
            continue;
        };
        // What is before the start is kept, and is not text for the pattern.
        let from = match text.char_indices().nth(start - 1) {
            Some((at, _)) => at,
            None => text.len(),
        };
        let (kept, searched) = text.split_at(from);
        result.clear();
        result.push_str(kept);
        let mut copied = 0;
        regex.for_each_match(searched, |groups| {
            if let Some(Some((start, end))) = groups.first().copied() {
                result.push_str(searched.get(copied..start).unwrap_or_default());
                replacement.append(searched, groups, &mut result);
                check_text_bytes("regexp_replace", result.len())?;
                copied = end;
            }
            Ok(())
        })?;
        result.push_str(searched.get(copied..).unwrap_or_default());
        results.append(&result)?;
    }
    Ok(results.finish())
}
