//! Which requests to the web pages and the JSON API are answered.
//!
//! A page of another site can have its own name resolve to the address of this
//! scheduler (DNS rebinding). To the browser both are one site then, so the foreign
//! page could read ours, with the token that kills jobs. Such a request carries the
//! foreign name as its host; only known hosts are answered.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sluice_service::format::plain_line;
use sluice_service::host_name::host_name;
use thiserror::Error;

use crate::options::Options;

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How much of an unknown host an answer repeats.
const MAX_SHOWN_CHARS: usize = 100;

/// The hosts for which the pages are served. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct KnownHosts {
    names: Arc<[String]>,
    /// Whether a reverse proxy may be in front, which reports the host that the
    /// browser asked for.
    has_proxy: bool,
}

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum RefusedRequest {
    #[error("the request names no host; HTTP/1.1 requires the header Host")]
    NoHost,
    #[error(
        "this scheduler does not serve the host `{}`; if browsers reach it under this name, \
         start it with --web-host NAME",
        plain_line(.host, MAX_SHOWN_CHARS)
    )]
    UnknownHost { host: String },
    #[error(
        "the request comes from a page of another site (`{}`); use the button on the page of the \
         job. If it came from there, through a reverse proxy, start the scheduler with --web-host \
         and the name that browsers use",
        plain_line(.site, MAX_SHOWN_CHARS)
    )]
    ForeignPage { site: String },
}

impl RefusedRequest {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NoHost => StatusCode::BAD_REQUEST,
            Self::UnknownHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::ForeignPage { .. } => StatusCode::FORBIDDEN,
        }
    }
}

impl IntoResponse for RefusedRequest {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}

impl RefusedRequest {
    /// The answer to a request for this path.
    fn respond_to(self, path: &str) -> Response {
        if !path.starts_with("/api/") {
            return self.into_response();
        }
        let body = json!({ "error": { "message": self.to_string() } });
        (self.status(), Json(body)).into_response()
    }
}

impl KnownHosts {
    /// Those of a process with these options.
    pub(super) fn from_options(options: &Options) -> Self {
        let machine = host_name().unwrap_or_default();
        let short = machine.split('.').next().unwrap_or_default();
        let own = [machine.as_str(), short, options.http.host.as_str()];
        let own = own.into_iter().filter(|name| !name.is_empty());
        Self::new(own, &options.web_host)
    }

    /// `own` are names of this machine, `given` those of the option `--web-host`.
    fn new<'a>(own: impl IntoIterator<Item = &'a str>, given: &'a [String]) -> Self {
        let own = own.into_iter().chain(["localhost"]);
        let names = own.chain(given.iter().map(String::as_str));
        Self {
            names: names.map(str::to_ascii_lowercase).collect(),
            has_proxy: !given.is_empty(),
        }
    }

    fn contains(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        is_ip_address(&host) || self.names.contains(&host)
    }

    /// Whether all hosts that a request names are known.
    pub(super) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), RefusedRequest> {
        let mut named = header_texts(headers, &header::HOST);
        named.extend(uri.authority().map(|authority| authority.to_string()));
        if named.is_empty() {
            return Err(RefusedRequest::NoHost);
        }
        named.extend(self.forwarded_hosts(headers));
        let unknown = named.into_iter().find(|named| match host_of(named) {
            Some(host) => !self.contains(&host),
            None => true,
        });
        match unknown {
            None => Ok(()),
            Some(host) => Err(RefusedRequest::UnknownHost { host }),
        }
    }

    /// Whether a request that changes something was made by a page of ours, or by a
    /// program that is no browser. Browsers name the page's site in a header that no
    /// page can set: in Sec-Fetch-Site over HTTPS and on this machine, else in Origin.
    pub(super) fn check_page(&self, headers: &HeaderMap) -> Result<(), RefusedRequest> {
        let sites = header_texts(headers, &FETCH_SITE);
        if !sites.is_empty() {
            return match sites.iter().find(|site| *site != "same-origin") {
                None => Ok(()),
                Some(site) => Err(RefusedRequest::ForeignPage { site: site.clone() }),
            };
        }
        let mut served = header_texts(headers, &header::HOST);
        served.extend(self.forwarded_hosts(headers));
        let foreign = header_texts(headers, &header::ORIGIN)
            .into_iter()
            .find(|origin| !self.is_own_origin(origin, &served));
        match foreign {
            None => Ok(()),
            Some(site) => Err(RefusedRequest::ForeignPage { site }),
        }
    }

    /// Whether `origin` is one of the hosts that the request was sent to, or a proxy
    /// that was named; a proxy may replace the header Host.
    fn is_own_origin(&self, origin: &str, served: &[String]) -> bool {
        let Some((_, authority)) = origin.split_once("://") else {
            return false;
        };
        let is_served = |served: &String| served.eq_ignore_ascii_case(authority);
        let is_proxy = || {
            host_of(authority)
                .is_some_and(|host| self.has_proxy && !is_ip_address(&host) && self.contains(&host))
        };
        served.iter().any(is_served) || is_proxy()
    }

    /// The hosts that proxies report, each one that of its own request.
    fn forwarded_hosts(&self, headers: &HeaderMap) -> Vec<String> {
        if !self.has_proxy {
            return Vec::new();
        }
        header_texts(headers, &FORWARDED_HOST)
            .iter()
            .flat_map(|hosts| hosts.split(','))
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect()
    }
}

/// The values of a header. Bytes that are not text become a character that no host
/// has.
fn header_texts(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter();
    values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect()
}

/// The host of `HOST` or `HOST:PORT`, without the brackets of IPv6 addresses.
fn host_of(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host();
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    Some(inner.unwrap_or(host).to_owned())
}

fn is_ip_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Answers requests for known hosts only.
pub(super) async fn refuse_unknown_hosts(
    State(hosts): State<KnownHosts>,
    request: Request,
    next: Next,
) -> Response {
    match hosts.check_host(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => {
            tracing::debug!(%refused, "a request was refused");
            refused.respond_to(request.uri().path())
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn hosts(given: &[&str]) -> KnownHosts {
        let given: Vec<String> = given.iter().map(|name| (*name).to_owned()).collect();
        KnownHosts::new(["Machine-1"], &given)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn is_served(hosts: &KnownHosts, pairs: &[(&'static str, &str)]) -> bool {
        let uri = Uri::from_static("/jobs");
        hosts.check_host(&uri, &headers(pairs)).is_ok()
    }

    #[test]
    fn addresses_and_own_names_are_served_and_others_are_not() {
        let hosts = hosts(&["etl.example.org"]);
        for host in [
            "127.0.0.1:8080",
            "10.0.0.7",
            "[::1]:8080",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:8080",
            "localhost.:8080",
            "machine-1:8080",
            "etl.example.org",
            "ETL.example.org.:443",
        ] {
            assert!(is_served(&hosts, &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8080",
            "machine-1.evil.example",
            "xetl.example.org",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "",
            "a b",
        ] {
            assert!(!is_served(&hosts, &[("host", host)]), "{host}");
        }
    }

    #[test]
    fn every_host_that_a_request_names_counts() {
        let hosts = hosts(&[]);
        assert_eq!(
            hosts.check_host(&Uri::from_static("/"), &headers(&[])),
            Err(RefusedRequest::NoHost)
        );
        assert!(!is_served(
            &hosts,
            &[("host", "127.0.0.1"), ("host", "evil.example")]
        ));
        let absolute = Uri::from_static("http://evil.example/jobs");
        assert!(
            hosts
                .check_host(&absolute, &headers(&[("host", "127.0.0.1")]))
                .is_err()
        );
    }

    #[test]
    fn the_host_that_a_proxy_reports_is_checked_if_there_is_one() {
        let foreign = [
            ("host", "127.0.0.1:8080"),
            ("x-forwarded-host", "evil.example"),
        ];
        assert!(is_served(&hosts(&[]), &foreign));
        assert!(!is_served(&hosts(&["etl.example.org"]), &foreign));
        let own = [
            ("host", "127.0.0.1:8080"),
            ("x-forwarded-host", "etl.example.org, 10.0.0.1:8080"),
        ];
        assert!(is_served(&hosts(&["etl.example.org"]), &own));
        // It is never in the place of the host itself.
        let host_is_foreign = [
            ("host", "evil.example"),
            ("x-forwarded-host", "etl.example.org"),
        ];
        assert!(!is_served(&hosts(&["etl.example.org"]), &host_is_foreign));
    }

    #[test]
    fn the_answer_says_how_to_allow_a_name() {
        let refused = hosts(&[])
            .check_host(
                &Uri::from_static("/"),
                &headers(&[("host", "etl.example.org")]),
            )
            .unwrap_err();
        assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
        let text = refused.to_string();
        assert!(
            text.contains("etl.example.org") && text.contains("--web-host"),
            "{text}"
        );
    }

    #[test]
    fn only_pages_of_ours_may_change_something() {
        let none = hosts(&[]);
        let host = ("host", "10.0.0.7:8080");
        for own in [
            &[host][..],
            &[host, ("sec-fetch-site", "same-origin")],
            // A proxy has replaced the host.
            &[
                host,
                ("sec-fetch-site", "same-origin"),
                ("origin", "http://etl"),
            ],
            &[host, ("origin", "http://10.0.0.7:8080")],
        ] {
            assert_eq!(none.check_page(&headers(own)), Ok(()), "{own:?}");
        }
        for foreign in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "http://10.0.0.7:9090")],
            &[host, ("origin", "null")],
            &[
                host,
                ("origin", "http://etl.example.org"),
                ("x-forwarded-host", "etl.example.org"),
            ],
        ] {
            assert!(none.check_page(&headers(foreign)).is_err(), "{foreign:?}");
        }
        let with_proxy = hosts(&["etl.example.org"]);
        let through_proxy = [host, ("origin", "https://etl.example.org:8443")];
        assert_eq!(with_proxy.check_page(&headers(&through_proxy)), Ok(()));
        let other_port = [host, ("origin", "http://10.0.0.7:9090")];
        assert!(with_proxy.check_page(&headers(&other_port)).is_err());
    }
}
