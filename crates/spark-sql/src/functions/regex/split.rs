//! `split`, whose delimiter is a regular expression.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use datafusion::error::Result;

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, text_array_result};
use super::super::udf::SparkFunction;
use super::matcher::{JavaRegex, RegexCache, next_position};

pub(super) static FUNCTIONS: &[SparkFunction] = &[SparkFunction::new(
    "split",
    &[Kind::Text, Kind::Text, Kind::Int],
    text_array_result,
    split_column,
)
.with_optional(1)];

fn split_column(args: &Arguments<'_>) -> Result<ArrayRef> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let limits = (args.count() > 2).then(|| args.int(2)).transpose()?;
    let mut cache = RegexCache::default();
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..args.rows() {
        let limit = match &limits {
            None => Some(-1),
            Some(limits) => limits.get(row),
        };
        let (Some(text), Some(pattern), Some(limit)) = (texts.get(row), patterns.get(row), limit)
        else {
            lists.append_null();
            continue;
        };
        let push = |part: &str| lists.values().append_value(part);
        // Without a limit all parts are kept, empty ones at the end too.
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        match plain_delimiter(pattern) {
            Some(delimiter) => split_plain(text, delimiter, limit, push),
            None => split_text(text, cache.get(pattern)?, pattern.is_empty(), limit, push)?,
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

/// A pattern that stands for itself, such as `,`.
fn plain_delimiter(pattern: &str) -> Option<&str> {
    let special = |c: char| "\\^$.|?*+()[]{}".contains(c);
    (!pattern.is_empty() && !pattern.contains(special)).then_some(pattern)
}

fn split_plain(text: &str, delimiter: &str, limit: Option<usize>, mut push: impl FnMut(&str)) {
    match limit {
        Some(limit) => text.splitn(limit, delimiter).for_each(&mut push),
        None => text.split(delimiter).for_each(&mut push),
    }
}

fn split_text(
    text: &str,
    regex: &JavaRegex,
    pattern_is_empty: bool,
    limit: Option<usize>,
    mut push: impl FnMut(&str),
) -> Result<()> {
    // Spark splits by an empty pattern into characters, without an empty text at
    // the end.
    let end = match pattern_is_empty {
        true => text.len().saturating_sub(1),
        false => text.len(),
    };
    let mut parts = 0;
    let mut start = 0;
    let mut from = 0;
    while from <= end && limit.is_none_or(|limit| parts + 1 < limit) {
        let Some((at, after)) = regex.find_at(text, from)? else {
            break;
        };
        if pattern_is_empty && at > end {
            break;
        }
        from = if after > at {
            after
        } else {
            next_position(text, after)
        };
        // An empty match at the start gives no empty part.
        if at == 0 && after == 0 {
            continue;
        }
        push(text.get(start..at).unwrap_or_default());
        parts += 1;
        start = after;
    }
    push(text.get(start..).unwrap_or_default());
    Ok(())
}
