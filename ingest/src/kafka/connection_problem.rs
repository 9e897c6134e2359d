//! Why a connection to a broker failed, by the client library's log line about it.
//!
//! The library's error codes name the layer at most ("broker transport failure"), so the
//! text decides. It also ends with the state in which the connection was: a connection
//! that is closed says nothing else.

use std::fmt;

/// Why a connection to a broker failed. Greater causes say more about what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionCause {
    /// The broker closes a plaintext connection after its first answer.
    ClosedBeforeSasl,
    /// The broker closes a plaintext connection at the first request.
    ClosedInPlaintext,
    /// The broker closes a connection during the TLS handshake.
    ClosedInTls,
    /// A connection that is neither accepted nor refused, or where nothing answers.
    Silent,
    NoRoute,
    Refused,
    UnknownHost,
    /// Something answers that does not speak Kafka's protocol.
    NotKafka,
    /// The listener speaks TLS, and the client does not.
    TlsListener,
    /// The client speaks TLS, and the listener does not.
    PlaintextListener,
    /// Any other failure of the TLS handshake.
    TlsHandshake,
    /// The broker's certificate is not accepted.
    BrokerCertificate,
    /// The client's certificate is missing or not accepted.
    ClientCertificate,
    /// The client authenticates, and the listener does not.
    NoSaslListener,
    SaslMechanism,
    Credentials,
}

/// A connection to a broker that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionProblem {
    /// `host:port`.
    pub broker: String,
    pub cause: ConnectionCause,
    /// Whether the address comes from a broker and not from the user.
    pub is_advertised: bool,
    /// What the client library says of it.
    pub detail: String,
}

impl ConnectionCause {
    /// Whether waiting does not help. Otherwise the broker may be starting, or something
    /// between may accept connections before it has started.
    pub(super) fn is_lasting(self) -> bool {
        self >= Self::NotKafka
    }

    /// Whether the address itself, or what is on the way to it, is wrong.
    fn is_of_address(self) -> bool {
        matches!(
            self,
            Self::Silent | Self::NoRoute | Self::Refused | Self::UnknownHost
        )
    }

    fn describe(self, broker: &str) -> String {
        match self {
            Self::ClosedBeforeSasl => format!(
                "{broker} closes each connection after its first answer, as a listener does that \
                 requires SASL"
            ),
            Self::ClosedInPlaintext => format!(
                "{broker} closes each connection at the first request, as a TLS listener does \
                 when the client speaks plaintext"
            ),
            Self::ClosedInTls => format!(
                "{broker} closes each connection during the TLS handshake, as a plaintext \
                 listener does"
            ),
            Self::Silent => format!("{broker} does not answer"),
            Self::NoRoute => format!("{broker} cannot be reached"),
            Self::Refused => format!("nothing listens at {broker}"),
            Self::UnknownHost => format!("the host name of {broker} cannot be resolved"),
            Self::NotKafka => format!("what answers at {broker} does not speak Kafka's protocol"),
            Self::TlsListener => {
                format!("the listener at {broker} speaks TLS, but security.protocol does not")
            }
            Self::PlaintextListener => format!(
                "the listener at {broker} does not speak TLS, but security.protocol asks for it"
            ),
            Self::TlsHandshake => format!("the TLS handshake with {broker} fails"),
            Self::BrokerCertificate => format!(
                "the certificate of {broker} is not trusted, or is valid for another name only"
            ),
            Self::ClientCertificate => {
                format!("{broker} requires a client certificate, or does not accept this one")
            }
            Self::NoSaslListener => format!(
                "the listener at {broker} does not use SASL, but security.protocol asks for it"
            ),
            Self::SaslMechanism => format!("{broker} does not accept the SASL mechanism"),
            Self::Credentials => format!("{broker} does not accept the user or the password"),
        }
    }

    fn next_step(self) -> &'static str {
        match self {
            Self::ClosedBeforeSasl => {
                "if it requires SASL, set security.protocol, sasl.mechanism, sasl.username and \
                 sasl.password; otherwise look into the broker's log"
            }
            Self::ClosedInPlaintext => {
                "if it is a TLS listener, set security.protocol=SSL or SASL_SSL; otherwise check \
                 that Kafka runs there"
            }
            Self::ClosedInTls => {
                "if it is a plaintext listener, set security.protocol=PLAINTEXT or \
                 SASL_PLAINTEXT; otherwise check that Kafka runs there"
            }
            Self::Silent => "check host and port, and that no firewall drops the packets",
            Self::NoRoute => "check host and port, and the network of this machine",
            Self::Refused => "start Kafka, or correct host and port",
            Self::UnknownHost => "correct the host name, or check the DNS of this machine",
            Self::NotKafka => "correct host and port",
            Self::TlsListener => {
                "set security.protocol=SSL or SASL_SSL, or use the port of a plaintext listener"
            }
            Self::PlaintextListener => {
                "set security.protocol=PLAINTEXT or SASL_PLAINTEXT, or use the port of a TLS \
                 listener"
            }
            Self::TlsHandshake => {
                "compare the TLS versions and cipher suites of both sides; the broker's log has \
                 its view"
            }
            Self::BrokerCertificate => {
                "set ssl.ca.location to the authority that signed it, and use a host name that \
                 is in it"
            }
            Self::ClientCertificate => "set ssl.certificate.location and ssl.key.location",
            Self::NoSaslListener => {
                "set security.protocol=PLAINTEXT or SSL, or use the port of a SASL listener"
            }
            Self::SaslMechanism => "set sasl.mechanism to one that the listener has",
            Self::Credentials => "correct sasl.username, sasl.password or sasl.mechanism",
        }
    }
}

impl fmt::Display for ConnectionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            broker,
            cause,
            detail,
            ..
        } = self;
        let (described, next_step) = (cause.describe(broker), cause.next_step());
        match self.is_advertised && cause.is_of_address() {
            true => write!(
                f,
                "Kafka answers, but advertises an address that cannot be used from here: \
                 {described} ({detail}); set advertised.listeners of that broker to an address \
                 that this machine can reach; if it is right, {next_step}"
            ),
            false => write!(f, "{described} ({detail}); {next_step}"),
        }
    }
}

impl ConnectionProblem {
    /// Reads the line that the library logs when a connection fails, without the name
    /// of its thread. `None` when it does not say why.
    pub(super) fn from_log_line(line: &str, bootstrap_servers: &str) -> Option<Self> {
        let (name, text) = BrokerName::split_from(line)?;
        let failure = Failure::parse(text);
        let cause = failure.classify(&name)?;
        let is_bootstrap = bootstrap_servers
            .split(',')
            .any(|server| name.is_at(strip_protocol(server.trim()).1));
        Some(Self {
            broker: name.address.to_owned(),
            cause,
            is_advertised: name.is_from_metadata && !is_bootstrap,
            detail: failure.detail().to_owned(),
        })
    }

    /// Whether this one explains a failure better than another.
    pub(super) fn explains_more_than(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    /// An advertised address counts more than another one, because the request that
    /// failed was for the broker that has it.
    fn rank(&self) -> (bool, bool, ConnectionCause) {
        (self.cause.is_lasting(), self.is_advertised, self.cause)
    }
}

/// A broker as the library's messages name it: `sasl_ssl://host:9093/bootstrap`,
/// `host:9092/3`, or `GroupCoordinator: host:9092`.
struct BrokerName<'a> {
    /// `None` for a role of a broker.
    protocol: Option<&'a str>,
    address: &'a str,
    /// Whether a broker reported the address: it has a number then.
    is_from_metadata: bool,
}

/// The port of an address without one.
const DEFAULT_PORT: &str = ":9092";

impl<'a> BrokerName<'a> {
    /// The broker's name at the beginning of a line, and what follows.
    fn split_from(line: &'a str) -> Option<(Self, &'a str)> {
        let (name, text) = line.split_once(": ")?;
        let (protocol, rest) = strip_protocol(name);
        match rest.rsplit_once('/') {
            Some((address, id)) => {
                let name = Self {
                    protocol: Some(protocol),
                    address,
                    is_from_metadata: id.bytes().all(|byte| byte.is_ascii_digit()),
                };
                Some((name, text))
            }
            // A role of a broker, whose address follows.
            None => {
                let (address, text) = text.split_once(": ")?;
                let (_, port) = address.rsplit_once(':')?;
                port.parse::<u16>().ok()?;
                let name = Self {
                    protocol: None,
                    address,
                    is_from_metadata: true,
                };
                Some((name, text))
            }
        }
    }

    fn is_at(&self, address: &str) -> bool {
        self.address == address || self.address.strip_suffix(DEFAULT_PORT) == Some(address)
    }
}

/// A broker's name or address, split after its protocol; `plaintext` is left out in
/// names.
fn strip_protocol(name: &str) -> (&str, &str) {
    name.split_once("://").unwrap_or(("plaintext", name))
}

/// The text of a failure, and the state in which the connection was.
struct Failure<'a> {
    text: &'a str,
    state: &'a str,
    /// How long it was in that state.
    millis: u64,
}

impl<'a> Failure<'a> {
    /// Splits `… (after 3ms in state UP, 2 identical error(s) suppressed)`.
    fn parse(text: &'a str) -> Self {
        let split = text.rsplit_once(" (after ").and_then(|(text, rest)| {
            let (millis, rest) = rest.split_once("ms in state ")?;
            let end = rest.find([',', ')']).unwrap_or(rest.len());
            Some(Self {
                text,
                state: rest.get(..end)?,
                millis: millis.parse().ok()?,
            })
        });
        split.unwrap_or(Self {
            text,
            state: "",
            millis: u64::MAX,
        })
    }

    fn classify(&self, name: &BrokerName<'_>) -> Option<ConnectionCause> {
        use ConnectionCause as Cause;
        let text = self.text;
        if text.starts_with("Failed to resolve ") {
            Some(Cause::UnknownHost)
        } else if text.starts_with("Connect to ")
            || text.starts_with("Failed to connect to broker at ")
        {
            Some(classify_system_error(text))
        } else if text.starts_with("Connection setup timed out") {
            Some(match self.state {
                "SSL_HANDSHAKE" => Cause::ClosedInTls,
                "APIVERSION_QUERY" => Cause::ClosedInPlaintext,
                _ => Cause::Silent,
            })
        } else if text.starts_with("Disconnected") {
            self.classify_disconnect(name)
        } else if let Some(text) = text.strip_prefix("SSL handshake failed: ") {
            Some(classify_tls_error(text))
        } else if let Some(text) = text.strip_prefix("Receive failed: ") {
            classify_receive_error(text)
        } else if text.starts_with("Broker did not provide a certificate")
            || text.starts_with("Failed to verify broker certificate")
        {
            Some(Cause::BrokerCertificate)
        } else if text.starts_with("SASL authentication error: Sasl")
            || text.starts_with("SASL authentication failure: Disconnected")
        {
            // The connection was lost, or the answer cannot be read.
            None
        } else if text.starts_with("SASL authentication error: ")
            || text.starts_with("SASL authentication failure: ")
        {
            Some(Cause::Credentials)
        } else if text.starts_with("SASL ") && text.contains(" mechanism handshake failed: ") {
            Some(match text.contains("in current SASL state") {
                true => Cause::NoSaslListener,
                false => Cause::SaslMechanism,
            })
        } else if text.starts_with("Failed to initialize SASL authentication: ") {
            Some(Cause::SaslMechanism)
        } else {
            None
        }
    }

    /// A connection that the other side closed: only when it did so says anything.
    fn classify_disconnect(&self, name: &BrokerName<'_>) -> Option<ConnectionCause> {
        use ConnectionCause as Cause;
        let protocol = name.protocol?;
        let is_tls = matches!(protocol, "ssl" | "sasl_ssl");
        match self.state {
            "SSL_HANDSHAKE" => Some(Cause::ClosedInTls),
            "APIVERSION_QUERY" if !is_tls => Some(Cause::ClosedInPlaintext),
            "UP" if !protocol.starts_with("sasl") && self.millis < SOON_MILLIS => {
                Some(Cause::ClosedBeforeSasl)
            }
            _ => None,
        }
    }

    /// The text without the library's own guesses.
    fn detail(&self) -> &'a str {
        let guesses = [
            ": requesting ApiVersion: ",
            ": verify that security.protocol ",
            ": connecting to a PLAINTEXT broker listener?",
            ": broker certificate could not be verified, ",
            ": client SSL authentication might be ",
            ": increase receive.message.max.bytes",
        ];
        let ends = guesses.iter().filter_map(|guess| self.text.find(guess));
        let end = ends.min().unwrap_or(self.text.len());
        self.text.get(..end).unwrap_or(self.text)
    }
}

/// A broker that requires SASL closes a connection this soon after its first answer.
/// Later it is a broker that stops.
const SOON_MILLIS: u64 = 2_000;

/// The operating system's error at the end of the text.
fn classify_system_error(text: &str) -> ConnectionCause {
    match text.rsplit_once(": ").map_or(text, |(_, error)| error) {
        "Connection refused" => ConnectionCause::Refused,
        "Connection timed out" | "Operation timed out" => ConnectionCause::Silent,
        _ => ConnectionCause::NoRoute,
    }
}

/// OpenSSL's error during the handshake.
fn classify_tls_error(text: &str) -> ConnectionCause {
    use ConnectionCause as Cause;
    let has = |part: &str| text.contains(part);
    if text.starts_with("Disconnected") {
        Cause::ClosedInTls
    } else if has("certificate verify failed") {
        Cause::BrokerCertificate
    } else if is_about_client_certificate(text) {
        Cause::ClientCertificate
    } else if has("wrong version number") || has("packet length too long") || has("http request") {
        Cause::PlaintextListener
    } else {
        Cause::TlsHandshake
    }
}

/// The alerts with which a broker answers the client's certificate, or a missing one.
fn is_about_client_certificate(text: &str) -> bool {
    let alerts = [
        "alert certificate required",
        "alert bad certificate",
        "alert certificate unknown",
        "alert certificate expired",
        "alert unknown ca",
        "unexpected message",
    ];
    alerts.iter().any(|alert| text.contains(alert))
}

/// What arrived cannot be an answer of Kafka, or TLS has failed: in TLS 1.3 the broker
/// checks the client's certificate after the handshake.
fn classify_receive_error(text: &str) -> Option<ConnectionCause> {
    if let Some(rest) = text.strip_prefix("Invalid response size ") {
        let size: i32 = rest.split_once(' ')?.0.parse().ok()?;
        // The first bytes of a TLS alert or handshake of any version, read as a size.
        return Some(match size >> 16 {
            0x1503 | 0x1603 => ConnectionCause::TlsListener,
            _ => ConnectionCause::NotKafka,
        });
    }
    is_about_client_certificate(text).then_some(ConnectionCause::ClientCertificate)
}

#[cfg(test)]
mod tests;
