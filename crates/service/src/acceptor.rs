//! Accepts connections, also when the process has no descriptors left.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};

/// How long no connection is accepted after the system could not give one.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the log says that connections cannot be accepted.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Accepts connections on one port.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: TcpListener,
    /// What the port is for, in the log.
    port_name: &'static str,
    last_report: Option<Instant>,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, port_name: &'static str) -> Self {
        Self {
            listener,
            port_name,
            last_report: None,
        }
    }

    /// The next connection, with small messages sent at once. When the system cannot
    /// give one, because the process has too many files and connections open, this
    /// waits and retries: such a connection stays in the system's queue, and asking for
    /// it at once would only keep a core busy.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    if self.last_report.take().is_some() {
                        tracing::info!(port = self.port_name, "connections are accepted again");
                    }
                    // A connection that has already ended.
                    let _ = stream.set_nodelay(true);
                    return (stream, peer);
                }
                Err(error) if concerns_one_connection(&error) => {
                    tracing::debug!(port = self.port_name, %error, "a connection was lost");
                }
                Err(error) => {
                    self.report_failure(&error);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn report_failure(&mut self, error: &io::Error) {
        let is_recent = |last: Instant| last.elapsed() < REPORT_INTERVAL;
        if self.last_report.is_some_and(is_recent) {
            return;
        }
        self.last_report = Some(Instant::now());
        tracing::error!(
            port = self.port_name,
            %error,
            limit = crate::descriptors::limit(),
            "connections cannot be accepted, retrying; raise the limit of open files (ulimit -n)"
        );
    }
}

/// Whether another connection may be accepted at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_descriptors_pauses() {
        assert!(!concerns_one_connection(&io::Error::from_raw_os_error(
            libc::EMFILE
        )));
        assert!(!concerns_one_connection(&io::Error::from_raw_os_error(
            libc::ENFILE
        )));
        assert!(concerns_one_connection(&io::Error::from_raw_os_error(
            libc::ECONNABORTED
        )));
    }

    #[tokio::test]
    async fn connections_are_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut acceptor = Acceptor::new(listener, "test");
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, peer) = acceptor.accept().await;
        assert_eq!(peer, client.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
    }
}
