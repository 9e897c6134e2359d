//! The HTTP routes that every process has: liveness, readiness and metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::acceptor::Acceptor;
use crate::descriptors;

/// Whether a process can do its work now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// It cannot; the text is what it waits for.
    NotReady(String),
}

/// Answers `/readyz`.
pub type ReadyFn = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Updates gauges before metrics are read.
pub type RefreshFn = Arc<dyn Fn() + Send + Sync>;

/// The state of the routes.
#[derive(Clone)]
pub struct Probes {
    /// Answers `/readyz`.
    pub ready: ReadyFn,
    /// Called before each scrape.
    pub refresh: RefreshFn,
    /// The metrics of `/metrics`.
    pub registry: Registry,
}

/// `/healthz` (the process answers), `/readyz` (200 or 503 with the reason)
/// and `/metrics` (Prometheus text).
pub fn probe_routes(probes: Probes) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(get_readyz))
        .route("/metrics", get(get_metrics))
        .with_state(probes)
}

async fn get_readyz(State(probes): State<Probes>) -> Response {
    match (probes.ready)() {
        Readiness::Ready => (StatusCode::OK, "ready\n".to_owned()).into_response(),
        Readiness::NotReady(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {why}\n"),
        )
            .into_response(),
    }
}

async fn get_metrics(State(probes): State<Probes>) -> Response {
    (probes.refresh)();
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&probes.registry.gather(), &mut text) {
        Ok(()) => (
            [(header::CONTENT_TYPE, encoder.format_type().to_owned())],
            text,
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// How long a client may take for the head of a request, and how long a connection
/// without a request stays open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections at a time when the limit of open files is not known.
const DEFAULT_CONNECTIONS: u64 = 256;

/// Serves `router` until `stop`; then open connections accept no further requests, and
/// this returns when they are closed.
///
/// A client that does not send the head of a request in time is disconnected. At most
/// a quarter of the files that the process may have open are connections of this port,
/// so that it takes none from others.
pub async fn serve_until(listener: TcpListener, router: Router, stop: CancellationToken) {
    serve_with_timeout(listener, router, stop, HEAD_TIMEOUT).await;
}

async fn serve_with_timeout(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    head_timeout: Duration,
) {
    let most = descriptors::limit().map_or(DEFAULT_CONNECTIONS, |limit| (limit / 4).max(16));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let mut acceptor = Acceptor::new(listener, "http");
    let next_connection = async |acceptor: &mut Acceptor| {
        // The semaphore is never closed.
        let place = Arc::clone(&places).acquire_owned().await.ok();
        (acceptor.accept().await.0, place)
    };
    loop {
        let (stream, place) = tokio::select! {
            next = next_connection(&mut acceptor) => next,
            () = stop.cancelled() => break,
        };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            serve_connection(stream, router, stop, head_timeout).await;
            drop(place);
        });
    }
    drop(acceptor);
    connections.close();
    connections.wait().await;
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    stop: CancellationToken,
    head_timeout: Duration,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get_page(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn probes_and_metrics_answer_over_http() {
        let registry = Registry::new();
        let gauge = prometheus::IntGauge::new("sluice_test_things", "Things.").unwrap();
        registry.register(Box::new(gauge.clone())).unwrap();
        let ready = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ready);
        let router = probe_routes(Probes {
            ready: Arc::new(move || {
                if seen.load(Ordering::SeqCst) {
                    Readiness::Ready
                } else {
                    Readiness::NotReady("no executor".to_owned())
                }
            }),
            refresh: Arc::new(move || gauge.set(7)),
            registry,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve_until(listener, router, stop.clone()));
        assert!(get_page(address, "/healthz").await.ends_with("ok\n"));
        let answer = get_page(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("not ready: no executor\n"));
        ready.store(true, Ordering::SeqCst);
        assert!(
            get_page(address, "/readyz")
                .await
                .starts_with("HTTP/1.1 200")
        );
        let answer = get_page(address, "/metrics").await;
        assert!(
            answer.contains("# HELP sluice_test_things Things.\n"),
            "{answer}"
        );
        assert!(answer.contains("sluice_test_things 7\n"));
        assert!(
            get_page(address, "/nothing")
                .await
                .starts_with("HTTP/1.1 404")
        );
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_is_sent_by_half_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/healthz", get(|| async { "ok\n" }));
        let timeout = Duration::from_millis(100);
        let server = tokio::spawn(serve_with_timeout(listener, router, stop.clone(), timeout));
        for half in ["", "GET /healthz HTTP/1.1\r\nHost: x\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(half.as_bytes()).await.unwrap();
            let mut answer = String::new();
            // Returns when the server closes.
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(!answer.contains("200 OK"), "{answer}");
        }
        assert!(get_page(address, "/healthz").await.ends_with("ok\n"));
        stop.cancel();
        server.await.unwrap();
    }
}
