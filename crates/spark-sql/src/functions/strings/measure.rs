//! Lengths of texts and distances between them.

use datafusion::arrow::datatypes::DataType;

use super::super::kinds::{Kind, int_result};
use super::super::udf::SparkFunction;
use crate::planning::check_constant_steps;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("length", &[Kind::TextOrBinary], int_result, |args| {
        if *args.data_type(0)? == DataType::Binary {
            let values = args.binary(0)?;
            return args.ints(|row| Ok(values.get(row).and_then(|v| v.len().try_into().ok())));
        }
        let texts = args.text(0)?;
        args.ints(|row| {
            Ok(texts
                .get(row)
                .and_then(|text| text.chars().count().try_into().ok()))
        })
    })
    .with_aliases(&["char_length", "character_length", "len"]),
    SparkFunction::new("octet_length", &[Kind::Binary], int_result, |args| {
        let values = args.binary(0)?;
        args.ints(|row| Ok(values.get(row).and_then(|v| v.len().try_into().ok())))
    }),
    SparkFunction::new("bit_length", &[Kind::Binary], int_result, |args| {
        let values = args.binary(0)?;
        args.ints(|row| Ok(values.get(row).and_then(|v| (v.len() * 8).try_into().ok())))
    }),
    SparkFunction::new(
        "levenshtein",
        &[Kind::Text, Kind::Text, Kind::Int],
        int_result,
        |args| {
            let (left, right) = (args.text(0)?, args.text(1)?);
            let most = (args.count() > 2).then(|| args.int(2)).transpose()?;
            args.ints(|row| {
                let (Some(left), Some(right)) = (left.get(row), right.get(row)) else {
                    return Ok(None);
                };
                check_constant_steps(args.name(), left.len().saturating_mul(right.len()))?;
                let distance = levenshtein(left, right);
                Ok(match &most {
                    None => Some(distance),
                    Some(most) => most
                        .get(row)
                        .map(|most| if distance > most { -1 } else { distance }),
                })
            })
        },
    )
    .with_optional(1),
];

fn levenshtein(left: &str, right: &str) -> i32 {
    let right: Vec<char> = right.chars().collect();
    let mut costs: Vec<i32> = (0..).take(right.len() + 1).collect();
    for (row, letter) in (1..).zip(left.chars()) {
        let mut diagonal = row - 1;
        let mut previous = row;
        if let Some(first) = costs.first_mut() {
            *first = row;
        }
        for (cost, other) in costs.iter_mut().skip(1).zip(&right) {
            let substituted = diagonal + i32::from(letter != *other);
            diagonal = *cost;
            *cost = substituted.min(diagonal + 1).min(previous + 1);
            previous = *cost;
        }
    }
    costs.last().copied().unwrap_or(0)
}
