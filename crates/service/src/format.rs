//! Formats numbers, sizes, durations, times and errors for people.

use std::time::Duration;

use bytesize::ByteSize;

/// An error with its causes as one line. A cause whose text is already in the line
/// is left out.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

/// What stands for a character that a terminal would obey.
pub(crate) const REPLACEMENT: char = '\u{fffd}';

/// Whether a terminal may obey a character instead of showing it, or show what
/// follows in another order.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text that others chose, as at most `max` characters of one line without control
/// characters.
pub fn plain_line(text: &str, max: usize) -> String {
    let mut line: String = text
        .chars()
        .take(max)
        .map(|c| if is_control(c) { REPLACEMENT } else { c })
        .collect();
    if text.chars().nth(max).is_some() {
        line.pop();
        line.push('…');
    }
    line
}

/// Formats a number as `1,234,567`.
pub fn group_thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number of bytes as `1.2 MiB`.
pub fn format_bytes(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// Formats a duration as `0.21 s`, `42.0 s`, `3 min 05 s` or `2 h 00 min`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 {
        return format!("{seconds:.2} s");
    }
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = duration.as_secs();
    if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
    }
}

/// Formats a number of things as `1 file` or `2 files`.
pub fn format_count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", group_thousands(number))
}

/// Formats milliseconds since the Unix epoch as `2026-11-23 06:54:09` in UTC, and
/// 0 as `-`.
pub fn format_time(ms: i64) -> String {
    let Ok(ms) = u64::try_from(ms) else {
        return "-".to_owned();
    };
    if ms == 0 {
        return "-".to_owned();
    }
    let at = std::time::UNIX_EPOCH + Duration::from_millis(ms / 1000 * 1000);
    humantime::format_rfc3339_seconds(at)
        .to_string()
        .replace('T', " ")
        .replace('Z', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(group_thousands(number), text);
        }
        assert_eq!(format_count(1, "file"), "1 file");
        assert_eq!(format_count(1_200, "file"), "1,200 files");
    }

    #[test]
    fn a_plain_line_has_no_control_characters_and_a_longest_length() {
        assert_eq!(plain_line("nightly ä", 9), "nightly ä");
        assert_eq!(plain_line("nightly ä", 8), "nightly…");
        assert_eq!(
            plain_line("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e", 99),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e"
        );
        assert_eq!(plain_line("", 1), "");
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(format_bytes(0), "0 B");
        assert_eq!(format_bytes(1_258_291), "1.2 MiB");
        for (ms, text) in [
            (0, "0.00 s"),
            (214, "0.21 s"),
            (42_000, "42.0 s"),
            (185_900, "3 min 05 s"),
            (7_200_000, "2 h 00 min"),
        ] {
            assert_eq!(format_duration(Duration::from_millis(ms)), text);
        }
        assert_eq!(format_time(0), "-");
        assert_eq!(format_time(-5), "-");
        assert_eq!(format_time(1_795_417_649_900), "2026-11-23 07:07:29");
    }
}
