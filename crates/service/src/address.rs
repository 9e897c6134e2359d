//! Addresses written as `HOST:PORT`, with brackets around IPv6 addresses.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

/// A host (name or IP address, never with brackets) and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// 0 lets the system choose a free port when something is bound.
    pub port: u16,
}

/// Why a text is not a `HOST:PORT`.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// The port is missing or not a number.
    #[error("`{0}` has no port; write it as HOST:PORT, such as 127.0.0.1:50050")]
    Port(String),
    /// The host is missing, or an IPv6 address without brackets.
    #[error("`{0}` has no usable host; write it as HOST:PORT, IPv6 as [::1]:PORT")]
    Host(String),
}

impl HostPort {
    /// Puts a host and a port together.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// The host as written in a URL: IPv6 addresses in brackets.
    pub fn url_host(&self) -> String {
        url_host(&self.host)
    }

    /// The first address that the host resolves to.
    ///
    /// # Errors
    /// When the name cannot be resolved.
    pub async fn resolve(&self) -> std::io::Result<SocketAddr> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, self.port));
        }
        tokio::net::lookup_host((self.host.as_str(), self.port))
            .await?
            .next()
            .ok_or_else(|| {
                std::io::Error::new(
                    std::io::ErrorKind::NotFound,
                    format!("the host `{}` has no address", self.host),
                )
            })
    }
}

/// `host` as written in a URL: IPv6 addresses in brackets.
pub fn url_host(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.url_host(), self.port)
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.ip().to_string(), address.port())
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| AddressError::Port(text.to_owned()))?;
        let port = port
            .parse()
            .map_err(|_| AddressError::Port(text.to_owned()))?;
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = match bracketed {
            Some(inner) if inner.parse::<std::net::Ipv6Addr>().is_ok() => inner,
            Some(_) => return Err(AddressError::Host(text.to_owned())),
            None if host.is_empty() || host.contains([':', '/', '@', ' ']) => {
                return Err(AddressError::Host(text.to_owned()));
            }
            None => host,
        };
        Ok(Self::new(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_separated() {
        let parse = |text: &str| text.parse::<HostPort>();
        assert_eq!(parse("127.0.0.1:0").unwrap(), HostPort::new("127.0.0.1", 0));
        assert_eq!(
            parse("db-1.local:50050").unwrap(),
            HostPort::new("db-1.local", 50050)
        );
        assert_eq!(parse("[::1]:7").unwrap(), HostPort::new("::1", 7));
        assert_eq!(parse("[::1]:7").unwrap().to_string(), "[::1]:7");
        for wrong in ["localhost", "localhost:", "localhost:99999", "a:b"] {
            assert_eq!(parse(wrong), Err(AddressError::Port(wrong.to_owned())));
        }
        for wrong in [":1", "::1:7", "[a]:7", "http://h:1", "user@h:1"] {
            assert_eq!(parse(wrong), Err(AddressError::Host(wrong.to_owned())));
        }
    }
}
