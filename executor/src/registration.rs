//! Starts the services of an executor and registers it with the scheduler.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::error::BallistaError;
use ballista_core::extension::EndpointOverrideFn;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::executor::Executor;
use ballista_executor::executor_process::{ExecutorProcessConfig, structure_executor_metadata};
use ballista_executor::executor_server;
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::metrics::{ExecutorMetricCollectionPolicy, LoggingMetricsCollector};
use ballista_executor::shutdown::ShutdownNotifier;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use sluice_engine::codec::SluiceCodec;
use sluice_engine::executor_context::ExecutorContext;
use sluice_engine::session;
use sluice_proto::MAX_MESSAGE_BYTES;
use sluice_service::address::{HostPort, url_host};
use sluice_service::format::error_chain;
use sluice_service::signals::StopSignal;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;

use crate::error::ExecutorError;
use crate::memory::TaskRuntimes;
use crate::ports::Ports;
use crate::process::ExecutorProcess;
use crate::registered_executor::RegisteredExecutor;
use crate::scheduler_endpoint::scheduler_endpoint;
use crate::task_engine::TaskEngine;

/// The interval of Ballista's own heartbeat: after its first one, only ours are
/// sent.
const TEN_YEARS_SECONDS: u64 = 10 * 365 * 24 * 3600;

/// Why an executor is not registered.
#[derive(Debug, Error)]
pub(crate) enum RegistrationError {
    /// The scheduler is unreachable or busy: a retry may succeed.
    #[error("{0}")]
    Retryable(String),
    /// Every retry would fail.
    #[error(transparent)]
    Fatal(#[from] ExecutorError),
}

/// Starts the services on `ports` and registers them as reachable at `host`.
pub(crate) async fn register_executor(
    process: &ExecutorProcess,
    client: SchedulerGrpcClient<Channel>,
    ports: Ports,
    host: String,
    stop: &StopSignal,
) -> Result<RegisteredExecutor, RegistrationError> {
    let config = Arc::new(ballista_config(process, &ports, &host)?);
    let context = ExecutorContext {
        work_dir: process.work_folder.path().join("shuffle"),
        host: host.trim_matches(['[', ']']).to_owned(),
        flight_port: ports.flight_port,
    };
    let executor = Arc::new(build_executor(process, &config, context)?);
    let codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode> = BallistaCodec::new(
        Arc::new(BallistaLogicalExtensionCodec::default()),
        Arc::new(SluiceCodec::new()),
    );
    let notifier = ShutdownNotifier::new();
    let (stop_sender, scheduler_stops) = mpsc::channel(4);
    let grpc = executor_server::startup(
        client.clone(),
        Arc::clone(&config),
        Arc::clone(&executor),
        codec,
        stop_sender,
        &notifier,
        config.health.clone(),
    )
    .await
    .map_err(|error| registration_error(error, &process.options.scheduler))?;
    drop(ports.reserved);
    let flight = serve_flight(
        ports.flight,
        process.shuffle_dir(),
        &config.grpc_server_config,
        stop.now.clone(),
    );
    Ok(RegisteredExecutor {
        client,
        executor,
        host,
        grpc_port: ports.grpc_port,
        flight_port: ports.flight_port,
        grpc,
        flight,
        notifier,
        scheduler_stops,
    })
}

/// The settings of Ballista's executor.
fn ballista_config(
    process: &ExecutorProcess,
    ports: &Ports,
    host: &str,
) -> Result<ExecutorProcessConfig, ExecutorError> {
    let scheduler = &process.options.scheduler;
    let message_bytes = u32::try_from(MAX_MESSAGE_BYTES).unwrap_or(u32::MAX);
    // The scheduler is always reached at the configured address, whatever
    // address it reports for itself.
    let endpoint = scheduler_endpoint(scheduler)?;
    let to_scheduler: EndpointOverrideFn = Arc::new(move |_| Ok(endpoint.clone()));
    Ok(ExecutorProcessConfig {
        executor_id: uuid::Uuid::now_v7().to_string(),
        bind_host: url_host(&ports.ip.to_string()),
        external_host: Some(host.to_owned()),
        port: ports.flight_port,
        grpc_port: ports.grpc_port,
        scheduler_host: scheduler.host.clone(),
        scheduler_port: scheduler.port,
        vcores: process.vcores,
        work_dir: Some(process.shuffle_dir()),
        grpc_max_decoding_message_size: message_bytes,
        grpc_max_encoding_message_size: message_bytes,
        executor_heartbeat_interval_seconds: TEN_YEARS_SECONDS,
        metric_collection_policy: ExecutorMetricCollectionPolicy::Off,
        override_create_grpc_client_endpoint: Some(to_scheduler),
        ..ExecutorProcessConfig::default()
    })
}

/// Ballista's executor with our task engine, sessions and memory pools.
fn build_executor(
    process: &ExecutorProcess,
    config: &Arc<ExecutorProcessConfig>,
    context: ExecutorContext,
) -> Result<Executor, ExecutorError> {
    let runtimes = TaskRuntimes::new(
        Arc::clone(&process.runtime),
        process.bytes_per_core,
        Arc::clone(&process.held_bytes),
    );
    let engine = TaskEngine::new(
        process.connections.clone(),
        process.tasks.clone(),
        process.metrics.clone(),
    );
    let runtime = Arc::clone(&process.runtime);
    let vcores = u32::try_from(process.vcores).unwrap_or(1);
    let executor = Executor::new(
        structure_executor_metadata(config, vcores),
        &process.shuffle_dir(),
        Arc::new(move |_| Ok(Arc::clone(&runtime))),
        Arc::new(move || context.clone().attach_to(session::base_config())),
        Arc::new(session::function_registry()?),
        Arc::new(LoggingMetricsCollector::default()),
        process.vcores,
        Arc::new(engine),
    );
    Ok(executor.with_session_runtime_cache(Some(Arc::new(runtimes))))
}

/// Decides whether a failed registration can be retried. Only the scheduler's own
/// refusal is final.
fn registration_error(error: BallistaError, scheduler: &HostPort) -> RegistrationError {
    match error {
        BallistaError::GrpcError(status) if status.code() == Code::FailedPrecondition => {
            RegistrationError::Fatal(ExecutorError::Refused {
                scheduler: scheduler.clone(),
                reason: status.message().to_owned(),
            })
        }
        BallistaError::GrpcError(status) => {
            RegistrationError::Retryable(status.message().to_owned())
        }
        other => RegistrationError::Retryable(error_chain(&other)),
    }
}

/// Serves shuffled and staged data until `stop`.
fn serve_flight(
    listener: TcpListener,
    folder: String,
    config: &GrpcServerConfig,
    stop: CancellationToken,
) -> JoinHandle<Result<(), tonic::transport::Error>> {
    let service = FlightServiceServer::new(BallistaFlightService::new(folder))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(Duration::from_secs(60)));
    let server = create_grpc_server(config).add_service(service);
    tokio::spawn(async move {
        server
            .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
            .await
    })
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn only_a_refusal_of_the_scheduler_is_final() {
        let scheduler = HostPort::new("scheduler".to_owned(), 50050);
        let decide = |status: Status| registration_error(status.into(), &scheduler);
        let refused = decide(Status::failed_precondition("version 1 is not version 2"));
        assert!(
            matches!(
                &refused,
                RegistrationError::Fatal(ExecutorError::Refused { reason, .. })
                    if reason == "version 1 is not version 2"
            ),
            "{refused}"
        );
        let busy = decide(Status::unavailable("starting"));
        assert!(
            matches!(&busy, RegistrationError::Retryable(reason) if reason == "starting"),
            "{busy}"
        );
        let other = registration_error(BallistaError::General("no route".to_owned()), &scheduler);
        assert!(matches!(other, RegistrationError::Retryable(_)), "{other}");
    }
}
