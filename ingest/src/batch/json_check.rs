//! Checks that a payload is one JSON object, without building a value.
//!
//! Reads RFC 8259's grammar in one pass. Nesting is kept in a vector and not on
//! the call stack: a payload of a million opening brackets must become a
//! reject, and never overflow the stack. Long strings are scanned eight bytes at
//! a time.

/// Where and why a payload is not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonSyntaxError {
    /// The position of the byte that is not allowed.
    pub(crate) position: usize,
    pub(crate) problem: &'static str,
}

/// What was found in a valid object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CheckedObject<'a> {
    /// Whether there is a line feed or carriage return between two tokens.
    pub(crate) has_line_break: bool,
    /// The text of the wanted field's value, including quotes, if it is a string
    /// or a number at the outermost level; the last one if it occurs twice.
    pub(crate) field_value: Option<&'a [u8]>,
}

/// A checker that can be reused without allocating.
#[derive(Debug, Default)]
pub(crate) struct JsonChecker {
    /// Open objects (true) and arrays (false), the innermost last.
    open_brackets: Vec<bool>,
}

/// What the grammar allows next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    KeyOrEnd,
    Key,
    ValueOrEnd,
    Value,
    CommaOrEnd,
}

impl JsonChecker {
    /// Checks that `text` is one JSON object with nothing but white space
    /// around it, and looks for the value of `field`. `text` must be UTF-8.
    pub(crate) fn check_object<'a>(
        &mut self,
        text: &'a [u8],
        field: Option<&[u8]>,
    ) -> Result<CheckedObject<'a>, JsonSyntaxError> {
        let mut seen = CheckedObject::default();
        let mut at = skip_whitespace(text, 0, &mut seen.has_line_break);
        if byte_at(text, at) != b'{' {
            return syntax_error(at, "it does not begin with `{`");
        }
        self.open_brackets.clear();
        self.open_brackets.push(true);
        at += 1;
        let mut expect = Expected::KeyOrEnd;
        // Whether the next value is the wanted field's.
        let mut wanted = false;
        loop {
            at = skip_whitespace(text, at, &mut seen.has_line_break);
            let first = byte_at(text, at);
            match expect {
                Expected::KeyOrEnd | Expected::Key => match first {
                    b'"' => {
                        let end = skip_string(text, at)?;
                        wanted = self.open_brackets.len() == 1
                            && field.is_some_and(|field| text.get(at + 1..end - 1) == Some(field));
                        at = skip_whitespace(text, end, &mut seen.has_line_break);
                        if byte_at(text, at) != b':' {
                            return syntax_error(at, "a colon is expected after a field's name");
                        }
                        at += 1;
                        expect = Expected::Value;
                    }
                    b'}' if expect == Expected::KeyOrEnd => {
                        at += 1;
                        if self.close_bracket() {
                            return finish_object(text, at, seen);
                        }
                        expect = Expected::CommaOrEnd;
                    }
                    _ => return syntax_error(at, "a field's name is expected"),
                },
                Expected::ValueOrEnd | Expected::Value => {
                    let begin = at;
                    let may_end = expect == Expected::ValueOrEnd;
                    expect = Expected::CommaOrEnd;
                    match first {
                        b'"' => at = skip_string(text, at)?,
                        b'-' | b'0'..=b'9' => at = skip_number(text, at)?,
                        b'{' => {
                            self.open_brackets.push(true);
                            at += 1;
                            expect = Expected::KeyOrEnd;
                        }
                        b'[' => {
                            self.open_brackets.push(false);
                            at += 1;
                            expect = Expected::ValueOrEnd;
                        }
                        b']' if may_end => {
                            at += 1;
                            self.close_bracket();
                        }
                        _ => at = skip_literal(text, at)?,
                    }
                    if wanted {
                        wanted = false;
                        if matches!(first, b'"' | b'-' | b'0'..=b'9') {
                            seen.field_value = text.get(begin..at);
                        }
                    }
                }
                Expected::CommaOrEnd => {
                    let object = matches!(self.open_brackets.last(), Some(true));
                    match first {
                        b',' => {
                            at += 1;
                            expect = if object {
                                Expected::Key
                            } else {
                                Expected::Value
                            };
                        }
                        b'}' | b']' if (first == b'}') == object => {
                            at += 1;
                            if self.close_bracket() {
                                return finish_object(text, at, seen);
                            }
                        }
                        _ if at >= text.len() => {
                            return syntax_error(at, "the object is not closed");
                        }
                        _ => return syntax_error(at, "a comma or a closing bracket is expected"),
                    }
                }
            }
        }
    }

    /// Closes the innermost bracket. Returns whether it was the outermost.
    fn close_bracket(&mut self) -> bool {
        self.open_brackets.pop();
        self.open_brackets.is_empty()
    }
}

fn syntax_error<T>(at: usize, what: &'static str) -> Result<T, JsonSyntaxError> {
    Err(JsonSyntaxError {
        position: at,
        problem: what,
    })
}

fn finish_object<'a>(
    text: &[u8],
    at: usize,
    mut seen: CheckedObject<'a>,
) -> Result<CheckedObject<'a>, JsonSyntaxError> {
    let at = skip_whitespace(text, at, &mut seen.has_line_break);
    if at < text.len() {
        return syntax_error(at, "something follows the object");
    }
    Ok(seen)
}

/// The byte at `at`; after the end a NUL, which no rule accepts.
#[inline(always)]
fn byte_at(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// Skips white space and notes line breaks in it.
#[inline(always)]
fn skip_whitespace(text: &[u8], mut at: usize, newline: &mut bool) -> usize {
    loop {
        match byte_at(text, at) {
            b' ' | b'\t' => {}
            b'\n' | b'\r' => *newline = true,
            _ => return at,
        }
        at += 1;
    }
}

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A mask whose lowest set high bit marks the first byte of `word` that a string
/// cannot contain unescaped: a quote, a backslash or a control character.
#[inline(always)]
fn special_byte_mask(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS;
    zero(word ^ (LOW_BITS * b'"' as u64))
        | zero(word ^ (LOW_BITS * b'\\' as u64))
        | (word.wrapping_sub(LOW_BITS * 0x20) & !word & HIGH_BITS)
}

/// The index after the string whose opening quote is at `open`.
#[inline(always)]
fn skip_string(text: &[u8], open: usize) -> Result<usize, JsonSyntaxError> {
    let mut at = open + 1;
    loop {
        while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let special = special_byte_mask(u64::from_le_bytes(*chunk));
            if special != 0 {
                at += (special.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
        }
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = skip_escape(text, at)?,
            Some(0..0x20) => {
                return syntax_error(at, "a control character in a string must be escaped");
            }
            Some(_) => at += 1,
            None => return syntax_error(open, "the string is not closed"),
        }
    }
}

/// The index after the escape sequence at `at`.
fn skip_escape(text: &[u8], at: usize) -> Result<usize, JsonSyntaxError> {
    match byte_at(text, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
        b'u' => match text.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
            _ => syntax_error(at, "four hexadecimal digits must follow \\u"),
        },
        _ => syntax_error(at, "no such escape sequence"),
    }
}

/// The index after the number at `at` (RFC 8259, section 6).
fn skip_number(text: &[u8], at: usize) -> Result<usize, JsonSyntaxError> {
    let digits = |mut at: usize| {
        while byte_at(text, at).is_ascii_digit() {
            at += 1;
        }
        at
    };
    let whole = at + usize::from(byte_at(text, at) == b'-');
    let mut end = digits(whole);
    if end == whole || (byte_at(text, whole) == b'0' && end > whole + 1) {
        return syntax_error(at, "this is not a number");
    }
    if byte_at(text, end) == b'.' {
        let fraction = digits(end + 1);
        if fraction == end + 1 {
            return syntax_error(end, "digits must follow the decimal point");
        }
        end = fraction;
    }
    if matches!(byte_at(text, end), b'e' | b'E') {
        let sign = usize::from(matches!(byte_at(text, end + 1), b'+' | b'-'));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return syntax_error(end, "digits must follow the exponent's sign");
        }
        end = exponent;
    }
    Ok(end)
}

fn skip_literal(text: &[u8], at: usize) -> Result<usize, JsonSyntaxError> {
    let rest = text.get(at..).unwrap_or_default();
    for word in [b"true".as_slice(), b"false", b"null"] {
        if rest.starts_with(word) {
            return Ok(at + word.len());
        }
    }
    if at >= text.len() {
        return syntax_error(at, "the object is not closed");
    }
    syntax_error(at, "a value is expected")
}

#[cfg(test)]
mod tests;
