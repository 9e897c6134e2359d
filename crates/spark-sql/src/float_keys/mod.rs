//! Floats that are equal are one key: 0.0 and -0.0, and all NaN.
//!
//! Arrow compares floats by their bits' total order, in which -0.0 is less than
//! 0.0 and a NaN can be less than every number. In Spark both zeros are equal,
//! and NaN is equal to itself and greater than every number. [`FloatKeys`] puts
//! the function `FloatKey` around floats wherever a plan compares them or uses them as keys:
//! comparisons, `IN`, grouping, `DISTINCT`, joins, windows and sorting. Tasks hash
//! the same values to the same partition, since the function's result is hashed.
//!
//! The same holds for intervals: a day and 24 hours are one key. Where their order counts,
//! they are ordered by their microseconds.

mod function;
mod rule;

pub(crate) use function::float_key_function;
pub(crate) use rule::FloatKeys;
