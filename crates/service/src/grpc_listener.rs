//! Connections to a gRPC port.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::acceptor::Acceptor;

/// How long a client may take to begin with HTTP/2. After that, the keep-alive of
/// HTTP/2 closes connections of clients that do not answer.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(10);
/// How many bytes every HTTP/2 client sends first.
const PREFACE_BYTES: usize = 24;

/// The connections to `listener`. A client that does not begin with HTTP/2 within a
/// few seconds is disconnected.
pub fn incoming_connections(
    listener: TcpListener,
    port_name: &'static str,
) -> impl Stream<Item = io::Result<GrpcStream>> {
    let acceptor = Acceptor::new(listener, port_name);
    futures::stream::unfold(acceptor, |mut acceptor| async move {
        let (stream, _) = acceptor.accept().await;
        Some((Ok(GrpcStream::new(stream, PREFACE_TIMEOUT)), acceptor))
    })
}

/// A connection that is closed when its client does not begin in time.
#[derive(Debug)]
pub struct GrpcStream {
    stream: TcpStream,
    preface: Option<Preface>,
}

/// The first bytes of a client, as long as they are awaited.
#[derive(Debug)]
struct Preface {
    missing: usize,
    deadline: Pin<Box<Sleep>>,
}

impl GrpcStream {
    fn new(stream: TcpStream, timeout: Duration) -> Self {
        Self {
            stream,
            preface: Some(Preface {
                missing: PREFACE_BYTES,
                deadline: Box::pin(tokio::time::sleep(timeout)),
            }),
        }
    }
}

impl Connected for GrpcStream {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for GrpcStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(preface) = &mut self.preface else {
            return polled;
        };
        if polled.is_pending() {
            ready!(preface.deadline.as_mut().poll(context));
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client did not begin with HTTP/2 in time",
            )));
        }
        let bytes = buffer.filled().len() - before;
        preface.missing = preface.missing.saturating_sub(bytes);
        if preface.missing == 0 {
            self.preface = None;
        }
        polled
    }
}

impl AsyncWrite for GrpcStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn connect() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await;
        (client.unwrap(), listener.accept().await.unwrap().0)
    }

    const NONE: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_client_that_sends_nothing_or_little_is_disconnected() {
        for sent in [0, PREFACE_BYTES - 1] {
            let (mut client, server) = connect().await;
            client.write_all(&vec![b'x'; sent]).await.unwrap();
            let mut stream = GrpcStream::new(server, NONE);
            let mut read = Vec::new();
            let error = stream.read_to_end(&mut read).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test]
    async fn a_client_that_has_begun_may_be_silent() {
        let (mut client, server) = connect().await;
        client.write_all(&[b'x'; PREFACE_BYTES]).await.unwrap();
        let mut stream = GrpcStream::new(server, LONG);
        let mut read = [0; PREFACE_BYTES];
        stream.read_exact(&mut read).await.unwrap();
        assert!(stream.preface.is_none());
        client.write_all(b"y").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'y');
    }
}
