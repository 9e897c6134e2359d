//! Texts without secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::names::is_secret_name;

/// The text that replaces a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter values are not redacted: removing every `no` from a log would only make
/// it unreadable.
const MIN_SECRET_BYTES: usize = 6;

/// The secrets of this process. Cheap to clone; never printed.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Arc<[String]>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.values.len())
    }
}

/// The value of this name as it may be shown.
pub fn redact_value(name: &str, value: &str) -> String {
    if is_secret_name(name) {
        REDACTED.to_owned()
    } else {
        redact_urls(value).into_owned()
    }
}

/// The named values as they may be shown.
pub fn redact_values(values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    values
        .iter()
        .map(|(name, value)| (name.clone(), redact_value(name, value)))
        .collect()
}

impl Secrets {
    /// The secrets among this process's environment variables.
    pub fn from_environment() -> Self {
        Self::from_pairs(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// The secrets among named values.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let values = pairs
            .into_iter()
            .filter(|(name, _)| is_secret_name(name))
            .flat_map(|(name, value)| with_header_values(&name, value))
            .filter(|value| value.len() >= MIN_SECRET_BYTES);
        Self::from_values(values.collect())
    }

    /// These secrets together with others.
    #[must_use]
    pub fn merged_with(&self, others: &Self) -> Self {
        Self::from_values(self.values.iter().chain(&*others.values).cloned().collect())
    }

    fn from_values(mut values: Vec<String>) -> Self {
        // The longest first, since one secret may be part of another.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self {
            values: values.into(),
        }
    }

    /// Returns `text` with secrets replaced.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = redact_urls(text);
        for value in self.values.iter() {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), REDACTED));
            }
        }
        text
    }
}

/// The value, and where it is a list of headers (`key=value,key=value`), each value in
/// it too.
fn with_header_values(name: &str, value: String) -> Vec<String> {
    let mut values = Vec::new();
    if name.to_ascii_lowercase().ends_with("headers") {
        let parts = value.split(',').filter_map(|part| part.split_once('='));
        values.extend(parts.map(|(_, value)| value.trim().to_owned()));
    }
    values.push(value);
    values
}

/// Replaces `user:password` in URLs.
fn redact_urls(text: &str) -> Cow<'_, str> {
    let mut result = String::new();
    let mut done = 0;
    for (start, _) in text.match_indices("://") {
        if start < done {
            continue;
        }
        let authority = start + 3;
        let end = text[authority..]
            .find(|c: char| {
                c == '/' || c == '?' || c == '#' || c == '"' || c == '\'' || c.is_whitespace()
            })
            .map_or(text.len(), |length| authority + length);
        if let Some(at) = text[authority..end].rfind('@') {
            result.push_str(&text[done..authority]);
            result.push_str(REDACTED);
            done = authority + at;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    result.push_str(&text[done..]);
    Cow::Owned(result)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        Secrets::from_pairs(
            pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        )
    }

    #[test]
    fn values_of_secret_variables_are_blanked_and_others_are_not() {
        let secrets = secrets(&[
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG"),
            ("AWS_SESSION_TOKEN", "wJalrXUtnFEMI"),
            ("AWS_REGION", "eu-west-1"),
            ("SOME_TOKEN", "no"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"),
        ]);
        assert_eq!(
            secrets.redact(
                "key wJalrXUtnFEMI/K7MDENG, session wJalrXUtnFEMI in eu-west-1, no, /var/run/token"
            ),
            "key [redacted], session [redacted] in eu-west-1, no, /var/run/token"
        );
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
        let others = Secrets::from_pairs([("sasl.password".to_owned(), "eu-west-1".to_owned())]);
        assert_eq!(
            secrets
                .merged_with(&others)
                .redact("wJalrXUtnFEMI in eu-west-1"),
            "[redacted] in [redacted]"
        );
    }

    #[test]
    fn keys_in_headers_are_secrets_one_by_one() {
        let headers = "x-key=abcdef12, tenant = hunter22";
        let name = "OTEL_EXPORTER_OTLP_HEADERS".to_owned();
        let secrets = Secrets::from_pairs([(name, headers.to_owned())]);
        assert_eq!(
            secrets.redact(&format!("{headers}; hunter22, abcdef12 x-key")),
            "[redacted]; [redacted], [redacted] x-key"
        );
    }

    #[test]
    fn credentials_in_urls_are_blanked() {
        let secrets = Secrets::default();
        assert_eq!(
            secrets.redact("http://user:pa@ss@host:1/x and s3://bucket/a@b or ftp://u@h"),
            "http://[redacted]@host:1/x and s3://bucket/a@b or ftp://[redacted]@h"
        );
        assert!(matches!(secrets.redact("plain text"), Cow::Borrowed(_)));
    }

    #[test]
    fn named_values_are_blanked_by_their_names_and_in_urls() {
        for (name, value, shown) in [
            ("gold", "s3://bucket/a@b", "s3://bucket/a@b"),
            (
                "gold",
                "http://me:pw@host:9000/x",
                "http://[redacted]@host:9000/x",
            ),
            ("a.token", "abc", "[redacted]"),
            ("ssl.key.pem", "-----BEGIN", "[redacted]"),
        ] {
            assert_eq!(redact_value(name, value), shown, "{name}");
        }
        assert_eq!(format!("{:?}", crate::Secret::new("abc")), "[redacted]");
    }

    proptest! {
        #[test]
        fn redaction_never_shows_a_secret(name in "[a-z]{0,8}", value in "[A-Z]{6,12}") {
            let values = BTreeMap::from([(format!("{name}_Secret"), value.clone())]);
            let shown = format!("{:?}", redact_values(&values));
            prop_assert!(!shown.contains(&value));
        }
    }
}
