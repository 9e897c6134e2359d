//! Parts of a text by position or delimiter.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, text_or_binary_result, text_result};
use super::super::udf::SparkFunction;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "substring",
        &[Kind::TextOrBinary, Kind::Int, Kind::Int],
        text_or_binary_result,
        |args| {
            let starts = args.int(1)?;
            let lengths = (args.count() > 2).then(|| args.int(2)).transpose()?;
            slices(args, |row| {
                let length = match &lengths {
                    None => i32::MAX,
                    Some(lengths) => lengths.get(row)?,
                };
                Some((starts.get(row)?, length))
            })
        },
    )
    .with_aliases(&["substr", "mid"])
    .with_optional(1),
    SparkFunction::new(
        "left",
        &[Kind::TextOrBinary, Kind::Int],
        text_or_binary_result,
        |args| {
            let lengths = args.int(1)?;
            slices(args, |row| Some((1, lengths.get(row)?)))
        },
    ),
    SparkFunction::new("right", &[Kind::Text, Kind::Int], text_result, |args| {
        let lengths = args.int(1)?;
        slices(args, |row| {
            let length = lengths.get(row)?;
            // The last n characters, none for n < 1.
            Some(match length {
                ..=0 => (1, 0),
                length => (-length, i32::MAX),
            })
        })
    }),
    SparkFunction::new(
        "split_part",
        &[Kind::Text, Kind::Text, Kind::Int],
        text_result,
        |args| {
            let (texts, delimiters, numbers) = (args.text(0)?, args.text(1)?, args.int(2)?);
            args.texts(|row| {
                let (Some(text), Some(delimiter), Some(number)) =
                    (texts.get(row), delimiters.get(row), numbers.get(row))
                else {
                    return Ok(None);
                };
                split_part(text, delimiter, number).map(Some)
            })
        },
    ),
    SparkFunction::new(
        "substring_index",
        &[Kind::Text, Kind::Text, Kind::Int],
        text_result,
        |args| {
            let (texts, delimiters, counts) = (args.text(0)?, args.text(1)?, args.int(2)?);
            args.texts(|row| {
                Ok((|| {
                    Some(substring_index(
                        texts.get(row)?,
                        delimiters.get(row)?,
                        counts.get(row)?,
                    ))
                })())
            })
        },
    ),
    SparkFunction::new(
        "overlay",
        &[Kind::TextOrBinary, Kind::TextOrBinary, Kind::Int, Kind::Int],
        text_or_binary_result,
        |args| {
            let starts = args.int(2)?;
            let lengths = (args.count() > 3).then(|| args.int(3)).transpose()?;
            let position = |row, replacement_length: usize| {
                let start = starts.get(row)?;
                let length = match &lengths {
                    None => -1,
                    Some(lengths) => lengths.get(row)?,
                };
                let length = if length < 0 {
                    i32::try_from(replacement_length).unwrap_or(i32::MAX)
                } else {
                    length
                };
                Some((start, start.saturating_add(length)))
            };
            if *args.result_type() == DataType::Binary {
                let (texts, inserts) = (args.binary(0)?, args.binary(1)?);
                return args.binaries(|row| {
                    Ok((|| {
                        let (text, insert) = (texts.get(row)?, inserts.get(row)?);
                        let (start, end) = position(row, insert.len())?;
                        let head = bytes_range(text.len(), 1, start.saturating_sub(1));
                        let tail = bytes_range(text.len(), end, i32::MAX);
                        Some([text.get(head)?, insert, text.get(tail)?].concat())
                    })())
                });
            }
            let (texts, inserts) = (args.text(0)?, args.text(1)?);
            args.texts(|row| {
                Ok((|| {
                    let (text, insert) = (texts.get(row)?, inserts.get(row)?);
                    let (start, end) = position(row, insert.chars().count())?;
                    let head = substring(text, 1, start.saturating_sub(1));
                    Some([head, insert, substring(text, end, i32::MAX)].concat())
                })())
            })
        },
    )
    .with_optional(1),
];

fn slices(args: &Arguments<'_>, range: impl Fn(usize) -> Option<(i32, i32)>) -> Result<ArrayRef> {
    if *args.result_type() == DataType::Binary {
        let values = args.binary(0)?;
        return args.binaries(|row| {
            Ok(range(row).and_then(|(start, length)| {
                let bytes = values.get(row)?;
                bytes.get(bytes_range(bytes.len(), start, length))
            }))
        });
    }
    let texts = args.text(0)?;
    args.texts(|row| {
        Ok(range(row).and_then(|(start, length)| Some(substring(texts.get(row)?, start, length))))
    })
}

/// The positions from 0 of a slice: `start` counts from 1, or from the end when
/// negative; 0 is like 1. A start before the first is cut off, but the end
/// is counted from it.
fn range(count: usize, start: i32, length: i32) -> (usize, usize) {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let start = match i64::from(start) {
        start if start > 0 => start - 1,
        0 => 0,
        start => count + start,
    };
    let end = start.saturating_add(i64::from(length));
    let within = |at: i64| usize::try_from(at.clamp(0, count)).unwrap_or(0);
    let (start, end) = (within(start), within(end));
    (start, end.max(start))
}

fn bytes_range(count: usize, start: i32, length: i32) -> std::ops::Range<usize> {
    let (start, end) = range(count, start, length);
    start..end
}

/// Spark's `substring`, by characters.
pub(crate) fn substring(text: &str, start: i32, length: i32) -> &str {
    if text.is_ascii() {
        return text
            .get(bytes_range(text.len(), start, length))
            .unwrap_or_default();
    }
    // The number of characters matters only for positions from the end.
    let count = if start < 0 {
        text.chars().count()
    } else {
        text.len()
    };
    let (start, end) = range(count, start, length);
    let mut positions = text.char_indices().map(|(at, _)| at);
    let Some(from) = positions.nth(start) else {
        return "";
    };
    if end == start {
        return "";
    }
    let to = positions.nth(end - start - 1).unwrap_or(text.len());
    text.get(from..to).unwrap_or_default()
}

fn split_part<'a>(text: &'a str, delimiter: &str, number: i32) -> Result<&'a str> {
    if number == 0 {
        return Err(DataFusionError::Execution(
            "split_part has no part 0; parts count from 1, and from the end with -1".to_owned(),
        ));
    }
    let at = number.unsigned_abs() as usize - 1;
    if delimiter.is_empty() {
        // The text is not split.
        return Ok(if at == 0 { text } else { "" });
    }
    let part = if number > 0 {
        text.split(delimiter).nth(at)
    } else {
        text.rsplit(delimiter).nth(at)
    };
    Ok(part.unwrap_or_default())
}

fn substring_index<'a>(text: &'a str, delimiter: &str, count: i32) -> &'a str {
    if delimiter.is_empty() || count == 0 {
        return "";
    }
    let nth = count.unsigned_abs() as usize - 1;
    if count > 0 {
        return match text.match_indices(delimiter).nth(nth) {
            Some((at, _)) => text.get(..at).unwrap_or_default(),
            None => text,
        };
    }
    match text.rmatch_indices(delimiter).nth(nth) {
        Some((at, found)) => text.get(at + found.len()..).unwrap_or_default(),
        None => text,
    }
}
