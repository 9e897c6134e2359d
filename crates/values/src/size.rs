//! Sizes such as `128MB`.

/// Bytes from text such as `134217728`, `128MB`, `1.5 GiB` or `64k`. As in Spark,
/// the JVM and Docker, units are powers of 1024, with or without `i`. Fractions of
/// a byte are dropped.
///
/// # Errors
/// How a size is written, when the text is not one.
pub fn parse_size(text: &str) -> Result<u64, String> {
    size_of_text(text.trim())
        .ok_or_else(|| format!("`{text}` is not a size; write one such as 512MB or 2GiB"))
}

fn size_of_text(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u128 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "ki" | "kib" => 1 << 10,
        "m" | "mb" | "mi" | "mib" => 1 << 20,
        "g" | "gb" | "gi" | "gib" => 1 << 30,
        "t" | "tb" | "ti" | "tib" => 1 << 40,
        "p" | "pb" | "pi" | "pib" => 1 << 50,
        _ => return None,
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    let whole = u128::from(whole.parse::<u64>().ok()?).checked_mul(factor)?;
    // More digits than these are less than a byte of any unit.
    let fraction = &fraction[..fraction.len().min(15)];
    let part = match fraction {
        "" => 0,
        digits => {
            let scale = 10u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
            u128::from(digits.parse::<u64>().ok()?) * factor / scale
        }
    };
    u64::try_from(whole.checked_add(part)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("128MB", 128 << 20),
            (" 1 GiB ", 1 << 30),
            ("64k", 65_536),
            ("7", 7),
            ("0", 0),
            ("1.5GB", 3 << 29),
            ("0.1kb", 102),
            ("2Ti", 2 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in [
            "",
            "MB",
            "-1",
            "1 XB",
            "1.MB",
            ".5MB",
            "1.2.3",
            "much",
            "99999999999999999999",
            "99999999999TB",
        ] {
            let error = parse_size(bad).unwrap_err();
            assert!(error.contains("512MB or 2GiB"), "{bad}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9.]{0,40} ?[a-zA-Z]{0,3}") {
            let _ = parse_size(&text);
        }
    }
}
