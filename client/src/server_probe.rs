//! What listens at an address where no scheduler answers.

use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::master::Address;

/// A few lines of an answer say what it is.
const PROBE_BYTES: usize = 512;

/// A server that is no scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// It expects TLS.
    Tls,
    /// It speaks HTTP, but not gRPC.
    Http,
    /// It speaks gRPC and has no jobs.
    OtherGrpc,
    /// It answers neither.
    Other,
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "the server there expects TLS, so it is not a sluice scheduler",
            Self::Http => "an HTTP server that is not a sluice scheduler's gRPC port",
            Self::OtherGrpc => "a gRPC server that is not a sluice scheduler",
            Self::Other => "the server there does not speak gRPC, so it is not a sluice scheduler",
        })
    }
}

/// Sends a plain HTTP request and looks at the answer; `None` when there is no
/// connection any more, or none within `limit`.
pub(crate) async fn find_server_kind(address: &Address, limit: Duration) -> Option<ServerKind> {
    let probe = async {
        let mut stream = TcpStream::connect(address.to_string()).await.ok()?;
        let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        // A broken connection leaves what was read before.
        let _ = stream
            .take(PROBE_BYTES as u64)
            .read_to_end(&mut answer)
            .await;
        Some(kind_of_answer(&answer))
    };
    tokio::time::timeout(limit, probe).await.ok()?
}

fn kind_of_answer(answer: &[u8]) -> ServerKind {
    /// The first bytes of an alert of TLS.
    const TLS_ALERT: &[u8] = &[0x15, 0x03];
    let text = String::from_utf8_lossy(answer);
    if answer.starts_with(TLS_ALERT) || text.contains("HTTPS server") {
        ServerKind::Tls
    } else if text.starts_with("HTTP/") {
        ServerKind::Http
    } else {
        ServerKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_show_what_listens() {
        for (answer, kind) in [
            (b"\x15\x03\x03\x00\x02\x02\x28".as_slice(), ServerKind::Tls),
            (
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                ServerKind::Tls,
            ),
            (b"HTTP/1.1 200 OK\r\n\r\n", ServerKind::Http),
            (b"SSH-2.0-OpenSSH_9.6\r\n", ServerKind::Other),
            (b"", ServerKind::Other),
        ] {
            assert_eq!(kind_of_answer(answer), kind);
        }
    }
}
