//! Upper and lower case.

use super::super::kinds::{Kind, text_result};
use super::super::udf::SparkFunction;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("upper", &[Kind::Text], text_result, |args| {
        let texts = args.text(0)?;
        args.texts(|row| Ok(texts.get(row).map(str::to_uppercase)))
    })
    .with_aliases(&["ucase"]),
    SparkFunction::new("lower", &[Kind::Text], text_result, |args| {
        let texts = args.text(0)?;
        args.texts(|row| Ok(texts.get(row).map(str::to_lowercase)))
    })
    .with_aliases(&["lcase"]),
    SparkFunction::new("initcap", &[Kind::Text], text_result, |args| {
        let texts = args.text(0)?;
        args.texts(|row| Ok(texts.get(row).map(capitalize_words)))
    }),
];

/// Words are separated by spaces only, as in Spark.
fn capitalize_words(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at_start = true;
    for letter in text.to_lowercase().chars() {
        if at_start {
            result.extend(letter.to_uppercase());
        } else {
            result.push(letter);
        }
        at_start = letter == ' ';
    }
    result
}
