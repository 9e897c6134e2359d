//! Redacts what must never be shown: values of settings and parameters whose names
//! mark them as secrets, and credentials in URLs.

use std::collections::BTreeMap;

/// The text that replaces a secret.
pub const REDACTED: &str = "***";

/// Parts of names that mark a secret. Names are compared without case and without
/// `_`, `-` and `.`, so that `access_key`, `accessKey` and `access.key` are the
/// same.
const SECRET_MARKS: [&str; 8] = [
    "secret",
    "password",
    "passwd",
    "token",
    "accesskey",
    "privatekey",
    "apikey",
    "credential",
];

/// Whether a setting or parameter of this name holds a secret.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    let plain: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SECRET_MARKS.iter().any(|mark| plain.contains(mark))
}

/// The value of this key as it may be shown.
#[must_use]
pub fn redacted_value(key: &str, value: &str) -> String {
    if is_secret(key) {
        REDACTED.to_owned()
    } else {
        redacted_url(value)
    }
}

/// The settings as they may be shown.
#[must_use]
pub fn redacted_values(values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    values
        .iter()
        .map(|(key, value)| (key.clone(), redacted_value(key, value)))
        .collect()
}

/// The text without the credentials between `://` and `@` in a URL.
fn redacted_url(text: &str) -> String {
    let Some(start) = text.find("://").map(|at| at + 3) else {
        return text.to_owned();
    };
    let authority_end = text[start..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |at| start + at);
    match text[start..authority_end].rfind('@') {
        Some(at) => format!("{}{REDACTED}{}", &text[..start], &text[start + at..]),
        None => text.to_owned(),
    }
}
