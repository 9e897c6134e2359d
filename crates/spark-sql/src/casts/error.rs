//! Errors of casts at run time.

use datafusion::error::DataFusionError;

/// A value that a type cannot hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum CastError {
    #[error(
        "[CAST_INVALID_INPUT] the text '{value}' cannot be cast to {data_type}; \
         correct the value, or write TRY_CAST to get NULL instead"
    )]
    InvalidText { value: String, data_type: String },
    #[error(
        "[CAST_OVERFLOW] the value {value} of the type {source_type} does not fit {data_type}; \
         write TRY_CAST to get NULL instead"
    )]
    DoesNotFit {
        value: String,
        source_type: String,
        data_type: String,
    },
}

impl From<CastError> for DataFusionError {
    fn from(error: CastError) -> Self {
        Self::Execution(error.to_string())
    }
}
