//! Parsers for option values that several programs take.

pub use sluice_values::{parse_duration, parse_positive_duration};

/// A size of at least one byte, such as `512MB`; units are powers of 1024.
///
/// # Errors
/// How a size is written.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    match sluice_values::parse_size(text)? {
        0 => Err("the size must be at least 1 byte".to_owned()),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_not_zero() {
        assert_eq!(parse_bytes("2GiB"), Ok(2 << 30));
        assert_eq!(parse_bytes("512MB"), Ok(512 << 20));
        assert_eq!(parse_bytes("1024"), Ok(1024));
        assert!(parse_bytes("0").is_err());
        assert!(parse_bytes("much").is_err());
    }
}
