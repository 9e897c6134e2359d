//! The gRPC port: Ballista's service for executors and our own for jobs.
//!
//! Of Ballista's service only what executors call is reachable. The rest would
//! let anybody run plans and read configurations.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::Response;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use sluice_engine::session::MAX_MESSAGE_BYTES;
use sluice_process::cluster::{ACTIVE_JOBS_HEADER, EXECUTOR_TIMEOUT_HEADER, INSTANCE_HEADER};
use sluice_proto::v1::job_service_server::{JobService, JobServiceServer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::Server;
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};

use super::ballista::BallistaServer;
use super::error::ServerError;
use super::view::JobsView;

const BALLISTA_SERVICE: &str = "/ballista.protobuf.SchedulerGrpc/";
const HEARTBEAT: &str = "/HeartBeatFromExecutor";
const EXECUTORS_CALL: [&str; 4] = [
    "RegisterExecutor",
    "HeartBeatFromExecutor",
    "UpdateTaskStatus",
    "ExecutorStopped",
];

/// What every answer to a heartbeat says about this process.
#[derive(Clone)]
pub(super) struct About {
    pub(super) instance: HeaderValue,
    pub(super) executor_timeout: HeaderValue,
    pub(super) view: Arc<dyn JobsView>,
}

impl About {
    pub(super) fn new(instance: &str, timeout: Duration, view: Arc<dyn JobsView>) -> Self {
        Self {
            instance: HeaderValue::from_str(instance).unwrap_or(HeaderValue::from_static("unnamed")),
            executor_timeout: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).into(),
            view,
        }
    }

    fn write(&self, headers: &mut HeaderMap) {
        headers.insert(INSTANCE_HEADER, self.instance.clone());
        headers.insert(EXECUTOR_TIMEOUT_HEADER, self.executor_timeout.clone());
        headers.insert(ACTIVE_JOBS_HEADER, self.view.active().into());
    }
}

/// Serves both services until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    ballista: BallistaServer,
    jobs: impl JobService,
    about: About,
    stop: CancellationToken,
) -> Result<(), ServerError> {
    let ballista = SchedulerGrpcServer::new(ballista)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let jobs = JobServiceServer::new(jobs)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let mut routes = RoutesBuilder::default();
    routes.add_service(ballista);
    routes.add_service(jobs);
    let router = routes
        .routes()
        .into_axum_router()
        .layer(middleware::from_fn_with_state(about, around));
    // Small messages to and fro: nothing may wait for a full packet.
    let incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(Duration::from_secs(60)));
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_routes(Routes::from(router))
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
        .map_err(ServerError::Grpc)
}

async fn around(State(about): State<About>, mut request: Request, next: Next) -> Response {
    let is_heartbeat = request.uri().path().ends_with(HEARTBEAT);
    let mut response = if is_open(request.uri().path()) {
        // Ballista asks for the peer's address in axum's own way.
        let peer = request.extensions().get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
        }
        next.run(request).await
    } else {
        tonic::Status::unimplemented("only executors are served here; use sluice.v1.JobService").into_http()
    };
    if is_heartbeat {
        about.write(response.headers_mut());
    }
    response
}

/// Whether a method may be called over the network.
fn is_open(path: &str) -> bool {
    match path.strip_prefix(BALLISTA_SERVICE) {
        Some(method) => EXECUTORS_CALL.contains(&method),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_executors_call_is_open() {
        for open in [
            "/ballista.protobuf.SchedulerGrpc/HeartBeatFromExecutor",
            "/ballista.protobuf.SchedulerGrpc/UpdateTaskStatus",
            "/sluice.v1.JobService/SubmitJob",
        ] {
            assert!(is_open(open), "{open}");
        }
        for closed in ["ExecuteQuery", "CreateUpdateSession", "CancelJob", "GetJobStatus", "PollWork", ""] {
            assert!(!is_open(&format!("{BALLISTA_SERVICE}{closed}")), "{closed}");
        }
    }
}
