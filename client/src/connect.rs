//! Connections to a scheduler, and errors about them.

use std::error::Error;
use std::time::Duration;

use sluice_proto::MAX_HEADER_LIST_BYTES;
use sluice_proto::v1::{ErrorKind, JobError};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::transport::{self, Channel, Endpoint};
use tower::util::BoxCloneService;

use crate::master::Address;

/// Carries requests to a service and its responses back.
pub(crate) type Transport =
    BoxCloneService<http::Request<Body>, http::Response<Body>, transport::Error>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A scheduler that is silent for the sum of interval and timeout is lost.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to the first address that answers.
pub(crate) async fn connect_any(addresses: &[Address]) -> Result<Transport, JobError> {
    let mut causes = Vec::with_capacity(addresses.len());
    for address in addresses {
        match connect_one(address).await {
            Ok(channel) => return Ok(BoxCloneService::new(channel)),
            Err(error) => causes.push(format!("{address} ({})", root_cause(&error))),
        }
    }
    Err(unreachable_error(addresses, &causes))
}

async fn connect_one(address: &Address) -> Result<Channel, transport::Error> {
    Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        .user_agent(concat!("submit-job/", env!("CARGO_PKG_VERSION")))?
        .connect()
        .await
}

/// The error of a call that a server at one of these addresses did not answer, or
/// answered with `status`.
pub(crate) fn call_error(addresses: &[Address], status: &Status) -> JobError {
    if status.code() == tonic::Code::Unimplemented && status.details().is_empty() {
        return JobError::new(
            ErrorKind::Unavailable,
            format!(
                "the server at {} is not a sluice scheduler",
                join_addresses(addresses)
            ),
        )
        .with_next_step("check host and port of --master");
    }
    let mut error = JobError::from_status(status);
    if status.details().is_empty() {
        error.message = format!("{}: {}", join_addresses(addresses), status_cause(status));
    }
    error
}

fn unreachable_error(addresses: &[Address], causes: &[String]) -> JobError {
    let first = addresses
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let message = format!("no scheduler can be reached at {}", causes.join(", "));
    JobError::new(ErrorKind::Unavailable, message).with_next_step(format!(
        "start one, and at least one executor:\n\
         \x20   scheduler --bind {first}\n\
         \x20   executor --scheduler {first} --vcores 1 --work-dir /tmp/sluice-executor\n\
         or run the job in this process with --master 'local[*]'"
    ))
}

pub(crate) fn join_addresses(addresses: &[Address]) -> String {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}

/// The innermost cause, such as `connection refused`.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().to_lowercase()
}

pub(crate) fn status_cause(status: &Status) -> String {
    match status.source() {
        Some(source) => root_cause(source),
        None if status.message().is_empty() => status.code().description().to_owned(),
        None => status.message().to_owned(),
    }
}
