//! A pool of connections to other executors.
//!
//! Ballista's own pool is private to its process. This one also limits the cost
//! of a dead peer: connecting has a deadline, and keep-alive pings detect a peer
//! that has stopped answering, which Ballista would never notice.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::client::BallistaClient;
use ballista_core::client_pool::{BallistaClientPool, PooledClient};
use ballista_core::error::Result;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::utils::GrpcClientConfig;
use parking_lot::Mutex;
use tokio::runtime::Handle;

/// An idle connection is closed after this long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

type PeerAddress = (String, u16);
type IdleConnections = HashMap<PeerAddress, Vec<(Instant, BallistaClient)>>;

/// Idle connections by host and port.
#[derive(Clone)]
pub(crate) struct ConnectionPool {
    idle: Arc<Mutex<IdleConnections>>,
    runtime: Handle,
    connect_timeout: Duration,
}

impl ConnectionPool {
    /// A pool whose connections live on `runtime`.
    pub(crate) fn new(runtime: Handle) -> Self {
        Self {
            idle: Arc::default(),
            runtime,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }
}

impl fmt::Debug for ConnectionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connections({})", self.idle.lock().len())
    }
}

#[async_trait::async_trait]
impl BallistaClientPool for ConnectionPool {
    async fn acquire(
        &self,
        host: &str,
        port: u16,
        config: &GrpcClientConfig,
        _: Option<Arc<BallistaConfigGrpcEndpoint>>,
    ) -> Result<PooledClient> {
        let key = (host.to_owned(), port);
        let kept = self.idle.lock().get_mut(&key).and_then(Vec::pop);
        let client = match kept {
            Some((_, client)) => client,
            None => {
                let timeout = self.connect_timeout;
                let opened = open_connection(host.to_owned(), port, config.clone(), timeout);
                self.runtime.spawn(opened).await??
            }
        };
        let idle = Arc::clone(&self.idle);
        Ok(PooledClient::new(
            client,
            Box::new(move |client| {
                idle.lock()
                    .entry(key)
                    .or_default()
                    .push((Instant::now(), client));
            }),
        ))
    }

    async fn evict_idle(&self) {
        let Some(limit) = Instant::now().checked_sub(IDLE_TIMEOUT) else {
            return;
        };
        self.idle.lock().retain(|_, clients| {
            clients.retain(|(since, _)| *since > limit);
            !clients.is_empty()
        });
    }
}

async fn open_connection(
    host: String,
    port: u16,
    config: GrpcClientConfig,
    connect_timeout: Duration,
) -> Result<BallistaClient> {
    let endpoint = BallistaConfigGrpcEndpoint::new(Arc::new(move |endpoint| {
        Ok(endpoint
            .connect_timeout(connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT))
    }));
    BallistaClient::try_new(
        &host,
        port,
        config.max_message_size,
        config.use_tls,
        Some(Arc::new(endpoint)),
        config.io_retries_times,
        config.io_retry_wait_time_ms,
        config.initial_connection_window_size,
        config.initial_stream_window_size,
    )
    .await
}

/// Closes idle connections periodically, for as long as it is polled.
pub(crate) async fn evict_periodically(connections: ConnectionPool) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 2).await;
        connections.evict_idle().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is not waited for until connecting takes too long.
    #[tokio::test]
    async fn a_closed_port_is_an_error_at_once() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let connections = ConnectionPool {
            connect_timeout: Duration::from_secs(3600),
            ..ConnectionPool::new(Handle::current())
        };
        let result = connections
            .acquire("127.0.0.1", port, &GrpcClientConfig::default(), None)
            .await;
        assert!(result.is_err());
        assert_eq!(format!("{connections:?}"), "Connections(0)");
    }
}
