//! Texts with other characters.

use std::collections::HashMap;

use datafusion::error::{DataFusionError, Result};

use super::super::kinds::{Kind, int_result, text_result};
use super::super::udf::SparkFunction;
use crate::planning::check_constant_bytes;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "translate",
        &[Kind::Text, Kind::Text, Kind::Text],
        text_result,
        |args| {
            let (texts, from, to) = (args.text(0)?, args.text(1)?, args.text(2)?);
            args.texts(|row| {
                Ok((|| {
                    Some(translate(texts.get(row)?, from.get(row)?, to.get(row)?))
                })())
            })
        },
    ),
    SparkFunction::new(
        "replace",
        &[Kind::Text, Kind::Text, Kind::Text],
        text_result,
        |args| {
            let (texts, searches) = (args.text(0)?, args.text(1)?);
            let replacements = (args.count() > 2).then(|| args.text(2)).transpose()?;
            args.texts(|row| {
                let (Some(text), Some(search)) = (texts.get(row), searches.get(row)) else {
                    return Ok(None);
                };
                let replacement = match &replacements {
                    None => Some(""),
                    Some(replacements) => replacements.get(row),
                };
                let Some(replacement) = replacement else {
                    return Ok(None);
                };
                if search.is_empty() {
                    return Ok(Some(text.to_owned()));
                }
                let most = (text.len() / search.len()).saturating_mul(replacement.len());
                check_constant_bytes(args.name(), most)?;
                Ok(Some(text.replace(search, replacement)))
            })
        },
    )
    .with_optional(1),
    SparkFunction::new(
        "mask",
        &[Kind::Text, Kind::Text, Kind::Text, Kind::Text, Kind::Text],
        text_result,
        |args| {
            let texts = args.text(0)?;
            let defaults = [Some('X'), Some('x'), Some('n'), None];
            let mut masks = Vec::new();
            for at in 1..args.count() {
                masks.push(args.text(at)?);
            }
            args.texts(|row| {
                let mut letters = defaults;
                for (letter, mask) in letters.iter_mut().zip(&masks) {
                    *letter = mask.get(row).map(mask_character).transpose()?;
                }
                Ok(texts.get(row).map(|text| mask(text, letters)))
            })
        },
    )
    .with_optional(4),
    SparkFunction::new("chr", &[Kind::Long], text_result, |args| {
        let codes = args.long(0)?;
        args.texts(|row| {
            Ok(codes.get(row).map(|code| match u8::try_from(code & 0xff) {
                Ok(byte) if code >= 0 => char::from(byte).to_string(),
                _ => String::new(),
            }))
        })
    })
    .with_aliases(&["char"]),
    SparkFunction::new("ascii", &[Kind::Text], int_result, |args| {
        let texts = args.text(0)?;
        args.ints(|row| {
            Ok(texts
                .get(row)
                .map(|text| text.chars().next().map_or(0, |first| first as i32)))
        })
    }),
];

/// Characters of `from` become those of `to` at the same position, or nothing.
fn translate(text: &str, from: &str, to: &str) -> String {
    let mut replacements: HashMap<char, Option<char>> = HashMap::new();
    let mut targets = to.chars();
    for letter in from.chars() {
        let target = targets.next();
        replacements.entry(letter).or_insert(target);
    }
    text.chars()
        .filter_map(|letter| match replacements.get(&letter) {
            None => Some(letter),
            Some(target) => *target,
        })
        .collect()
}

fn mask_character(text: &str) -> Result<char> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(DataFusionError::Execution(format!(
            "'{text}' cannot mask a character: write one character, or NULL to keep it"
        ))),
    }
}

fn mask(text: &str, [upper, lower, digit, other]: [Option<char>; 4]) -> String {
    text.chars()
        .map(|letter| {
            let masked = if letter.is_uppercase() {
                upper
            } else if letter.is_lowercase() {
                lower
            } else if letter.is_numeric() {
                digit
            } else {
                other
            };
            masked.unwrap_or(letter)
        })
        .collect()
}
