//! The text of a float, as Java writes it.

use std::fmt::{LowerExp, Write};

/// A float that is written as the shortest decimal that reads back as itself.
pub(crate) trait JavaText: Copy + LowerExp {
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
    fn is_negative(self) -> bool;
}

macro_rules! java_text {
    ($($float:ty),*) => {$(
        impl JavaText for $float {
            fn is_nan(self) -> bool {
                <$float>::is_nan(self)
            }

            fn is_infinite(self) -> bool {
                <$float>::is_infinite(self)
            }

            fn is_negative(self) -> bool {
                self.is_sign_negative()
            }
        }
    )*};
}

java_text!(f32, f64);

/// The text of `value`, as [`write_float`] writes it.
pub(crate) fn format_float<F: JavaText>(value: F) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_float(value, &mut text);
    text
}

/// Appends the text of `value` to `text`: `1.0`, `1.0E10`, `NaN`, `-Infinity`.
///
/// Numbers from a thousandth to ten million are written without exponent.
pub(super) fn write_float<F: JavaText>(value: F, text: &mut String) -> std::fmt::Result {
    if value.is_nan() {
        text.push_str("NaN");
        return Ok(());
    }
    if value.is_infinite() {
        text.push_str(if value.is_negative() {
            "-Infinity"
        } else {
            "Infinity"
        });
        return Ok(());
    }
    // `d.ddde-7`: the shortest digits and the exponent.
    let written = format!("{value:e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let unsigned = mantissa.trim_start_matches('-');
    if value.is_negative() {
        text.push('-');
    }
    let (first, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if first == "0" {
        text.push_str("0.0");
        return Ok(());
    }
    match usize::try_from(exponent) {
        // 1.2345e2 is 123.45
        Ok(shift) if shift < 7 => {
            text.push_str(first);
            for at in 0..shift {
                text.push(
                    rest.as_bytes()
                        .get(at)
                        .map_or('0', |digit| char::from(*digit)),
                );
            }
            text.push('.');
            text.push_str(
                rest.get(shift..)
                    .filter(|rest| !rest.is_empty())
                    .unwrap_or("0"),
            );
            Ok(())
        }
        Err(_) if exponent >= -3 => {
            text.push_str("0.");
            for _ in 1..-exponent {
                text.push('0');
            }
            text.push_str(first);
            text.push_str(rest);
            Ok(())
        }
        _ => {
            let rest = if rest.is_empty() { "0" } else { rest };
            write!(text, "{first}.{rest}E{exponent}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<F: JavaText>(value: F) -> String {
        let mut text = String::new();
        write_float(value, &mut text).unwrap();
        text
    }

    #[test]
    fn floats_are_written_as_java_does() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (123.45, "123.45"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (12_345_678.0, "1.2345678E7"),
            (0.001, "0.001"),
            (0.012_5, "0.0125"),
            (0.000_1, "1.0E-4"),
            (1e-5, "1.0E-5"),
            (1e20, "1.0E20"),
            (-2.5e-7, "-2.5E-7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(value), expected);
        }
        assert_eq!(text(0.1_f32), "0.1");
        assert_eq!(text(3.4e10_f32), "3.4E10");
    }
}
