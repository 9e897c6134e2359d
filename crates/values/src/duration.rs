//! Durations such as `90s`.

use std::time::Duration;

/// A duration such as `250ms`, `90s`, `15m` or `1h 30m`; a number alone is seconds.
///
/// # Errors
/// What is wrong with the text, and how a duration is written.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let parsed = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string()),
        Err(_) => humantime::parse_duration(text).map_err(|error| error.to_string()),
    };
    parsed.map_err(|error| {
        format!("{error}; write seconds, or a duration such as 90s, 15m or 1h 30m")
    })
}

/// A duration above zero; see [`parse_duration`].
///
/// # Errors
/// What is wrong with the text, and how a duration is written.
pub fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("a duration must be above zero".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_are_seconds() {
        for (text, millis) in [
            ("1500ms", 1_500),
            ("2min", 120_000),
            (" 1h 30m ", 5_400_000),
            ("30", 30_000),
            ("0.25", 250),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
        }
        for bad in ["", "soon", "5 parsecs", "-1", "inf", "nan", "1e300"] {
            let error = parse_duration(bad).unwrap_err();
            assert!(error.contains("such as 90s"), "{bad}: {error}");
        }
        assert!(parse_positive_duration("0").is_err());
        assert!(parse_positive_duration("0ms").is_err());
        assert!(parse_positive_duration("1ms").is_ok());
    }
}
