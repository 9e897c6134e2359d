//! An executor's services, from waiting for the scheduler to signing off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::extension::EndpointOverrideFn;
use ballista_core::serde::protobuf::ExecutorStoppedParams;
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
use sluice_service::address::HostPort;
use sluice_service::format::error_chain;
use sluice_service::signals::StopSignal;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};

use crate::error::ExecutorError;
use crate::heartbeat::HeartbeatState;
use crate::memory::TaskRuntimes;
use crate::ports::{Ports, advertised_host};
use crate::process::ExecutorProcess;
use crate::task_engine::TaskEngine;
use crate::tasks::TaskName;

/// The interval of Ballista's own heartbeat: after its first one, only ours are
/// sent.
const TEN_YEARS_SECONDS: u64 = 10 * 365 * 24 * 3600;
/// How often to retry while waiting for the scheduler, and how often to log it.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
const WARN_INTERVAL: Duration = Duration::from_secs(5);
/// How long the parts may take to end after a request.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// The time between the end of the last task and signing off, in which its
/// result is reported.
const REPORT_GRACE: Duration = Duration::from_millis(250);

/// The services of a registered executor.
pub(crate) struct RegisteredExecutor {
    pub(crate) client: SchedulerGrpcClient<Channel>,
    pub(crate) executor: Arc<Executor>,
    pub(crate) host: String,
    pub(crate) grpc_port: u16,
    pub(crate) flight_port: u16,
    grpc: JoinHandle<Result<(), ballista_core::error::BallistaError>>,
    flight: JoinHandle<Result<(), tonic::transport::Error>>,
    notifier: ShutdownNotifier,
    scheduler_stops: mpsc::Receiver<bool>,
}

/// Takes the ports, waits for the scheduler, and registers.
pub(crate) async fn start_executor(
    process: &ExecutorProcess,
    stop: &StopSignal,
) -> Result<RegisteredExecutor, ExecutorError> {
    let options = &process.options;
    let started_at = Instant::now();
    let mut last_warning: Option<Instant> = None;
    let mut wait_or_fail = async |reason: String| -> Result<(), ExecutorError> {
        if let Some(limit) = options
            .connect_timeout
            .filter(|limit| started_at.elapsed() >= *limit)
        {
            return Err(ExecutorError::Unreachable {
                scheduler: options.scheduler.clone(),
                waited: limit,
                reason,
            });
        }
        if last_warning.is_none_or(|at| at.elapsed() >= WARN_INTERVAL) {
            tracing::warn!(
                "waiting for the scheduler at {}: {reason}",
                options.scheduler
            );
            last_warning = Some(Instant::now());
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
        Ok(())
    };
    let endpoint = scheduler_endpoint(&options.scheduler)?;
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(error) => wait_or_fail(error_chain(&error)).await?,
        }
    };
    let client = SchedulerGrpcClient::new(channel)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    loop {
        let ports = Ports::take(&options.bind).await?;
        let host = advertised_host(
            options.advertise_host.as_deref(),
            ports.ip,
            &options.scheduler,
        )
        .await?;
        match register_executor(process, client.clone(), ports, host, stop).await? {
            Ok(started) => return Ok(started),
            Err(reason) => wait_or_fail(reason).await?,
        }
    }
}

/// An endpoint for the scheduler that detects a lost connection.
fn scheduler_endpoint(scheduler: &HostPort) -> Result<Endpoint, ExecutorError> {
    let endpoint = Endpoint::from_shared(format!("http://{scheduler}"))
        .map_err(ballista_core::error::BallistaError::from)?;
    Ok(with_keep_alive(endpoint))
}

fn with_keep_alive(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(20))
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(10)))
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
}

/// Starts the services and registers. After the inner error a retry may
/// succeed.
async fn register_executor(
    process: &ExecutorProcess,
    client: SchedulerGrpcClient<Channel>,
    ports: Ports,
    host: String,
    stop: &StopSignal,
) -> Result<Result<RegisteredExecutor, String>, ExecutorError> {
    let options = &process.options;
    let message_bytes = u32::try_from(MAX_MESSAGE_BYTES).unwrap_or(u32::MAX);
    let scheduler = scheduler_endpoint(&options.scheduler)?;
    // The scheduler is always reached at the configured address, whatever
    // address it reports for itself.
    let to_scheduler: EndpointOverrideFn = Arc::new(move |_| Ok(scheduler.clone()));
    let config = Arc::new(ExecutorProcessConfig {
        executor_id: uuid::Uuid::now_v7().to_string(),
        bind_host: sluice_service::address::url_host(&ports.ip.to_string()),
        external_host: Some(host.clone()),
        port: ports.flight_port,
        grpc_port: ports.grpc_port,
        scheduler_host: options.scheduler.host.clone(),
        scheduler_port: options.scheduler.port,
        vcores: process.vcores,
        work_dir: Some(process.shuffle_dir()),
        grpc_max_decoding_message_size: message_bytes,
        grpc_max_encoding_message_size: message_bytes,
        executor_heartbeat_interval_seconds: TEN_YEARS_SECONDS,
        metric_collection_policy: ExecutorMetricCollectionPolicy::Off,
        override_create_grpc_client_endpoint: Some(to_scheduler),
        ..ExecutorProcessConfig::default()
    });
    let node = ExecutorContext {
        work_dir: process.work_folder.path().join("shuffle"),
        host: host.trim_matches(['[', ']']).to_owned(),
        flight_port: ports.flight_port,
    };
    let runtimes = TaskRuntimes::new(
        Arc::clone(&process.runtime),
        process.bytes_per_core,
        Arc::clone(&process.held_bytes),
    );
    let runtime = Arc::clone(&process.runtime);
    let engine = TaskEngine::new(
        process.connections.clone(),
        process.tasks.clone(),
        process.metrics.clone(),
    );
    let vcores = u32::try_from(process.vcores).unwrap_or(1);
    let executor = Executor::new(
        structure_executor_metadata(&config, vcores),
        &process.shuffle_dir(),
        Arc::new(move |_| Ok(Arc::clone(&runtime))),
        Arc::new(move || node.clone().attach_to(session::base_config())),
        Arc::new(session::function_registry()?),
        Arc::new(LoggingMetricsCollector::default()),
        process.vcores,
        Arc::new(engine),
    )
    .with_session_runtime_cache(Some(Arc::new(runtimes)));
    let executor = Arc::new(executor);
    let codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode> = BallistaCodec::new(
        Arc::new(BallistaLogicalExtensionCodec::default()),
        Arc::new(SluiceCodec::new()),
    );
    let notifier = ShutdownNotifier::new();
    let (stop_sender, stops) = mpsc::channel(4);
    let services = executor_server::startup(
        client.clone(),
        Arc::clone(&config),
        Arc::clone(&executor),
        codec,
        stop_sender,
        &notifier,
        config.health.clone(),
    )
    .await;
    let grpc = match services {
        Ok(grpc) => grpc,
        Err(error) => return registration_failure(process, error),
    };
    drop(ports.reserved);
    let flight = serve_flight(
        ports.flight,
        process.shuffle_dir(),
        &config.grpc_server_config,
        stop.now.clone(),
    );
    Ok(Ok(RegisteredExecutor {
        client,
        executor,
        host,
        grpc_port: ports.grpc_port,
        flight_port: ports.flight_port,
        grpc,
        flight,
        notifier,
        scheduler_stops: stops,
    }))
}

/// Decides whether a failed registration is final.
fn registration_failure(
    process: &ExecutorProcess,
    error: ballista_core::error::BallistaError,
) -> Result<Result<RegisteredExecutor, String>, ExecutorError> {
    use ballista_core::error::BallistaError;
    match error {
        BallistaError::GrpcError(status) if status.code() == tonic::Code::FailedPrecondition => {
            Err(ExecutorError::Refused {
                scheduler: process.options.scheduler.clone(),
                reason: status.message().to_owned(),
            })
        }
        BallistaError::GrpcError(status) => Ok(Err(status.message().to_owned())),
        other => Ok(Err(error_chain(&other))),
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

impl RegisteredExecutor {
    /// Runs until asked to stop, then drains and stops all parts.
    pub(crate) async fn run_until_stopped(
        mut self,
        process: &ExecutorProcess,
        stop: &StopSignal,
        mut pulse: watch::Receiver<HeartbeatState>,
    ) -> Result<(), ExecutorError> {
        let result = loop {
            tokio::select! {
                () = stop.drain.cancelled() => break Ok(()),
                ended = &mut self.grpc => break Err(match ended {
                    Ok(Ok(())) => ballista_core::error::BallistaError::General("the service for tasks ended".to_owned()).into(),
                    Ok(Err(error)) => error.into(),
                    Err(error) => ballista_core::error::BallistaError::from(error).into(),
                }),
                ended = &mut self.flight => match ended {
                    Ok(Ok(())) => break Ok(()),
                    Ok(Err(error)) => break Err(ExecutorError::Flight(error)),
                    Err(error) => break Err(ballista_core::error::BallistaError::from(error).into()),
                },
                Some(_) = self.scheduler_stops.recv() => {
                    // The scheduler does that when heartbeats are missing for
                    // too long. The next heartbeat registers this executor
                    // again.
                    tracing::warn!("the scheduler had given up this executor");
                }
                Ok(reason) = wait_for_fatal_reason(&mut pulse) => break Err(match reason {
                    FatalReason::Refused(reason) => ExecutorError::Refused {
                        scheduler: process.options.scheduler.clone(),
                        reason,
                    },
                    FatalReason::Stuck(task) => ExecutorError::Stuck { task: task.to_string() },
                }),
            }
        };
        stop.drain.cancel();
        let result = match result {
            Ok(()) => self.wait_for_drain(process, stop, &pulse).await,
            error => error,
        };
        self.notify_scheduler(if result.is_ok() { "drained" } else { "stopped" })
            .await;
        stop.now.cancel();
        // All parts have been notified; one that hangs must not keep the
        // process alive.
        let _ = self.notifier.notify_shutdown.send(());
        let _ = tokio::time::timeout(END_TIMEOUT, async {
            let _ = self.grpc.await;
            let _ = self.flight.await;
        })
        .await;
        tracing::info!("executor ends");
        result
    }

    /// Waits until no task runs here and no running job needs data of this
    /// executor.
    async fn wait_for_drain(
        &self,
        process: &ExecutorProcess,
        stop: &StopSignal,
        pulse: &watch::Receiver<HeartbeatState>,
    ) -> Result<(), ExecutorError> {
        let started_at = Instant::now();
        let limit = process.options.drain_timeout;
        let mut idle_since: Option<Instant> = None;
        loop {
            let tasks = process
                .tasks
                .running_count()
                .max(self.executor.active_task_count());
            if tasks > 0 {
                idle_since = None;
            } else if idle_since.get_or_insert_with(Instant::now).elapsed() >= REPORT_GRACE {
                let (connected, jobs) = {
                    let pulse = pulse.borrow();
                    (pulse.connected, pulse.last_reply.active_jobs)
                };
                if !connected || jobs == Some(0) || process.shuffle.is_empty() {
                    return Ok(());
                }
            }
            if started_at.elapsed() >= limit || stop.now.is_cancelled() {
                return match tasks {
                    0 => Ok(()),
                    tasks => Err(ExecutorError::DrainCut { tasks }),
                };
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
                () = stop.now.cancelled() => {}
            }
        }
    }

    /// Notifies the scheduler that this executor ends, so that it need not wait
    /// for the executor timeout.
    async fn notify_scheduler(&mut self, reason: &str) {
        let request = ExecutorStoppedParams {
            executor_id: self.executor.metadata.id.clone(),
            reason: reason.to_owned(),
        };
        let notified = self.client.executor_stopped(request);
        if !matches!(tokio::time::timeout(END_TIMEOUT, notified).await, Ok(Ok(_))) {
            tracing::info!("the scheduler could not be notified that this executor ends");
        }
    }
}

/// Why the process cannot continue.
enum FatalReason {
    Refused(String),
    Stuck(TaskName),
}

/// Returns when the process cannot continue.
async fn wait_for_fatal_reason(
    pulse: &mut watch::Receiver<HeartbeatState>,
) -> Result<FatalReason, watch::error::RecvError> {
    let now = pulse
        .wait_for(|pulse| pulse.refusal.is_some() || pulse.stuck_task.is_some())
        .await?;
    Ok(match &now.stuck_task {
        Some(task) => FatalReason::Stuck(task.clone()),
        None => FatalReason::Refused(now.refusal.clone().unwrap_or_default()),
    })
}
