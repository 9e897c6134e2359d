//! Parsers for option values that several processes take.

use std::time::Duration;

/// Parses a duration such as `500ms`, `5s`, `2min`; `0s` is allowed.
///
/// # Errors
/// A message with the accepted form, when the text is not a duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim())
        .map_err(|error| format!("{error}; write a duration such as 500ms, 5s or 2min"))
}

/// Parses a number of bytes such as `512MB` (decimal) or `2GiB` (binary), at least
/// 1.
///
/// # Errors
/// A message with the accepted form, when the text is not a size.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let size: bytesize::ByteSize = text
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is not a size; write one such as 512MB or 2GiB"))?;
    match size.as_u64() {
        0 => Err("the size must be at least 1 byte".to_owned()),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(
            parse_duration("1500ms").unwrap(),
            Duration::from_millis(1500)
        );
        assert_eq!(parse_duration("2min").unwrap(), Duration::from_secs(120));
        assert!(parse_duration("5").unwrap_err().contains("such as"));
        assert_eq!(parse_bytes("2GiB").unwrap(), 2 << 30);
        assert_eq!(parse_bytes("512MB").unwrap(), 512_000_000);
        assert_eq!(parse_bytes("1024").unwrap(), 1024);
        assert!(parse_bytes("0").is_err());
        assert!(parse_bytes("much").is_err());
    }
}
