//! Spark's datetime patterns (`yyyy-MM-dd HH:mm:ss`), which are those of
//! `java.time.format.DateTimeFormatter` without the letters that Spark excludes.

mod compile;
mod format;
mod names;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use compile::Pattern;

/// What a part of a pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Era,
    /// The proleptic year (`y` without an era), which can be negative.
    Year,
    /// The year of the era (`y` with `G`).
    YearOfEra,
    Quarter,
    Month,
    Day,
    DayOfYear,
    DayOfWeek,
    /// `F`: the how-manieth of its weekday in the month.
    WeekdayOfMonth,
    Hour,
    /// `k`: 1 to 24.
    ClockHour,
    /// `K`: 0 to 11.
    HourOfHalf,
    /// `h`: 1 to 12.
    ClockHourOfHalf,
    Half,
    Minute,
    Second,
}

/// How the sign of a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Only `-`.
    Normal,
    /// No sign.
    Never,
    /// `+` where the number has more digits than the pattern.
    ExceedsPad,
}

/// A number of a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    field: Field,
    min_width: usize,
    max_width: usize,
    sign: Sign,
    /// The digits that fixed numbers right after this one take.
    reserved: usize,
    /// Whether numbers around it fix its width.
    fixed: bool,
    /// The last two digits of a year from 2000 to 2099.
    reduced: bool,
}

/// How a time zone is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ZoneForm {
    /// `VV`.
    Id,
    /// `z`.
    Name,
    /// `zzzz`.
    FullName,
    /// `O`: `GMT+8`.
    Localized,
    /// `OOOO`: `GMT+08:00`.
    LocalizedFull,
    /// `X`, `x`, `Z`: the offset, and the text of the offset zero.
    Offset(super::zone::OffsetForm, &'static str),
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(String),
    Number(Number),
    /// A name of a month, weekday, half of the day, quarter or era; in full or
    /// short.
    Name(Field, bool),
    /// Digits of a second.
    Fraction {
        min_width: usize,
        max_width: usize,
    },
    Zone(ZoneForm),
    Optional(Vec<Item>),
}
