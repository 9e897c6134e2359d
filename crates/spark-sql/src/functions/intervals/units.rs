//! The units of an interval.

use std::fmt;

/// From the greatest unit to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntervalUnits {
    /// Indexes in [`YEAR_MONTH`].
    YearMonth(usize, usize),
    /// Indexes in [`DAY_TIME`].
    DayTime(usize, usize),
    /// Months, days and microseconds that are counted apart.
    Calendar,
}

const YEAR_MONTH: [&str; 2] = ["YEAR", "MONTH"];
const DAY_TIME: [&str; 4] = ["DAY", "HOUR", "MINUTE", "SECOND"];

impl IntervalUnits {
    pub(crate) const YEAR_TO_MONTH: Self = Self::YearMonth(0, 1);
    pub(crate) const DAY_TO_SECOND: Self = Self::DayTime(0, 3);

    /// The unit of a name such as `WEEK`.
    pub(crate) fn of_unit(name: &str) -> Option<Self> {
        let upper = name.to_uppercase();
        let name = upper.strip_suffix('S').unwrap_or(&upper);
        let name = match name {
            "WEEK" => "DAY",
            "MILLISECOND" | "MICROSECOND" | "NANOSECOND" => "SECOND",
            name => name,
        };
        let find = |units: &[&str]| units.iter().position(|unit| *unit == name);
        find(&YEAR_MONTH)
            .map(|at| Self::YearMonth(at, at))
            .or_else(|| find(&DAY_TIME).map(|at| Self::DayTime(at, at)))
    }

    /// The units of an interval with these and those.
    pub(crate) fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::YearMonth(a, b), Self::YearMonth(c, d)) => Self::YearMonth(a.min(c), b.max(d)),
            (Self::DayTime(a, b), Self::DayTime(c, d)) => Self::DayTime(a.min(c), b.max(d)),
            _ => Self::Calendar,
        }
    }

    /// Whether it has one unit.
    pub(crate) fn is_single(self) -> bool {
        match self {
            Self::YearMonth(first, last) | Self::DayTime(first, last) => first == last,
            Self::Calendar => false,
        }
    }

    /// The units of its multiples.
    pub(crate) fn of_multiples(self) -> Self {
        match self {
            Self::YearMonth(..) => Self::YEAR_TO_MONTH,
            Self::DayTime(..) => Self::DAY_TO_SECOND,
            Self::Calendar => Self::Calendar,
        }
    }

    /// What [`Display`](fmt::Display) writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "CALENDAR" {
            return Some(Self::Calendar);
        }
        let (first, last) = text.split_once(" TO ").unwrap_or((text, text));
        Some(Self::of_unit(first)?.with(Self::of_unit(last)?))
    }
}

impl fmt::Display for IntervalUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, first, last): (&[&str], usize, usize) = match self {
            Self::YearMonth(first, last) => (&YEAR_MONTH, *first, *last),
            Self::DayTime(first, last) => (&DAY_TIME, *first, *last),
            Self::Calendar => return f.write_str("CALENDAR"),
        };
        let name = |at: usize| units.get(at).copied().unwrap_or_default();
        if first == last {
            f.write_str(name(first))
        } else {
            write!(f, "{} TO {}", name(first), name(last))
        }
    }
}
