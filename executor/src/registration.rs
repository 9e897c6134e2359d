//! Starts the services of an executor and registers it with the scheduler.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::serde::protobuf::executor_grpc_server::ExecutorGrpcServer;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{ExecutorRegistration, RegisterExecutorParams};
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::executor_process::{ExecutorProcessConfig, structure_executor_metadata};
use ballista_executor::flight_service::BallistaFlightService;
use sluice_engine::executor_context::ExecutorContext;
use sluice_engine::session;
use sluice_proto::MAX_MESSAGE_BYTES;
use sluice_proto::version::{describe_mismatch, read_version, write_version};
use sluice_service::address::HostPort;
use sluice_service::grpc_listener::incoming_connections;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Channel;

use crate::disk_health::DiskHealth;
use crate::error::ExecutorError;
use crate::memory::TaskRuntimes;
use crate::ports::Ports;
use crate::process::ExecutorProcess;
use crate::registered_executor::{RegisteredExecutor, ServiceEnd};
use crate::reports::PendingReports;
use crate::task_engine::TaskEngine;
use crate::task_runner::TaskRunner;
use crate::task_service::{TaskDecoder, TaskService};

/// How long a registration may take; the scheduler connects back in the meantime.
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Starts the services on `ports`, to be reached at `host`, until `stop`.
pub(crate) fn start_services(
    process: &ExecutorProcess,
    client: SchedulerGrpcClient<Channel>,
    ports: Ports,
    host: String,
    stop: &CancellationToken,
) -> Result<RegisteredExecutor, ExecutorError> {
    let registration = describe_executor(process, &ports, &host);
    let plain_host = host.trim_matches(['[', ']']);
    let disk = DiskHealth::new(
        plain_host,
        ["shuffle", "spill"].map(|folder| process.work_folder.path().join(folder)),
    );
    let reports = PendingReports::default();
    let context = ExecutorContext {
        work_dir: process.work_folder.path().join("shuffle"),
        host: plain_host.to_owned(),
        flight_port: ports.flight_port,
    };
    let service = TaskService {
        decoder: Arc::new(TaskDecoder {
            context,
            functions: session::function_registry()?,
            runtime: Arc::clone(&process.runtime),
        }),
        runner: Arc::new(build_runner(
            process,
            &registration.id,
            reports.clone(),
            disk.clone(),
        )),
        tasks: process.tasks.clone(),
        shuffle: process.shuffle.clone(),
    };
    Ok(RegisteredExecutor {
        client,
        registration,
        reports,
        disk,
        host,
        grpc_port: ports.grpc_port,
        flight_port: ports.flight_port,
        grpc: serve_tasks(ports.grpc, service, stop.clone()),
        flight: serve_flight(ports.flight, process.shuffle_dir(), stop.clone()),
    })
}

/// Registers an executor whose services are reachable.
pub(crate) async fn register_executor(
    client: &mut SchedulerGrpcClient<Channel>,
    registration: &ExecutorRegistration,
    scheduler: &HostPort,
) -> Result<(), RegistrationError> {
    let mut request = tonic::Request::new(RegisterExecutorParams {
        metadata: Some(registration.clone()),
    });
    request.set_timeout(REGISTRATION_TIMEOUT);
    let own = sluice_service::VERSION;
    write_version(request.metadata_mut(), own);
    match client.register_executor(request).await {
        Ok(answer) if answer.get_ref().success => {
            match describe_mismatch(read_version(answer.metadata()), Some(own)) {
                None => Ok(()),
                // A scheduler that does not compare versions.
                Some(reason) => Err(RegistrationError::Fatal(ExecutorError::Refused {
                    scheduler: scheduler.clone(),
                    reason,
                })),
            }
        }
        Ok(_) => Err(RegistrationError::Retryable(
            "the scheduler did not register this executor".to_owned(),
        )),
        Err(status) => Err(registration_error(&status, scheduler)),
    }
}

/// What the scheduler learns about this executor.
fn describe_executor(process: &ExecutorProcess, ports: &Ports, host: &str) -> ExecutorRegistration {
    let config = ExecutorProcessConfig {
        executor_id: uuid::Uuid::now_v7().to_string(),
        external_host: Some(host.to_owned()),
        port: ports.flight_port,
        grpc_port: ports.grpc_port,
        ..ExecutorProcessConfig::default()
    };
    let vcores = u32::try_from(process.vcores).unwrap_or(1);
    structure_executor_metadata(&Arc::new(config), vcores)
}

fn build_runner(
    process: &ExecutorProcess,
    executor_id: &str,
    reports: PendingReports,
    disk: DiskHealth,
) -> TaskRunner {
    TaskRunner {
        engine: TaskEngine::new(
            process.connections.clone(),
            process.shuffle_dir(),
            process.metrics.clone(),
            disk,
        ),
        runtimes: TaskRuntimes::new(
            Arc::clone(&process.runtime),
            process.bytes_per_core,
            Arc::clone(&process.held_bytes),
        ),
        executor_id: executor_id.to_owned(),
        tasks: process.tasks.clone(),
        memory_watch: process.memory_watch.clone(),
        reports,
    }
}

/// Decides whether a failed registration can be retried. Only the scheduler's own
/// refusal is final.
fn registration_error(status: &tonic::Status, scheduler: &HostPort) -> RegistrationError {
    let reason = status.message().to_owned();
    if status.code() == Code::FailedPrecondition {
        return RegistrationError::Fatal(ExecutorError::Refused {
            scheduler: scheduler.clone(),
            reason,
        });
    }
    RegistrationError::Retryable(reason)
}

/// Serves the scheduler's requests until `stop`.
fn serve_tasks(
    listener: TcpListener,
    service: TaskService,
    stop: CancellationToken,
) -> JoinHandle<ServiceEnd> {
    let service = ExecutorGrpcServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let server = create_grpc_server(&GrpcServerConfig::default()).add_service(service);
    let incoming = incoming_connections(listener, "tasks");
    tokio::spawn(async move {
        server
            .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
            .await
    })
}

/// Serves shuffled and staged data until `stop`.
fn serve_flight(
    listener: TcpListener,
    folder: String,
    stop: CancellationToken,
) -> JoinHandle<ServiceEnd> {
    let service = FlightServiceServer::new(BallistaFlightService::new(folder))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let server = create_grpc_server(&GrpcServerConfig::default()).add_service(service);
    let incoming = incoming_connections(listener, "flight");
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
        let decide = |status: Status| registration_error(&status, &scheduler);
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
    }
}
