//! Casts as Spark has them in ANSI mode.
//!
//! [`SparkCasts`] replaces the casts of a plan that DataFusion does otherwise, or
//! whose errors would not say what to write, by the function [`CastFunction`].
//! Casts that cannot fail and mean the same stay, because the optimizer knows
//! them.

mod by_name;
mod convert;
mod elements;
mod error;
mod float_text;
mod from_text;
mod function;
mod number_parts;
mod rule;
mod special_times;
mod to_text;

pub(crate) use by_name::{NAMED_CAST, casts_by_name, named_cast, named_cast_function};
pub(crate) use float_text::format_float;
pub(crate) use function::{CastFunction, cast_functions};
pub(crate) use number_parts::parse_decimal;
pub(crate) use rule::SparkCasts;
pub(crate) use to_text::write_texts;
