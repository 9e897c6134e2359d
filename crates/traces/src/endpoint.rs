//! Where traces are exported to, from an option and the variables that all programs
//! with OpenTelemetry have.

use thiserror::Error;
use url::Url;

/// The option of programs.
const OPTION: &str = "--otlp-endpoint";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// The protocol of the exporter, as its variables name it.
const HTTP_PROTOBUF: &str = "http/protobuf";
/// The path of traces below an endpoint for all signals.
const TRACES_PATH: &str = "v1/traces";

/// Why traces cannot be exported to where the options or the environment say.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// The endpoint is not a URL of a collector. It is not repeated: it may hold a
    /// password.
    #[error("{name} is not a URL such as http://collector:4318: {reason}")]
    Url {
        /// The option or the variable.
        name: &'static str,
        reason: String,
    },
    /// Another protocol is asked for.
    #[error(
        "{name} is `{protocol}`, and traces are exported with http/protobuf only, which collectors accept on port 4318"
    )]
    Protocol {
        name: &'static str,
        protocol: String,
    },
}

/// Checks the value of the option.
///
/// # Errors
/// When it is not the URL of a collector.
pub fn check_endpoint(text: &str) -> Result<String, EndpointError> {
    base_endpoint(OPTION, text).map(|_| text.to_owned())
}

/// The URL that spans are sent to; `None` when traces are off. `option` wins over the
/// environment, which `variable` reads.
pub(crate) fn find_endpoint(
    option: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Url>, EndpointError> {
    let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    if variable(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    if let Some(option) = option {
        return base_endpoint(OPTION, option).map(Some);
    }
    if variable(EXPORTER).is_some_and(|value| value.eq_ignore_ascii_case("none")) {
        return Ok(None);
    }
    let endpoint = match (variable(TRACES_ENDPOINT), variable(ENDPOINT)) {
        (Some(endpoint), _) => parse_endpoint(TRACES_ENDPOINT, &endpoint)?,
        (None, Some(endpoint)) => base_endpoint(ENDPOINT, &endpoint)?,
        (None, None) => return Ok(None),
    };
    for name in [TRACES_PROTOCOL, PROTOCOL] {
        match variable(name) {
            Some(protocol) if protocol != HTTP_PROTOBUF => {
                return Err(EndpointError::Protocol { name, protocol });
            }
            // The first that is set counts.
            Some(_) => break,
            None => {}
        }
    }
    Ok(Some(endpoint))
}

fn parse_endpoint(name: &'static str, text: &str) -> Result<Url, EndpointError> {
    let not_a_url = |reason: &str| EndpointError::Url {
        name,
        reason: reason.to_owned(),
    };
    let url = Url::parse(text.trim()).map_err(|error| not_a_url(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(not_a_url("it begins with neither http:// nor https://"));
    }
    Ok(url)
}

/// An endpoint for all signals, completed with the path of traces.
fn base_endpoint(name: &'static str, text: &str) -> Result<Url, EndpointError> {
    let mut url = parse_endpoint(name, text)?;
    if !url.path().ends_with(TRACES_PATH) {
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{TRACES_PATH}"));
    }
    Ok(url)
}

/// The endpoint as it may be shown: without what may be a secret.
pub(crate) fn shown_endpoint(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    // These fail for URLs without a host, which have no user either.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(option: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Url>, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        find_endpoint(option, variable).map_err(|error| error.to_string())
    }

    fn found(option: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        find(option, variables).unwrap().map(String::from)
    }

    #[test]
    fn traces_are_off_without_an_endpoint() {
        assert_eq!(found(None, &[]), None);
        assert_eq!(found(None, &[(ENDPOINT, " "), (PROTOCOL, "grpc")]), None);
        let on = (ENDPOINT, "http://c:4318");
        assert_eq!(found(None, &[on, (EXPORTER, "none")]), None);
        for option in [None, Some("http://c:4318")] {
            assert_eq!(found(option, &[on, (DISABLED, "True")]), None);
        }
    }

    #[test]
    fn the_most_exact_endpoint_counts() {
        let all = (ENDPOINT, "http://all:4318/otlp/");
        let traces = (TRACES_ENDPOINT, "https://traces/in");
        assert_eq!(
            found(None, &[all]).unwrap(),
            "http://all:4318/otlp/v1/traces"
        );
        assert_eq!(found(None, &[all, traces]).unwrap(), "https://traces/in");
        let option = Some("http://own:1");
        assert_eq!(
            found(option, &[all, traces]).unwrap(),
            "http://own:1/v1/traces"
        );
        assert_eq!(
            found(Some("http://own:1/v1/traces"), &[]).unwrap(),
            "http://own:1/v1/traces"
        );
    }

    #[test]
    fn wrong_endpoints_are_refused_and_not_shown() {
        for wrong in ["collector", "ftp://u:hunter22@c", "grpc://c:4317"] {
            let error = find(Some(wrong), &[]).unwrap_err();
            assert!(error.contains("--otlp-endpoint"), "{error}");
            assert!(!error.contains("hunter22"), "{error}");
        }
        let grpc = [(ENDPOINT, "http://c:4317"), (TRACES_PROTOCOL, "grpc")];
        let error = find(None, &grpc).unwrap_err();
        assert!(error.contains("http/protobuf"), "{error}");
        let url = Url::parse("https://u:hunter22@c/x?key=hunter22").unwrap();
        assert_eq!(shown_endpoint(&url), "https://c/x");
    }
}
