//! Properties files as Spark reads them, in the format of Java properties:
//! `key value`, `key=value` and `key: value`, `#` and `!` comments, lines continued
//! by a backslash. Two things are stricter, because such a mistake would stay
//! unnoticed: a key without a value and a key given twice are errors.

use std::collections::BTreeMap;

use thiserror::Error;

/// A line that is not a property. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PropertiesError {
    /// A key alone.
    #[error("line {line}: `{key}` has no value; write `{key}=VALUE`")]
    NoValue { line: usize, key: String },
    /// Nothing before the separator.
    #[error("line {line}: a value without a key; write `KEY=VALUE`")]
    NoKey { line: usize },
    /// A key that an earlier line has already set.
    #[error("line {line}: `{key}` is already set in line {first}; remove one")]
    DuplicateKey {
        line: usize,
        key: String,
        /// The line that sets the key first.
        first: usize,
    },
    /// A `\u` without four hexadecimal digits, or for no character.
    #[error("line {line}: `\\u` must be followed by four hexadecimal digits")]
    BadEscape { line: usize },
}

/// The properties of a text, by key.
///
/// # Errors
/// The first line that is not a property.
pub fn parse_properties(text: &str) -> Result<BTreeMap<String, String>, PropertiesError> {
    let mut values = BTreeMap::new();
    let mut first_lines: BTreeMap<String, usize> = BTreeMap::new();
    for (line, logical) in logical_lines(text) {
        let Some((key, value)) = split_pair(&logical) else {
            let key = unescape_text(logical.trim_end(), line)?;
            return Err(PropertiesError::NoValue { line, key });
        };
        let key = unescape_text(key, line)?;
        if key.is_empty() {
            return Err(PropertiesError::NoKey { line });
        }
        if let Some(&first) = first_lines.get(&key) {
            return Err(PropertiesError::DuplicateKey { line, key, first });
        }
        first_lines.insert(key.clone(), line);
        // Spark trims white space after a value; Java alone would keep it.
        values.insert(key, unescape_text(value.trim_end(), line)?);
    }
    Ok(values)
}

/// The lines with their continuations joined, without comments and blank lines.
/// Each comes with the number of its first physical line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, physical) in text.lines().enumerate() {
        let trimmed = physical.trim_start();
        let (number, mut logical) = match open.take() {
            Some(begun) => begun,
            None if trimmed.is_empty() || trimmed.starts_with(['#', '!']) => continue,
            None => (index + 1, String::new()),
        };
        let backslashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            logical.push_str(&trimmed[..trimmed.len() - 1]);
            open = Some((number, logical));
        } else {
            logical.push_str(trimmed);
            lines.push((number, logical));
        }
    }
    lines.extend(open);
    lines
}

/// Key and value, both still escaped, at the first unescaped separator.
fn split_pair(logical: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in logical.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '=' || c == ':' {
            return Some((&logical[..at], logical[at + 1..].trim_start()));
        } else if c.is_whitespace() {
            let rest = logical[at..].trim_start();
            if rest.is_empty() {
                return None;
            }
            let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return Some((&logical[..at], value.trim_start()));
        }
    }
    None
}

fn unescape_text(text: &str, line: usize) -> Result<String, PropertiesError> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let c = u32::from_str_radix(&digits, 16)
                    .ok()
                    .filter(|_| digits.len() == 4)
                    .and_then(char::from_u32)
                    .ok_or(PropertiesError::BadEscape { line })?;
                plain.push(c);
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sparks_ways_to_write_a_property_are_read() {
        let text = "\u{feff}# a comment\n! another\n\n\
            sluice.master   sluice://h:50050  \n\
            a=1\r\n  b : two words\nc = x=y\nempty=\n\
            list=a,\\\n     b,\\\n     c\n\
            path=C:\\\\temp\nkey\\ with\\ space=\\u00e9\\t.\n\
            s3.endpoint http://h:9000/x?a=b#c";
        let read = parse_properties(text).unwrap();
        let expected = [
            ("a", "1"),
            ("b", "two words"),
            ("c", "x=y"),
            ("empty", ""),
            ("key with space", "é\t."),
            ("list", "a,b,c"),
            ("path", "C:\\temp"),
            ("s3.endpoint", "http://h:9000/x?a=b#c"),
            ("sluice.master", "sluice://h:50050"),
        ];
        let expected = expected
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        assert_eq!(read, expected);
    }

    #[test]
    fn slips_name_their_line() {
        for (text, message) in [
            (
                "# c\nalone",
                "line 2: `alone` has no value; write `alone=VALUE`",
            ),
            (
                "alone  ",
                "line 1: `alone` has no value; write `alone=VALUE`",
            ),
            ("=x", "line 1: a value without a key; write `KEY=VALUE`"),
            (
                "a=\\\n1\na=2",
                "line 3: `a` is already set in line 1; remove one",
            ),
            (
                "a=\\u12",
                "line 1: `\\u` must be followed by four hexadecimal digits",
            ),
        ] {
            assert_eq!(parse_properties(text).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = parse_properties(&text);
        }

        #[test]
        fn plain_pairs_read_back(
            pairs in proptest::collection::btree_map("[a-z][a-z.]{0,9}", "[a-zA-Z0-9/][a-zA-Z0-9:/=]{0,8}", 0..6),
            separator in proptest::sample::select(vec!["=", " ", " = ", ": ", "\t"]),
        ) {
            // A separator character at the beginning of a value would be part of the
            // separator: no value has one there.
            let text: String = pairs.iter()
                .map(|(key, value)| format!("{key}{separator}{value}\n"))
                .collect();
            prop_assert_eq!(parse_properties(&text).unwrap(), pairs);
        }
    }
}
