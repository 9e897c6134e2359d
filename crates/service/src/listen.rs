//! Listens on an address that an option names.

use thiserror::Error;
use tokio::net::TcpListener;

use crate::address::HostPort;

/// A port is in use or not permitted, or the address does not belong to this
/// machine.
#[derive(Debug, Error)]
#[error(
    "cannot listen on {address}: {source}; choose another address with {flag}, or port 0 to take any free one"
)]
pub struct ListenError {
    /// The option that sets the address.
    pub flag: &'static str,
    pub address: HostPort,
    /// The system's error.
    pub source: std::io::Error,
}

/// Listens on `address`, the value of the option `flag`. Also returns the address
/// that was bound: port 0 takes any free port.
///
/// # Errors
/// When the host has no address, or the system refuses.
pub async fn listen_on(
    flag: &'static str,
    address: &HostPort,
) -> Result<(TcpListener, HostPort), ListenError> {
    let failed = |source| ListenError {
        flag,
        address: address.clone(),
        source,
    };
    let resolved = address.resolve().await.map_err(failed)?;
    let listener = TcpListener::bind(resolved).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?.into();
    Ok((listener, bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_option() {
        let any = HostPort::new("127.0.0.1", 0);
        let (_listener, bound) = listen_on("--http", &any).await.unwrap();
        assert_ne!(bound.port, 0);
        let error = listen_on("--http", &bound).await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot listen on {bound}: "))
                && error.ends_with(
                    "choose another address with --http, or port 0 to take any free one"
                ),
            "{error}"
        );
    }
}
