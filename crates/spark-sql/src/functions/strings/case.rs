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

/// Appends a letter in title case: `ß` is `Ss`, and `ǆ` the letter `ǅ`.
fn push_title(letter: char, result: &mut String) {
    let digraph = match letter {
        'ǆ' => Some('ǅ'),
        'ǉ' => Some('ǈ'),
        'ǌ' => Some('ǋ'),
        'ǳ' => Some('ǲ'),
        _ => None,
    };
    if let Some(title) = digraph {
        result.push(title);
        return;
    }
    let mut upper = letter.to_uppercase();
    let first = upper.next();
    result.extend(first);
    // Of several letters the first is a capital.
    if first.is_some_and(char::is_uppercase) {
        result.extend(upper.flat_map(char::to_lowercase));
    } else {
        result.extend(upper);
    }
}

/// Words are separated by spaces only, as in Spark.
fn capitalize_words(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at_start = true;
    for letter in text.to_lowercase().chars() {
        if at_start {
            push_title(letter, &mut result);
        } else {
            result.push(letter);
        }
        at_start = letter == ' ';
    }
    result
}
