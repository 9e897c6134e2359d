//! The HTTP routes that every process has: liveness, readiness and metrics.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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

/// Serves `router` until `stop`; open connections accept no further requests.
///
/// # Errors
/// When connections can no longer be accepted.
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
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
        assert!(get(address, "/healthz").await.ends_with("ok\n"));
        let answer = get(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("not ready: no executor\n"));
        ready.store(true, Ordering::SeqCst);
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        let answer = get(address, "/metrics").await;
        assert!(
            answer.contains("# HELP sluice_test_things Things.\n"),
            "{answer}"
        );
        assert!(answer.contains("sluice_test_things 7\n"));
        assert!(get(address, "/nothing").await.starts_with("HTTP/1.1 404"));
        stop.cancel();
        server.await.unwrap().unwrap();
    }
}
