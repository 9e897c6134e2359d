//! Functions of text.

mod case;
mod characters;
mod concat;
mod encode;
mod measure;
mod numbers;
mod pad;
mod search;
mod slice;
#[cfg(test)]
mod tests;
mod trim;
mod url;
mod utf8;

pub(super) use self::encode::encode_hex;
use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    [
        case::FUNCTIONS,
        characters::FUNCTIONS,
        concat::FUNCTIONS,
        encode::FUNCTIONS,
        measure::FUNCTIONS,
        numbers::FUNCTIONS,
        pad::FUNCTIONS,
        search::FUNCTIONS,
        slice::FUNCTIONS,
        trim::FUNCTIONS,
        url::FUNCTIONS,
        utf8::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}
