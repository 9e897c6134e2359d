//! The tree of growing columns of a schema, and reading values into it.

pub(crate) mod batch;
mod column_decoder;
mod compile;
pub(crate) mod corrupt_column;
mod growing;
mod key_predictor;
mod leaf;
pub(crate) mod object;
mod repeated;
pub(crate) mod rescued_column;
