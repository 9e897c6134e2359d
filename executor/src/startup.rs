//! Waits for the scheduler and registers this executor with it.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use sluice_proto::MAX_MESSAGE_BYTES;
use sluice_service::format::error_chain;
use sluice_service::outage::Outage;
use sluice_service::signals::StopSignal;

use crate::error::ExecutorError;
use crate::ports::{Ports, advertised_host};
use crate::process::ExecutorProcess;
use crate::registered_executor::RegisteredExecutor;
use crate::registration::{RegistrationError, register_executor, start_services};
use crate::scheduler_endpoint::scheduler_endpoint;

/// The pauses while waiting for the scheduler, about a quarter of a second; their
/// random part keeps the executors of a cluster apart.
const RETRY_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_millis(150))
    .with_jitter()
    .without_max_times();

/// Takes the ports, waits for the scheduler, and registers.
pub(crate) async fn start_executor(
    process: &ExecutorProcess,
    stop: &StopSignal,
) -> Result<RegisteredExecutor, ExecutorError> {
    let options = &process.options;
    let started_at = Instant::now();
    let mut outage = Outage::default();
    let mut pauses = RETRY_PAUSES.build();
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
        if let Some(note) = outage.on_seen(Instant::now()) {
            tracing::warn!(
                "waiting for the scheduler at {}: {reason} ({note})",
                options.scheduler
            );
        }
        tokio::time::sleep(pauses.next().unwrap_or_default()).await;
        Ok(())
    };
    let endpoint = scheduler_endpoint(&options.scheduler)?;
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(error) => wait_or_fail(error_chain(&error)).await?,
        }
    };
    let mut client = SchedulerGrpcClient::new(channel)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let ports = Ports::take(&options.bind).await?;
    let host = advertised_host(
        options.advertise_host.as_deref(),
        ports.ip,
        &options.scheduler,
    )
    .await?;
    let executor = start_services(process, client.clone(), ports, host, &stop.now)?;
    loop {
        let registered =
            register_executor(&mut client, &executor.registration, &options.scheduler).await;
        match registered {
            Ok(()) => return Ok(executor),
            Err(RegistrationError::Retryable(reason)) => wait_or_fail(reason).await?,
            Err(RegistrationError::Fatal(error)) => return Err(error),
        }
    }
}
