//! Connections to a scheduler, and errors about them.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use sluice_proto::MAX_HEADER_LIST_BYTES;
use sluice_proto::v1::job_service_client::JobServiceClient;
use sluice_proto::v1::{ErrorKind, JobError, ServerInfoRequest, ServerInfoResponse};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::transport::{self, Channel, Endpoint};
use tower::util::BoxCloneService;

use crate::limits::ConnectionLimits;
use crate::master::Address;
use crate::server_probe::{ServerKind, find_server_kind};

/// Carries requests to a service and its responses back.
pub(crate) type Transport =
    BoxCloneService<http::Request<Body>, http::Response<Body>, transport::Error>;

/// A scheduler that has answered.
pub(crate) struct ConnectedScheduler {
    pub(crate) transport: Transport,
    /// The scheduler's version, where it is known.
    pub(crate) version: Option<String>,
}

/// Why an address cannot be used.
#[derive(Debug)]
enum ConnectFailure {
    /// The host name has no address.
    Name(String),
    /// No process accepts connections.
    Address(String),
    /// A process accepts connections and does not answer.
    Silent(Duration),
    /// It answers in another way than a scheduler.
    Server(ServerKind),
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(cause) => write!(f, "the host name cannot be resolved: {cause}"),
            Self::Address(cause) => f.write_str(cause),
            Self::Silent(limit) => write!(
                f,
                "connected, but no answer within {limit:?}: the process there hangs or is overloaded"
            ),
            Self::Server(kind) => write!(f, "{kind}"),
        }
    }
}

/// A connection to the first address at which a scheduler answers.
pub(crate) async fn connect_any(
    addresses: &[Address],
    limits: &ConnectionLimits,
) -> Result<ConnectedScheduler, JobError> {
    let answer_timeout = match addresses {
        [_] => limits.only_answer,
        _ => limits.answer,
    };
    let mut failures = Vec::with_capacity(addresses.len());
    for address in addresses {
        match connect_one(address, answer_timeout, limits).await {
            Ok(connected) => return Ok(connected),
            Err(failure) => failures.push((address, failure)),
        }
    }
    Err(unreachable_error(&failures))
}

async fn connect_one(
    address: &Address,
    answer_timeout: Duration,
    limits: &ConnectionLimits,
) -> Result<ConnectedScheduler, ConnectFailure> {
    resolve_host(address, limits.connect).await?;
    let channel = open_channel(address, limits).await.map_err(|error| {
        let cause = root_cause(&error);
        ConnectFailure::Address(match cause.as_str() {
            // What the library says is that its deadline has elapsed.
            "deadline has elapsed" => format!("no answer within {:?}", limits.connect),
            _ => cause,
        })
    })?;
    let version = match tokio::time::timeout(answer_timeout, ask_version(&channel)).await {
        Err(_) => return Err(ConnectFailure::Silent(answer_timeout)),
        Ok(Ok(info)) => Some(info.version),
        // An answer, though not this one.
        Ok(Err(status)) if !status.details().is_empty() => None,
        Ok(Err(status)) if status.code() == tonic::Code::Unimplemented => {
            return Err(ConnectFailure::Server(ServerKind::OtherGrpc));
        }
        Ok(Err(status)) => {
            let kind = find_server_kind(address, limits.probe).await;
            return Err(match kind {
                Some(kind) => ConnectFailure::Server(kind),
                None => ConnectFailure::Address(status_cause(&status)),
            });
        }
    };
    Ok(ConnectedScheduler {
        transport: BoxCloneService::new(channel),
        version: version.filter(|version| !version.is_empty()),
    })
}

async fn resolve_host(address: &Address, limit: Duration) -> Result<(), ConnectFailure> {
    let lookup = tokio::net::lookup_host(address.to_string());
    match tokio::time::timeout(limit, lookup).await {
        Ok(Ok(mut found)) => match found.next() {
            Some(_) => Ok(()),
            None => Err(ConnectFailure::Name("it has no address".to_owned())),
        },
        Ok(Err(error)) => Err(ConnectFailure::Name(error.to_string().to_lowercase())),
        Err(_) => Err(ConnectFailure::Name(format!("no answer within {limit:?}"))),
    }
}

async fn open_channel(
    address: &Address,
    limits: &ConnectionLimits,
) -> Result<Channel, transport::Error> {
    Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(limits.connect)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(limits.keep_alive_interval)
        .keep_alive_timeout(limits.keep_alive_timeout)
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        .user_agent(concat!("submit-job/", env!("CARGO_PKG_VERSION")))?
        .connect()
        .await
}

async fn ask_version(channel: &Channel) -> Result<ServerInfoResponse, Status> {
    let mut client = JobServiceClient::new(channel.clone());
    let answer = client.server_info(ServerInfoRequest {}).await?;
    Ok(answer.into_inner())
}

/// The error of a call that a server at one of these addresses did not answer, or
/// answered with `status`.
pub(crate) fn call_error(addresses: &[Address], status: &Status) -> JobError {
    if status.code() == tonic::Code::Unimplemented && status.details().is_empty() {
        return JobError::new(
            ErrorKind::Unavailable,
            format!(
                "the server at {} is not a sluice scheduler, or one of another version",
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

fn unreachable_error(failures: &[(&Address, ConnectFailure)]) -> JobError {
    let causes: Vec<String> = failures
        .iter()
        .map(|(address, failure)| format!("{address} ({failure})"))
        .collect();
    let message = format!("no scheduler can be reached at {}", causes.join(", "));
    JobError::new(ErrorKind::Unavailable, message).with_next_step(next_step(failures))
}

/// What to do, by the failure that says most.
fn next_step(failures: &[(&Address, ConnectFailure)]) -> String {
    for (_, failure) in failures {
        match failure {
            ConnectFailure::Server(_) => {
                return "check host and port of --master: it takes the address of the scheduler's --bind (gRPC, without TLS), and not that of --http".to_owned();
            }
            ConnectFailure::Silent(_) => {
                return "look at the scheduler's process and its log; --master takes several addresses: sluice://HOST:PORT,HOST:PORT".to_owned();
            }
            ConnectFailure::Name(_) | ConnectFailure::Address(_) => {}
        }
    }
    let all_names = failures
        .iter()
        .all(|(_, failure)| matches!(failure, ConnectFailure::Name(_)));
    if all_names {
        return "check the host name of --master".to_owned();
    }
    let first = failures.first().map(|(address, _)| address.to_string());
    let first = first.unwrap_or_default();
    format!(
        "start one, and at least one executor:\n\
         \x20   scheduler --bind {first}\n\
         \x20   executor --scheduler {first} --vcores 1 --work-dir /tmp/sluice-executor\n\
         or run the job in this process with --master 'local[*]'"
    )
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
