//! The executor's two ports.

use std::net::{IpAddr, SocketAddr};

use sluice_service::address::HostPort;
use sluice_service::listen::ListenError;
use tokio::net::TcpListener;

use crate::error::ExecutorError;

/// Both ports of an executor.
#[derive(Debug)]
pub(crate) struct Ports {
    /// Listens for tasks.
    pub(crate) grpc: TcpListener,
    /// Listens for requests for shuffle data.
    pub(crate) flight: TcpListener,
    /// The port for tasks.
    pub(crate) grpc_port: u16,
    /// The port for shuffle data.
    pub(crate) flight_port: u16,
    /// The address of both.
    pub(crate) ip: IpAddr,
}

impl Ports {
    /// Takes the ports that `--bind` names.
    ///
    /// # Errors
    /// When the host has no address or a port is in use.
    pub(crate) async fn take(bind: &HostPort) -> Result<Self, ExecutorError> {
        let address = bind
            .resolve()
            .await
            .map_err(|source| ExecutorError::Resolve {
                flag: "--bind",
                address: bind.clone(),
                source,
            })?;
        let (grpc, grpc_port) = listen_on(address).await?;
        let next = match address.port() {
            0 => 0,
            port => port.checked_add(1).unwrap_or(0),
        };
        let (flight, flight_port) = listen_on(SocketAddr::new(address.ip(), next)).await?;
        Ok(Self {
            grpc,
            flight,
            grpc_port,
            flight_port,
            ip: address.ip(),
        })
    }
}

/// Listens at `address`, and gives the port too.
async fn listen_on(address: SocketAddr) -> Result<(TcpListener, u16), ListenError> {
    let failed = |source| ListenError {
        flag: "--bind",
        address: address.into(),
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

/// The host that others should use: the configured one, or the bound address,
/// or, when bound to every address, the address that routes to the scheduler.
pub(crate) async fn advertised_host(
    configured: Option<&str>,
    bound: IpAddr,
    scheduler: &HostPort,
) -> Result<String, ExecutorError> {
    if let Some(host) = configured {
        return Ok(sluice_service::address::url_host(host));
    }
    if !bound.is_unspecified() {
        return Ok(sluice_service::address::url_host(&bound.to_string()));
    }
    let resolve = |source| ExecutorError::Resolve {
        flag: "--scheduler",
        address: scheduler.clone(),
        source,
    };
    let scheduler_address = scheduler.resolve().await.map_err(resolve)?;
    // Connecting a datagram socket sends nothing; it only selects the route.
    let any: SocketAddr = if scheduler_address.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let socket = tokio::net::UdpSocket::bind(any).await.map_err(resolve)?;
    socket.connect(scheduler_address).await.map_err(resolve)?;
    let ip = socket.local_addr().map_err(resolve)?.ip();
    Ok(sluice_service::address::url_host(&ip.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn free_ports_are_different() {
        let any = HostPort::new("127.0.0.1", 0);
        let first = Ports::take(&any).await.unwrap();
        let second = Ports::take(&any).await.unwrap();
        let ports = [
            first.grpc_port,
            first.flight_port,
            second.grpc_port,
            second.flight_port,
        ];
        let distinct: std::collections::BTreeSet<u16> = ports.into_iter().collect();
        assert_eq!(distinct.len(), 4, "{ports:?}");
    }

    #[tokio::test]
    async fn a_given_port_takes_the_next_one_too_and_a_taken_one_is_an_error() {
        let free = Ports::take(&HostPort::new("127.0.0.1", 0)).await.unwrap();
        let port = free.grpc_port;
        drop(free);
        let ports = Ports::take(&HostPort::new("127.0.0.1", port)).await;
        // The next port may belong to another process: then the error names it.
        match ports {
            Ok(ports) => assert_eq!((ports.grpc_port, ports.flight_port), (port, port + 1)),
            Err(error) => assert!(error.to_string().contains(&(port + 1).to_string())),
        }
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Ports::take(&HostPort::new("127.0.0.1", port))
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("choose another address with --bind"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn the_advertised_host_is_one_that_others_can_use() {
        let scheduler = HostPort::new("127.0.0.1", 9);
        let host = |told: Option<&'static str>, bound: &str| {
            let (bound, scheduler) = (bound.parse().unwrap(), scheduler.clone());
            async move { advertised_host(told, bound, &scheduler).await.unwrap() }
        };
        assert_eq!(host(Some("worker-1"), "0.0.0.0").await, "worker-1");
        assert_eq!(host(None, "10.1.2.3").await, "10.1.2.3");
        assert_eq!(host(None, "::1").await, "[::1]");
        assert_eq!(host(None, "0.0.0.0").await, "127.0.0.1");
    }
}
