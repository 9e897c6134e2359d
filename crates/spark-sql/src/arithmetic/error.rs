//! Errors of arithmetic at run time.

use datafusion::error::DataFusionError;

/// An operation that has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArithmeticError {
    #[error(
        "[ARITHMETIC_OVERFLOW] {expression} does not fit {data_type}; \
         write {try_form} to get NULL instead, or cast to a wider type first"
    )]
    Overflow {
        expression: String,
        data_type: String,
        try_form: String,
    },
    #[error(
        "[DIVIDE_BY_ZERO] {expression} divides by zero; write {try_form} to get NULL instead, \
         or nullif(divisor, 0)"
    )]
    DivideByZero {
        expression: String,
        try_form: String,
    },
    #[error(
        "[ARITHMETIC_OVERFLOW] the {function} of the values does not fit {data_type}; \
         write try_{function} to get NULL instead, or cast to a wider type first"
    )]
    AggregateOverflow {
        function: &'static str,
        data_type: String,
    },
}

impl From<ArithmeticError> for DataFusionError {
    fn from(error: ArithmeticError) -> Self {
        Self::Execution(error.to_string())
    }
}
