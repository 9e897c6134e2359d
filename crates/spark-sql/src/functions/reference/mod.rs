//! The functions of Spark's reference, and what becomes of each name.
//!
//! A name is one of ours, a function of DataFusion that was compared with Spark's
//! examples ([`CHECKED`]), syntax, or refused with what to write instead. No other
//! function of DataFusion is reachable under a name of Spark's.

mod checked;
mod refused;
#[cfg(test)]
mod tests;

use self::checked::CHECKED;
pub(crate) use self::refused::help_for_refused;

/// The names in the function reference of Spark 4.3, without operators.
const NAMES: &str = include_str!("spark_functions.txt");

/// The names under which functions of DataFusion must not be found.
pub(super) fn unchecked_names() -> impl Iterator<Item = &'static str> {
    NAMES.lines().filter(|name| !CHECKED.contains(name))
}
