//! Statistics and formatted numbers.

/// The median of the values (the lower one of two); 0 without values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}

/// The smallest of the values; 0 without values.
pub fn best(values: &[f64]) -> f64 {
    values
        .iter()
        .copied()
        .min_by(f64::total_cmp)
        .unwrap_or_default()
}

/// Formats bytes as whole mebibytes: `1234 MiB`.
pub fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1024 * 1024))
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::{best, mebibytes, median};

    #[test]
    fn the_middle_is_a_value_that_was_measured() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.0);
        assert_eq!(median(&[]), 0.0);
        assert_eq!(best(&[3.0, 1.0, 2.0]), 1.0);
        assert_eq!(mebibytes(1024 * 1024 + 1), "2 MiB");
    }
}
