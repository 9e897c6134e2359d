//! Writes JSON in the form of Python's `json.dumps`, directly into a buffer.

use crate::random::RandomStream;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `number` in decimal.
pub(crate) fn append_integer(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `number` in decimal with leading zeros up to `width`.
pub(crate) fn append_padded(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = number;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

/// Appends an amount of cents as Python prints the float: `1930.73`, `289.9`, `89.0`.
pub(crate) fn append_money(out: &mut Vec<u8>, cents: i64) {
    if cents < 0 {
        out.push(b'-');
    }
    let cents = cents.unsigned_abs();
    append_integer(out, cents / 100);
    out.push(b'.');
    let fraction = cents % 100;
    if fraction.is_multiple_of(10) {
        append_integer(out, fraction / 10);
    } else {
        append_padded(out, fraction, 2);
    }
}

/// Appends the low `digits` hexadecimal digits of `bits`.
pub(crate) fn append_hex(out: &mut Vec<u8>, bits: u64, digits: u32) {
    for digit in (0..digits).rev() {
        out.push(HEX[((bits >> (4 * digit)) & 0xf) as usize]);
    }
}

/// Appends a random UUID of version 4.
pub(crate) fn append_uuid(out: &mut Vec<u8>, draw: &mut RandomStream) {
    let (high, low) = (draw.next_bits(), draw.next_bits());
    append_hex(out, high >> 32, 8);
    out.push(b'-');
    append_hex(out, high >> 16, 4);
    out.push(b'-');
    append_hex(out, (high & 0x0fff) | 0x4000, 4);
    out.push(b'-');
    append_hex(out, ((low >> 48) & 0x3fff) | 0x8000, 4);
    out.push(b'-');
    append_hex(out, low, 12);
}

/// The length of what [`append_timestamp`] writes.
pub(crate) const TIMESTAMP_LEN: usize = 27;

/// Appends a time as `2026-01-07T20:58:29.292017Z`. Years are 0000 to 9999.
///
/// The date comes from days since 1970-01-01 by the algorithm `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>), which takes a tenth
/// of the time of a general formatter; most of the generator's time would
/// otherwise go into this field.
pub(crate) fn append_timestamp(out: &mut Vec<u8>, micros: i64) {
    const DAY: i64 = 86_400_000_000;
    let (days, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY) as u64);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    append_padded(out, year.clamp(0, 9_999) as u64, 4);
    out.push(b'-');
    append_padded(out, month as u64, 2);
    out.push(b'-');
    append_padded(out, day as u64, 2);
    out.push(b'T');
    append_padded(out, time / 3_600_000_000, 2);
    out.push(b':');
    append_padded(out, time / 60_000_000 % 60, 2);
    out.push(b':');
    append_padded(out, time / 1_000_000 % 60, 2);
    out.push(b'.');
    append_padded(out, time % 1_000_000, 6);
    out.push(b'Z');
}

/// The range of a top-level field's value in a line that this crate wrote.
///
/// Such a line has no escapes, and each field searched for occurs once (or first
/// at the top level). Searching for `"name": ` is therefore exact, but only for
/// these lines.
pub(crate) fn value_range(line: &[u8], field: &str) -> Option<std::ops::Range<usize>> {
    let key = format!("\"{field}\": ");
    let at = line
        .windows(key.len())
        .position(|window| window == key.as_bytes())?;
    let start = at + key.len();
    let mut depth = 0_i32;
    let mut quoted = false;
    for (offset, &byte) in line[start..].iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(start..start + offset),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return Some(start..start + offset),
            _ => {}
        }
    }
    None
}

/// Replaces the field's value by `value` (JSON text); false when the line has no
/// such field.
pub(crate) fn replace_value(line: &mut Vec<u8>, field: &str, value: &[u8]) -> bool {
    match value_range(line, field) {
        Some(range) => {
            line.splice(range, value.iter().copied());
            true
        }
        None => false,
    }
}

/// Removes the field from the object, with its key and comma; false when the line
/// has no such field.
pub(crate) fn remove_field(line: &mut Vec<u8>, field: &str) -> bool {
    let Some(value) = value_range(line, field) else {
        return false;
    };
    let key_start = value.start - (field.len() + 4);
    // With the first field, the comma after it is removed; with any other field, the
    // comma before it.
    if line[..key_start].ends_with(b", ") {
        line.drain(key_start - 2..value.end);
    } else if line[value.end..].starts_with(b", ") {
        line.drain(key_start..value.end + 2);
    } else {
        line.drain(key_start..value.end);
    }
    true
}
