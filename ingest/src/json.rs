//! Checks that a payload is one JSON object, without building a value.
//!
//! Reads RFC 8259's grammar in one pass. Nesting is kept in a vector and not on
//! the call stack: a payload of a million opening brackets must become a
//! reject, and never overflow the stack. Long strings are scanned eight bytes at
//! a time.

/// Where and why a payload is not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The position of the byte that is not allowed.
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// What was found in a valid object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen<'a> {
    /// Whether there is a line feed or carriage return between two tokens.
    pub(crate) newline: bool,
    /// The text of the wanted field's value, including quotes, if it is a string
    /// or a number at the outermost level; the last one if it occurs twice.
    pub(crate) field: Option<&'a [u8]>,
}

/// A checker that can be reused without allocating.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// Open objects (true) and arrays (false), the innermost last.
    open: Vec<bool>,
}

/// What the grammar allows next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    KeyOrEnd,
    Key,
    ValueOrEnd,
    Value,
    CommaOrEnd,
}

impl Checker {
    /// Checks that `text` is one JSON object with nothing but white space
    /// around it, and looks for the value of `field`. `text` must be UTF-8.
    pub(crate) fn object<'a>(
        &mut self,
        text: &'a [u8],
        field: Option<&[u8]>,
    ) -> Result<Seen<'a>, Fault> {
        let mut seen = Seen::default();
        let mut at = space(text, 0, &mut seen.newline);
        if byte(text, at) != b'{' {
            return fault(at, "it does not begin with `{`");
        }
        self.open.clear();
        self.open.push(true);
        at += 1;
        let mut expect = Expect::KeyOrEnd;
        // Whether the next value is the wanted field's.
        let mut wanted = false;
        loop {
            at = space(text, at, &mut seen.newline);
            let first = byte(text, at);
            match expect {
                Expect::KeyOrEnd | Expect::Key => match first {
                    b'"' => {
                        let end = string(text, at)?;
                        wanted = self.open.len() == 1
                            && field.is_some_and(|field| text.get(at + 1..end - 1) == Some(field));
                        at = space(text, end, &mut seen.newline);
                        if byte(text, at) != b':' {
                            return fault(at, "a colon is expected after a field's name");
                        }
                        at += 1;
                        expect = Expect::Value;
                    }
                    b'}' if expect == Expect::KeyOrEnd => {
                        at += 1;
                        if self.close() {
                            return end(text, at, seen);
                        }
                        expect = Expect::CommaOrEnd;
                    }
                    _ => return fault(at, "a field's name is expected"),
                },
                Expect::ValueOrEnd | Expect::Value => {
                    let begin = at;
                    let may_end = expect == Expect::ValueOrEnd;
                    expect = Expect::CommaOrEnd;
                    match first {
                        b'"' => at = string(text, at)?,
                        b'-' | b'0'..=b'9' => at = number(text, at)?,
                        b'{' => {
                            self.open.push(true);
                            at += 1;
                            expect = Expect::KeyOrEnd;
                        }
                        b'[' => {
                            self.open.push(false);
                            at += 1;
                            expect = Expect::ValueOrEnd;
                        }
                        b']' if may_end => {
                            at += 1;
                            self.close();
                        }
                        _ => at = literal(text, at)?,
                    }
                    if wanted {
                        wanted = false;
                        if matches!(first, b'"' | b'-' | b'0'..=b'9') {
                            seen.field = text.get(begin..at);
                        }
                    }
                }
                Expect::CommaOrEnd => {
                    let object = matches!(self.open.last(), Some(true));
                    match first {
                        b',' => {
                            at += 1;
                            expect = if object { Expect::Key } else { Expect::Value };
                        }
                        b'}' | b']' if (first == b'}') == object => {
                            at += 1;
                            if self.close() {
                                return end(text, at, seen);
                            }
                        }
                        _ if at >= text.len() => return fault(at, "the object is not closed"),
                        _ => return fault(at, "a comma or a closing bracket is expected"),
                    }
                }
            }
        }
    }

    /// Closes the innermost bracket. Returns whether it was the outermost.
    fn close(&mut self) -> bool {
        self.open.pop();
        self.open.is_empty()
    }
}

fn fault<T>(at: usize, what: &'static str) -> Result<T, Fault> {
    Err(Fault { at, what })
}

fn end<'a>(text: &[u8], at: usize, mut seen: Seen<'a>) -> Result<Seen<'a>, Fault> {
    let at = space(text, at, &mut seen.newline);
    if at < text.len() {
        return fault(at, "something follows the object");
    }
    Ok(seen)
}

/// The byte at `at`; after the end a NUL, which no rule accepts.
#[inline(always)]
fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// Skips white space and notes line breaks in it.
#[inline(always)]
fn space(text: &[u8], mut at: usize, newline: &mut bool) -> usize {
    loop {
        match byte(text, at) {
            b' ' | b'\t' => {}
            b'\n' | b'\r' => *newline = true,
            _ => return at,
        }
        at += 1;
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// A mask whose lowest set high bit marks the first byte of `word` that a string
/// cannot contain unescaped: a quote, a backslash or a control character.
#[inline(always)]
fn special(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    zero(word ^ (ONES * b'"' as u64))
        | zero(word ^ (ONES * b'\\' as u64))
        | (word.wrapping_sub(ONES * 0x20) & !word & HIGH)
}

/// The index after the string whose opening quote is at `open`.
#[inline(always)]
fn string(text: &[u8], open: usize) -> Result<usize, Fault> {
    let mut at = open + 1;
    loop {
        while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let special = special(u64::from_le_bytes(*chunk));
            if special != 0 {
                at += (special.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
        }
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(text, at)?,
            Some(0..0x20) => return fault(at, "a control character in a string must be escaped"),
            Some(_) => at += 1,
            None => return fault(open, "the string is not closed"),
        }
    }
}

/// The index after the escape sequence at `at`.
fn escape(text: &[u8], at: usize) -> Result<usize, Fault> {
    match byte(text, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
        b'u' => match text.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
            _ => fault(at, "four hexadecimal digits must follow \\u"),
        },
        _ => fault(at, "no such escape sequence"),
    }
}

/// The index after the number at `at` (RFC 8259, section 6).
fn number(text: &[u8], at: usize) -> Result<usize, Fault> {
    let digits = |mut at: usize| {
        while byte(text, at).is_ascii_digit() {
            at += 1;
        }
        at
    };
    let whole = at + usize::from(byte(text, at) == b'-');
    let mut end = digits(whole);
    if end == whole || (byte(text, whole) == b'0' && end > whole + 1) {
        return fault(at, "this is not a number");
    }
    if byte(text, end) == b'.' {
        let fraction = digits(end + 1);
        if fraction == end + 1 {
            return fault(end, "digits must follow the decimal point");
        }
        end = fraction;
    }
    if matches!(byte(text, end), b'e' | b'E') {
        let sign = usize::from(matches!(byte(text, end + 1), b'+' | b'-'));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return fault(end, "digits must follow the exponent's sign");
        }
        end = exponent;
    }
    Ok(end)
}

fn literal(text: &[u8], at: usize) -> Result<usize, Fault> {
    let rest = text.get(at..).unwrap_or_default();
    for word in [b"true".as_slice(), b"false", b"null"] {
        if rest.starts_with(word) {
            return Ok(at + word.len());
        }
    }
    if at >= text.len() {
        return fault(at, "the object is not closed");
    }
    fault(at, "a value is expected")
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
