//! Texts without what is at their ends.

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, text_result};
use super::super::udf::SparkFunction;

const TEXTS: &[Kind] = &[Kind::Text, Kind::Text];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    // With two arguments the characters come first: `trim(characters, text)`.
    SparkFunction::new("trim", TEXTS, text_result, |args| {
        trim(args, args.count() - 1, 0, (true, true))
    })
    .with_optional(1),
    SparkFunction::new("ltrim", TEXTS, text_result, |args| {
        trim(args, args.count() - 1, 0, (true, false))
    })
    .with_optional(1),
    SparkFunction::new("rtrim", TEXTS, text_result, |args| {
        trim(args, args.count() - 1, 0, (false, true))
    })
    .with_optional(1),
    SparkFunction::new("btrim", TEXTS, text_result, |args| {
        trim(args, 0, 1, (true, true))
    })
    .with_optional(1),
];

fn trim(
    args: &Arguments<'_>,
    text_at: usize,
    characters_at: usize,
    (start, end): (bool, bool),
) -> Result<ArrayRef> {
    let texts = args.text(text_at)?;
    let characters = (args.count() > 1)
        .then(|| args.text(characters_at))
        .transpose()?;
    args.texts(|row| {
        Ok((|| {
            let mut text = texts.get(row)?;
            // Only spaces are trimmed by default: not tabs, not line ends.
            let characters = match &characters {
                None => " ",
                Some(characters) => characters.get(row)?,
            };
            let is_trimmed = |c: char| characters.contains(c);
            if start {
                text = text.trim_start_matches(is_trimmed);
            }
            if end {
                text = text.trim_end_matches(is_trimmed);
            }
            Some(text)
        })())
    })
}
