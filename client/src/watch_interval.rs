//! The interval of `--watch`.

use std::time::Duration;

use sluice_service::value_parsers::parse_duration;

/// A shorter one would only keep the scheduler busy.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A duration that a list can be repeated at; a number alone is seconds.
///
/// # Errors
/// What is wrong with the text, and how an interval is written.
pub(crate) fn parse_watch_interval(text: &str) -> Result<Duration, String> {
    let interval = parse_duration(text)?;
    if (SHORTEST..=LONGEST).contains(&interval) {
        Ok(interval)
    } else {
        let bounds = "an interval is between 0.1 seconds and one day";
        Err(format!("{bounds}; write seconds, such as --watch 5"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_seconds_or_have_units() {
        for (text, millis) in [
            ("2", 2_000),
            ("0.1", 100),
            ("500ms", 500),
            ("1m", 60_000),
            ("1day", 86_400_000),
        ] {
            let interval = Duration::from_millis(millis);
            assert_eq!(parse_watch_interval(text), Ok(interval), "{text}");
        }
        for (text, part) in [
            ("0", "such as --watch 5"),
            ("0.05", "such as --watch 5"),
            ("2days", "between 0.1 seconds and one day"),
            ("-1", "such as 90s"),
            ("often", "such as 90s"),
            ("", "such as 90s"),
        ] {
            let error = parse_watch_interval(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
