//! Where a text is in another.

use datafusion::arrow::array::{ArrayRef, Int32Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::{Arguments, Column};
use super::super::kinds::{Kind, boolean_result, int_result, text_result};
use super::super::udf::SparkFunction;

const TWO: &[Kind] = &[Kind::TextOrBinary, Kind::TextOrBinary];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    // `instr(text, part[, start[, occurrence]])`.
    SparkFunction::new(
        "instr",
        &[Kind::Text, Kind::Text, Kind::Int, Kind::Int],
        int_result,
        |args| {
            let (texts, parts) = (args.text(0)?, args.text(1)?);
            let starts = (args.count() > 2).then(|| args.int(2)).transpose()?;
            let occurrences = (args.count() > 3).then(|| args.int(3)).transpose()?;
            args.ints(|row| {
                let number = |numbers: &Option<Column<Int32Array>>| match numbers {
                    None => Some(1),
                    Some(numbers) => numbers.get(row),
                };
                let (Some(text), Some(part), Some(start), Some(occurrence)) = (
                    texts.get(row),
                    parts.get(row),
                    number(&starts),
                    number(&occurrences),
                ) else {
                    return Ok(None);
                };
                match usize::try_from(occurrence)
                    .ok()
                    .and_then(|n| n.checked_sub(1))
                {
                    Some(skipped) => Ok(Some(nth_position(part, text, start, skipped))),
                    None => Err(DataFusionError::Execution(format!(
                        "the occurrence of `instr` is a number from 1, not {occurrence}"
                    ))),
                }
            })
        },
    )
    .with_optional(2),
    // `position(part IN text)` comes as `position(part, text)`.
    SparkFunction::new(
        "locate",
        &[Kind::Text, Kind::Text, Kind::Int],
        int_result,
        |args| {
            let (parts, texts) = (args.text(0)?, args.text(1)?);
            let starts = (args.count() > 2).then(|| args.int(2)).transpose()?;
            args.ints(|row| {
                let start = match &starts {
                    None => 1,
                    Some(starts) => match starts.get(row) {
                        // As in Spark, where no start is no position.
                        None => return Ok(Some(0)),
                        Some(start) => start,
                    },
                };
                Ok((|| {
                    Some(position_of(parts.get(row)?, texts.get(row)?, start))
                })())
            })
        },
    )
    .with_aliases(&["position", "charindex"])
    .with_optional(1),
    SparkFunction::new("contains", TWO, boolean_result, |args| {
        compare(args, |text, part| {
            part.is_empty() || memchr::memmem::find(text, part).is_some()
        })
    }),
    SparkFunction::new("startswith", TWO, boolean_result, |args| {
        compare(args, |text, part| text.starts_with(part))
    })
    .with_aliases(&["starts_with"]),
    SparkFunction::new("endswith", TWO, boolean_result, |args| {
        compare(args, |text, part| text.ends_with(part))
    })
    .with_aliases(&["ends_with"]),
    SparkFunction::new(
        "find_in_set",
        &[Kind::Text, Kind::Text],
        int_result,
        |args| {
            let (words, lists) = (args.text(0)?, args.text(1)?);
            args.ints(|row| {
                Ok((|| {
                    let (word, list) = (words.get(row)?, lists.get(row)?);
                    let at = match word.contains(',') {
                        true => None,
                        false => list.split(',').position(|item| item == word),
                    };
                    i32::try_from(at.map_or(0, |at| at + 1)).ok()
                })())
            })
        },
    ),
    SparkFunction::new(
        "elt",
        &[Kind::Int, Kind::Text, Kind::Text],
        text_result,
        choose_text,
    )
    .with_optional(1)
    .variadic(),
];

fn choose_text(args: &Arguments<'_>) -> Result<ArrayRef> {
    let numbers = args.int(0)?;
    let texts = (1..args.count())
        .map(|at| args.text(at))
        .collect::<Result<Vec<_>>>()?;
    args.texts(|row| {
        let Some(number) = numbers.get(row) else {
            return Ok(None);
        };
        let chosen = usize::try_from(number)
            .ok()
            .and_then(|number| texts.get(number.checked_sub(1)?));
        match chosen {
            Some(text) => Ok(text.get(row)),
            None => Err(DataFusionError::Execution(format!(
                "elt has no text {number}: there are {}, and they count from 1",
                texts.len()
            ))),
        }
    })
}

/// The position from 1 of the occurrence after `skipped` others, which may overlap; 0 if
/// there is none. A negative start counts from the end, and the search goes to the front.
fn nth_position(part: &str, text: &str, start: i32, skipped: usize) -> i32 {
    if part.is_empty() {
        return i32::from(start != 0);
    }
    let begins: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let is_match = |at: &usize| {
        let rest = begins.get(*at).and_then(|begin| text.get(*begin..));
        rest.is_some_and(|rest| rest.starts_with(part))
    };
    let distance = start.unsigned_abs() as usize;
    let found = match start {
        0 => None,
        1.. => (distance - 1..begins.len()).filter(is_match).nth(skipped),
        _ => match begins.len().checked_sub(distance) {
            Some(last) => (0..=last).rev().filter(is_match).nth(skipped),
            None => None,
        },
    };
    found.map_or(0, |at| i32::try_from(at + 1).unwrap_or(i32::MAX))
}

/// The position from 1 in characters, from `start` on; 0 if there is none.
fn position_of(part: &str, text: &str, start: i32) -> i32 {
    let Some(skipped) = usize::try_from(start).ok().and_then(|s| s.checked_sub(1)) else {
        return 0;
    };
    if part.is_empty() {
        return 1;
    }
    let from = if text.is_ascii() {
        skipped
    } else {
        match text.char_indices().nth(skipped) {
            Some((at, _)) => at,
            None => return 0,
        }
    };
    let Some(found) = text.get(from..).and_then(|rest| rest.find(part)) else {
        return 0;
    };
    let before = text.get(..from + found).unwrap_or_default();
    let characters = if text.is_ascii() {
        before.len()
    } else {
        before.chars().count()
    };
    i32::try_from(characters + 1).unwrap_or(i32::MAX)
}

fn compare(args: &Arguments<'_>, holds: fn(&[u8], &[u8]) -> bool) -> Result<ArrayRef> {
    if args.data_type(0)? == &DataType::Binary && args.data_type(1)? == &DataType::Binary {
        let (values, parts) = (args.binary(0)?, args.binary(1)?);
        return args.booleans(|row| Ok((|| Some(holds(values.get(row)?, parts.get(row)?)))()));
    }
    let (texts, parts) = (args.text(0)?, args.text(1)?);
    args.booleans(|row| {
        Ok((|| {
            Some(holds(
                texts.get(row)?.as_bytes(),
                parts.get(row)?.as_bytes(),
            ))
        })())
    })
}
