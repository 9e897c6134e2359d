//! Names of hive partition folders (`col=value`), escaped as Spark escapes them.

/// The folder value that stands for NULL, and for an empty string, which Spark
/// and Delta Lake do not distinguish from NULL in a partition.
pub const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Whether Spark's `ExternalCatalogUtils.escapePathName` escapes this character.
fn needs_escape(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}')
        || matches!(
            c,
            '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^'
        )
}

/// Escapes a column name or a value for use in a folder name.
///
/// Escapes what Spark escapes, with one addition: a value of only dots (`.`,
/// `..`) would mean another folder, so its dots are escaped too.
pub fn escape_hive(text: &str) -> String {
    let dots = !text.is_empty() && text.bytes().all(|b| b == b'.');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // C1 controls do not occur in Spark's list, but no store takes them.
        if needs_escape(c) || (dots && c == '.') {
            out.push_str(&format!("%{:02X}", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}

/// The inverse of [`escape_hive`]; a percent sign that does not start an escape
/// is kept.
pub fn unescape_hive(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let code = rest
            .get(1..3)
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .filter(u8::is_ascii);
        match code {
            Some(code) => {
                out.push(char::from(code));
                rest = &rest[3..];
            }
            None => {
                out.push('%');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Reads `col=value` from a folder name.
pub(crate) fn parse_folder(name: &str) -> Option<(String, Option<String>)> {
    let (column, value) = name.split_once('=')?;
    if column.is_empty() {
        return None;
    }
    let value = (value != HIVE_NULL).then(|| unescape_hive(value));
    Some((unescape_hive(column), value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_as_spark_does() {
        assert_eq!(
            escape_hive("2024-01-01 10:00:00"),
            "2024-01-01 10%3A00%3A00"
        );
        assert_eq!(escape_hive("a/b=c%"), "a%2Fb%3Dc%25");
        assert_eq!(escape_hive("Köln"), "Köln");
        assert_eq!(escape_hive(".."), "%2E%2E");
        assert_eq!(unescape_hive("100%"), "100%");
        assert_eq!(unescape_hive("%zz%2"), "%zz%2");
        assert_eq!(
            parse_folder("day=__HIVE_DEFAULT_PARTITION__"),
            Some(("day".to_owned(), None))
        );
        assert_eq!(parse_folder("plain"), None);
    }

    proptest! {
        #[test]
        fn unescape_is_the_inverse(text in any::<String>()) {
            let escaped = escape_hive(&text);
            prop_assert!(!escaped.contains('/'));
            prop_assert!(escaped != "." && escaped != "..");
            prop_assert_eq!(unescape_hive(&escaped), text);
        }
    }
}
