//! String literals as Spark reads them.
//!
//! `'…'` and `"…"` are strings with backslash escapes, `r'…'` and `r"…"` have
//! none. The tokenizer keeps the text of strings as it is written; here every
//! form becomes a string in single quotes, so that nothing else has to know
//! them.

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Replaces the tokens of all forms of strings by those of plain strings, and
/// undoes the doubled backquotes of names.
pub(crate) fn normalize_strings(tokens: &mut [TokenWithSpan]) {
    for token in tokens {
        let text = match &mut token.token {
            Token::SingleQuotedString(raw) => unescape_text(raw, '\''),
            Token::DoubleQuotedString(raw) => unescape_text(raw, '"'),
            Token::SingleQuotedRawStringLiteral(raw) | Token::DoubleQuotedRawStringLiteral(raw) => {
                std::mem::take(raw)
            }
            Token::Word(Word {
                value,
                quote_style: Some('`'),
                ..
            }) => {
                if value.contains("``") {
                    *value = value.replace("``", "`");
                }
                continue;
            }
            _ => continue,
        };
        token.token = Token::SingleQuotedString(text);
    }
}

/// The text of a string in `quote`s, of which `raw` is between the quotes.
fn unescape_text(raw: &str, quote: char) -> String {
    if !raw.contains(['\\', quote]) {
        return raw.to_owned();
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(first) = rest.next() {
        if first == quote {
            // The tokenizer ends a string at a single quote: this one is doubled.
            rest.next();
            text.push(quote);
        } else if first == '\\' {
            unescape_one(&mut rest, &mut text);
        } else {
            text.push(first);
        }
    }
    text
}

/// Reads what follows a backslash.
fn unescape_one(rest: &mut std::str::Chars<'_>, text: &mut String) {
    let after = rest.as_str();
    if let Some((value, length)) = code_point(after) {
        text.push(value);
        rest.nth(length - 1);
        return;
    }
    match rest.next() {
        None => text.push('\\'),
        Some('0') => text.push('\0'),
        Some('b') => text.push('\u{8}'),
        Some('n') => text.push('\n'),
        Some('r') => text.push('\r'),
        Some('t') => text.push('\t'),
        Some('Z') => text.push('\u{1a}'),
        // Escapes of LIKE patterns stay.
        Some(wildcard @ ('%' | '_')) => {
            text.push('\\');
            text.push(wildcard);
        }
        Some(other) => text.push(other),
    }
}

/// The character of `uXXXX`, `UXXXXXXXX` or three octal digits, and how many
/// characters that are.
fn code_point(after: &str) -> Option<(char, usize)> {
    let hexadecimal = |digits: usize| {
        let text = after.get(1..=digits)?;
        let all_digits = text.bytes().all(|b| b.is_ascii_hexdigit());
        let value = u32::from_str_radix(text, 16).ok().filter(|_| all_digits)?;
        // A surrogate pair is two escapes, as in Java.
        let second = after.get(digits + 1..).and_then(surrogate);
        match (char::from_u32(value), second) {
            (Some(value), _) => Some((value, digits + 1)),
            (None, Some(low)) if (0xd800..0xdc00).contains(&value) => {
                let joined = 0x1_0000 + ((value - 0xd800) << 10) + (low - 0xdc00);
                Some((char::from_u32(joined)?, digits + 7))
            }
            _ => None,
        }
    };
    match after.as_bytes().first()? {
        b'u' => hexadecimal(4),
        b'U' => hexadecimal(8),
        b'0'..=b'3' => {
            let digits = after.get(..3)?;
            let octal = digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
            let value = u32::from_str_radix(digits, 8).ok().filter(|_| octal)?;
            Some((char::from_u32(value)?, 3))
        }
        _ => None,
    }
}

/// The low surrogate that `\uXXXX` at the start of `text` stands for.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    (0xdc00..0xe000).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::unescape_text;

    #[test]
    fn escapes_are_those_of_spark() {
        let cases = [
            (r"plain", "plain"),
            (r"it\'s", "it's"),
            ("it''s", "it's"),
            (r"a\\d", r"a\d"),
            (r"\t\n\r\b\0\Z", "\t\n\r\u{8}\0\u{1a}"),
            (r"\%\_", r"\%\_"),
            (r"\d\q", "dq"),
            (r"\u0041\U0001F600", "A\u{1F600}"),
            (r"\uD83D\uDE00", "\u{1F600}"),
            (r"\101\0012", "A\u{1}2"),
            (r"\u12", "u12"),
            (r"\", r"\"),
            (r"\u00zz", "u00zz"),
            ("\\uäöü…", "uäöü…"),
            ("a\"b", "a\"b"),
        ];
        for (raw, text) in cases {
            assert_eq!(unescape_text(raw, '\''), text, "{raw}");
        }
    }

    #[test]
    fn double_quoted_strings_double_their_own_quote() {
        assert_eq!(unescape_text("a\"\"b'c''", '"'), "a\"b'c''");
    }
}
