//! Numbers in texts of a given format: `to_number`, `try_to_number`, `to_char`.

mod pattern;
#[cfg(test)]
mod tests;
mod to_char;
mod to_number;

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;

use self::pattern::NumberPattern;
use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    to_char::FUNCTIONS.iter().collect()
}

/// `to_number` and `try_to_number`, whose type is that of their format.
pub(super) fn to_number_udfs() -> [Arc<ScalarUDF>; 2] {
    to_number::udfs()
}

fn parse_pattern(text: &str) -> Result<NumberPattern> {
    NumberPattern::parse(text).ok_or_else(|| {
        DataFusionError::Plan(format!(
            "'{text}' is no format of numbers; write one such as '999', '99,999.00' or 'S999'"
        ))
    })
}
