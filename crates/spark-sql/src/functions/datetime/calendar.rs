//! The proleptic Gregorian calendar on days and microseconds since 1970-01-01.
//!
//! Everything is whole numbers of 64 bits, so that the years 1 and 9999, which
//! stand for "always" and "never" in many tables, are dates like any other.
//! (Nanoseconds of 64 bits end in 2262.)

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const SECONDS_PER_DAY: i64 = 86_400;
pub(crate) const MICROS_PER_DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: u8,
    /// From 1.
    pub(crate) day: u8,
}

/// The day that is `days` after 1970-01-01.
pub(crate) fn civil_of_days(days: i64) -> Civil {
    // Years begin in March, so that the leap day is the last; eras are 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    } as u8;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil { year, month, day }
}

/// Days since 1970-01-01 of a day that exists.
pub(crate) fn days_of_civil(year: i64, month: u8, day: u8) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

pub(crate) fn is_leap_year(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

pub(crate) fn month_length(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, if there is such a day.
pub(crate) fn checked_days(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = u8::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
    let day = u8::try_from(day).ok()?;
    // Spark's dates end in the year 5,881,580 and its timestamps earlier.
    let possible =
        (-5_877_641..=5_881_580).contains(&year) && (1..=month_length(year, month)).contains(&day);
    possible.then(|| days_of_civil(year, month, day))
}

/// Monday is 1, Sunday 7.
pub(crate) fn weekday_of_days(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// From 1.
pub(crate) fn day_of_year(days: i64) -> i64 {
    let civil = civil_of_days(days);
    days - days_of_civil(civil.year, 1, 1) + 1
}

/// The ISO year and week: weeks begin on Monday, the first has the year's first
/// Thursday.
pub(crate) fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - weekday_of_days(days) + 4;
    let year = civil_of_days(thursday).year;
    (year, (thursday - days_of_civil(year, 1, 1)) / 7 + 1)
}

/// The same day of another month, or that month's last day.
pub(crate) fn add_months(days: i64, months: i64) -> Option<i64> {
    let civil = civil_of_days(days);
    let total = civil
        .year
        .checked_mul(12)?
        .checked_add(i64::from(civil.month) - 1)?
        .checked_add(months)?;
    let year = total.div_euclid(12);
    let month = (total.rem_euclid(12) + 1) as u8;
    let day = civil.day.min(month_length(year, month));
    checked_days(year, i64::from(month), i64::from(day))
}

/// The day and the microsecond in it.
pub(crate) fn split_micros(micros: i64) -> (i64, i64) {
    (
        micros.div_euclid(MICROS_PER_DAY),
        micros.rem_euclid(MICROS_PER_DAY),
    )
}

/// Microseconds since 1970-01-01, if they are a timestamp.
pub(crate) fn join_micros(days: i64, micros_of_day: i64) -> Option<i64> {
    let micros = i128::from(days) * i128::from(MICROS_PER_DAY) + i128::from(micros_of_day);
    i64::try_from(micros).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_civil_dates_are_inverse() {
        for days in (-800_000..3_000_000).step_by(17) {
            let civil = civil_of_days(days);
            assert_eq!(days_of_civil(civil.year, civil.month, civil.day), days);
        }
    }

    #[test]
    fn known_days() {
        for (year, month, day, days) in [
            (1970, 1, 1, 0),
            (1, 1, 1, -719_162),
            (1582, 10, 4, -141_438),
            (1582, 10, 5, -141_437),
            (2024, 2, 29, 19_782),
            (9999, 12, 31, 2_932_896),
        ] {
            assert_eq!(checked_days(year, month, day), Some(days));
        }
        assert_eq!(checked_days(2023, 2, 29), None);
        assert_eq!(checked_days(1900, 2, 29), None);
        assert_eq!(checked_days(2023, 13, 1), None);
    }

    #[test]
    fn weeks_belong_to_the_year_of_their_thursday() {
        let week = |y, m, d| iso_week(days_of_civil(y, m, d));
        assert_eq!(week(2024, 12, 30), (2025, 1));
        assert_eq!(week(2023, 1, 1), (2022, 52));
        assert_eq!(week(2020, 12, 31), (2020, 53));
        assert_eq!(week(1, 1, 1), (1, 1));
    }

    #[test]
    fn months_end_on_their_last_day() {
        let add = |y, m, d, n| add_months(days_of_civil(y, m, d), n).map(civil_of_days);
        let civil = |year, month, day| Some(Civil { year, month, day });
        assert_eq!(add(2024, 1, 31, 1), civil(2024, 2, 29));
        assert_eq!(add(2024, 2, 29, -12), civil(2023, 2, 28));
        assert_eq!(add(1, 1, 1, 12 * 9998), civil(9999, 1, 1));
    }
}
