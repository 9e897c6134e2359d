//! `parse_url` and `try_parse_url`, which read URLs as `java.net.URI` does: nothing is
//! decoded, encoded or brought into another form.

use datafusion::arrow::array::ArrayRef;
use datafusion::error::{DataFusionError, Result};
use regex::Regex;

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, text_result};
use super::super::udf::SparkFunction;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "parse_url",
        &[Kind::Text, Kind::Text, Kind::Text],
        text_result,
        |args| parse_urls(args, false),
    )
    .with_optional(1),
    SparkFunction::new(
        "try_parse_url",
        &[Kind::Text, Kind::Text, Kind::Text],
        text_result,
        |args| parse_urls(args, true),
    )
    .with_optional(1),
];

fn parse_urls(args: &Arguments<'_>, safe: bool) -> Result<ArrayRef> {
    let (urls, parts) = (args.text(0)?, args.text(1)?);
    let keys = (args.count() > 2).then(|| args.text(2)).transpose()?;
    args.texts(|row| {
        let (Some(text), Some(part)) = (urls.get(row), parts.get(row)) else {
            return Ok(None);
        };
        let Some(url) = Url::parse(text) else {
            return match safe {
                true => Ok(None),
                false => Err(DataFusionError::Execution(format!(
                    "'{text}' is not a URL; use try_parse_url where such text is to give NULL"
                ))),
            };
        };
        match &keys {
            None => Ok(url.part(part)),
            Some(keys) => match (keys.get(row), url.query) {
                (Some(key), Some(query)) if part == "QUERY" => value_of_key(query, key),
                _ => Ok(None),
            },
        }
    })
}

/// The value of `key`, which is a regular expression, as in Spark.
fn value_of_key(query: &str, key: &str) -> Result<Option<String>> {
    let pattern = Regex::new(&format!("(?:&|^){key}=([^&]*)"))
        .map_err(|error| DataFusionError::Execution(format!("'{key}' is no key: {error}")))?;
    let found = pattern.captures(query);
    let value = found.and_then(|found| found.iter().last().flatten());
    Ok(value.map(|value| value.as_str().to_owned()))
}

/// The parts of a URI, as they are written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Url<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    user: Option<&'a str>,
    host: Option<&'a str>,
    /// `None` for an opaque URI such as `mailto:a@b.c`.
    path: Option<&'a str>,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (rest, fragment) = split_at_first(text, '#');
        let mut url = Self {
            fragment,
            ..Self::default()
        };
        if !fragment.is_none_or(are_legal) {
            return None;
        }
        let mut rest = rest;
        if let Some(end) = rest.find([':', '/', '?'])
            && rest[end..].starts_with(':')
        {
            let scheme = &rest[..end];
            if !is_scheme(scheme) {
                return None;
            }
            url.scheme = Some(scheme);
            rest = &rest[end + 1..];
            if rest.is_empty() {
                return None;
            }
            if !rest.starts_with('/') {
                return are_legal(rest).then_some(url);
            }
        }
        let (before_query, query) = split_at_first(rest, '?');
        url.query = query;
        let path = match before_query.strip_prefix("//") {
            Some(after) => {
                let end = after.find('/').unwrap_or(after.len());
                let authority = &after[..end];
                if authority.is_empty() && after.len() == end && query.is_none() {
                    return None;
                }
                if !authority.is_empty() {
                    url.read_authority(authority)?;
                }
                &after[end..]
            }
            None => before_query,
        };
        url.path = Some(path);
        (are_legal(path) && query.is_none_or(are_legal)).then_some(url)
    }

    /// A host that is no name of the internet, such as `my_host`, is no host.
    fn read_authority(&mut self, authority: &'a str) -> Option<()> {
        if !authority.contains('[') && !are_legal(authority) {
            return None;
        }
        self.authority = Some(authority);
        let (user, rest) = match authority.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, authority),
        };
        let host_end = match rest.find(']') {
            Some(end) => end + 1,
            None => rest.find(':').unwrap_or(rest.len()),
        };
        let (host, port) = rest.split_at(host_end);
        let digits = port.strip_prefix(':').unwrap_or(port);
        if is_host(host) && digits.bytes().all(|b| b.is_ascii_digit()) {
            self.host = Some(host);
            self.user = user;
        } else if host.starts_with('[') {
            return None;
        }
        Some(())
    }

    fn part(&self, name: &str) -> Option<String> {
        let text = match name {
            "HOST" => self.host,
            "PATH" => self.path,
            "QUERY" => self.query,
            "REF" => self.fragment,
            "PROTOCOL" => self.scheme,
            "AUTHORITY" => self.authority,
            "USERINFO" => self.user,
            "FILE" => {
                let path = self.path?;
                return Some(match self.query {
                    Some(query) => format!("{path}?{query}"),
                    None => path.to_owned(),
                });
            }
            _ => None,
        };
        text.map(str::to_owned)
    }
}

fn split_at_first(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Whether all characters may be in a URI: letters of any script, digits, marks, and
/// `%` before two hexadecimal digits.
fn are_legal(text: &str) -> bool {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let legal = match c {
            '%' => {
                let mut hex = || rest.next().is_some_and(|c| c.is_ascii_hexdigit());
                hex() && hex()
            }
            c if c.is_ascii() => c.is_ascii_alphanumeric() || "_-!.~'()*;/?:@&=+$,[]".contains(c),
            c => !c.is_control() && !c.is_whitespace(),
        };
        if !legal {
            return false;
        }
    }
    true
}

/// A name such as `example.com`, four numbers, or an address in brackets.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let (address, _) = address.split_once('%').unwrap_or((address, ""));
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    if host.parse::<std::net::Ipv4Addr>().is_ok() {
        return true;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.split('.').all(is_label) && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_java() {
        let url = "https://user:pw@Example.com:8080/a%20b/c?x=1&y=2#top";
        for (part, value) in [
            ("HOST", Some("Example.com")),
            ("PATH", Some("/a%20b/c")),
            ("QUERY", Some("x=1&y=2")),
            ("REF", Some("top")),
            ("PROTOCOL", Some("https")),
            ("FILE", Some("/a%20b/c?x=1&y=2")),
            ("AUTHORITY", Some("user:pw@Example.com:8080")),
            ("USERINFO", Some("user:pw")),
            ("host", None),
        ] {
            let found = Url::parse(url).unwrap().part(part);
            assert_eq!(found.as_deref(), value, "{part}");
        }
        assert_eq!(Url::parse("http://my_host/x").unwrap().host, None);
        assert_eq!(Url::parse("mailto:a@b.c").unwrap().path, None);
        assert_eq!(Url::parse("/only/a/path?q").unwrap().query, Some("q"));
        assert_eq!(Url::parse("http://[::1]:80/").unwrap().host, Some("[::1]"));
        for malformed in [
            "http://a/b c",
            "http://a/%zz",
            "1http://a",
            "a b",
            "http://a/\"q\"",
        ] {
            assert_eq!(Url::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn a_key_is_found_as_it_is_written() {
        let value = |key| value_of_key("ab=1&b=2&c=", key).unwrap();
        assert_eq!(value("b").as_deref(), Some("2"));
        assert_eq!(value("c").as_deref(), Some(""));
        assert_eq!(value("d"), None);
    }
}
