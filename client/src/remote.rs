//! A scheduler over gRPC. Several addresses are tried in order, at the start and
//! whenever the connection is lost.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use sluice_proto::v1::job_service_client::JobServiceClient;
use sluice_proto::v1::{
    CancelJobRequest, ErrorKind, GetJobRequest, Job, JobError, JobEvent, JobLogsRequest, JobPlan,
    ListJobsRequest, ListJobsResponse, LogLine, PlanJobRequest, ServerInfoRequest,
    ServerInfoResponse, SubmitJobRequest, SubmitJobResponse, WatchJobRequest,
};
use sluice_proto::{MAX_HEADER_LIST_BYTES, MAX_MESSAGE_BYTES};
use tokio::sync::Mutex;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status, Streaming};

use crate::api::{JobApi, ResponseStream};
use crate::master::Address;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For calls without a stream. Planning lists the inputs, which may take long.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// A scheduler that is silent for the sum of interval and timeout is lost.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

type GrpcClient = JobServiceClient<Channel>;

/// A connection to the first scheduler that answers.
pub(crate) struct RemoteApi {
    addresses: Vec<Address>,
    connection: Mutex<Connection>,
}

struct Connection {
    client: GrpcClient,
    /// Grows with every new connection. When several calls fail because of one
    /// lost connection, only the first replaces it.
    generation: u64,
}

impl RemoteApi {
    /// Connects to the first address that answers.
    pub(crate) async fn connect(addresses: Vec<Address>) -> Result<Self, JobError> {
        let client = connect_any(&addresses).await?;
        Ok(Self {
            addresses,
            connection: Mutex::new(Connection {
                client,
                generation: 0,
            }),
        })
    }

    /// Calls the service, and retries once over a new connection if the current
    /// one is lost: every call of the service is idempotent.
    async fn call_with_retry<T, F>(
        &self,
        call: impl Fn(GrpcClient) -> F + Send,
    ) -> Result<T, JobError>
    where
        F: Future<Output = Result<Response<T>, Status>> + Send,
    {
        let (client, generation) = {
            let connection = self.connection.lock().await;
            (connection.client.clone(), connection.generation)
        };
        match with_call_timeout(call(client)).await {
            Err(status) if is_connection_lost(&status) => {
                let client = self.reconnect_once(generation).await?;
                with_call_timeout(call(client)).await
            }
            answer => answer,
        }
        .map(Response::into_inner)
        .map_err(|status| self.to_job_error(&status))
    }

    async fn reconnect_once(&self, generation: u64) -> Result<GrpcClient, JobError> {
        let mut connection = self.connection.lock().await;
        if connection.generation == generation {
            // Without the advice how to start a scheduler: one was running.
            connection.client = connect_any(&self.addresses).await.map_err(|error| {
                let message = format!("the connection was lost, and {}", error.message);
                JobError::new(error.kind(), message)
            })?;
            connection.generation += 1;
        }
        Ok(connection.client.clone())
    }

    fn to_job_error(&self, status: &Status) -> JobError {
        if status.code() == tonic::Code::Unimplemented && status.details().is_empty() {
            return JobError::new(
                ErrorKind::Unavailable,
                format!(
                    "the server at {} is not a sluice scheduler",
                    join_addresses(&self.addresses)
                ),
            )
            .with_next_step("check host and port of --master");
        }
        let mut error = JobError::from_status(status);
        if status.details().is_empty() {
            error.message = format!(
                "{}: {}",
                join_addresses(&self.addresses),
                status_cause(status)
            );
        }
        error
    }
}

/// The call's result, or an error after the timeout.
async fn with_call_timeout<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    tokio::time::timeout(CALL_TIMEOUT, call)
        .await
        .unwrap_or_else(|_| {
            Err(Status::deadline_exceeded(format!(
                "no answer within {} seconds",
                CALL_TIMEOUT.as_secs()
            )))
        })
}

/// Whether the connection has failed, not the request.
fn is_connection_lost(status: &Status) -> bool {
    status.details().is_empty()
        && (status.source().is_some() || status.code() == tonic::Code::Unavailable)
}

async fn connect_any(addresses: &[Address]) -> Result<GrpcClient, JobError> {
    let mut causes = Vec::with_capacity(addresses.len());
    for address in addresses {
        match connect_one(address).await {
            Ok(channel) => {
                return Ok(JobServiceClient::new(channel)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .max_encoding_message_size(MAX_MESSAGE_BYTES));
            }
            Err(error) => causes.push(format!("{address} ({})", root_cause(&error))),
        }
    }
    Err(unreachable_error(addresses, &causes))
}

async fn connect_one(address: &Address) -> Result<Channel, tonic::transport::Error> {
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

fn join_addresses(addresses: &[Address]) -> String {
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

fn status_cause(status: &Status) -> String {
    match status.source() {
        Some(source) => root_cause(source),
        None if status.message().is_empty() => status.code().description().to_owned(),
        None => status.message().to_owned(),
    }
}

fn response_stream<T: Send + 'static>(
    addresses: &[Address],
    stream: Streaming<T>,
) -> ResponseStream<T> {
    let addresses = join_addresses(addresses);
    Box::pin(stream.map(move |item| {
        item.map_err(|status| {
            let mut error = JobError::from_status(&status);
            if status.details().is_empty() {
                // A broken stream is not a failure of the job, whatever the code.
                error.set_kind(ErrorKind::Unavailable);
                error.message = format!(
                    "the connection to {addresses} broke: {}",
                    status_cause(&status)
                );
            }
            error
        })
    }))
}

#[async_trait]
impl JobApi for RemoteApi {
    async fn submit_job(&self, request: SubmitJobRequest) -> Result<SubmitJobResponse, JobError> {
        self.call_with_retry(|mut client| {
            let request = request.clone();
            async move { client.submit_job(request).await }
        })
        .await
    }

    async fn watch_job(
        &self,
        request: WatchJobRequest,
    ) -> Result<ResponseStream<JobEvent>, JobError> {
        self.call_with_retry(|mut client| {
            let request = request.clone();
            async move { client.watch_job(request).await }
        })
        .await
        .map(|stream| response_stream(&self.addresses, stream))
    }

    async fn get_job(&self, request: GetJobRequest) -> Result<Job, JobError> {
        self.call_with_retry(|mut client| {
            let request = request.clone();
            async move { client.get_job(request).await }
        })
        .await
    }

    async fn list_jobs(&self, request: ListJobsRequest) -> Result<ListJobsResponse, JobError> {
        self.call_with_retry(|mut client| {
            let request = request.clone();
            async move { client.list_jobs(request).await }
        })
        .await
    }

    async fn cancel_job(&self, request: CancelJobRequest) -> Result<Job, JobError> {
        self.call_with_retry(|mut client| {
            let request = request.clone();
            async move { client.cancel_job(request).await }
        })
        .await
    }

    async fn job_logs(&self, request: JobLogsRequest) -> Result<ResponseStream<LogLine>, JobError> {
        self.call_with_retry(|mut client| {
            let request = request.clone();
            async move { client.job_logs(request).await }
        })
        .await
        .map(|stream| response_stream(&self.addresses, stream))
    }

    async fn plan_job(&self, request: PlanJobRequest) -> Result<JobPlan, JobError> {
        self.call_with_retry(|mut client| {
            let request = request.clone();
            async move { client.plan_job(request).await }
        })
        .await
    }

    async fn server_info(&self) -> Result<ServerInfoResponse, JobError> {
        self.call_with_retry(
            |mut client| async move { client.server_info(ServerInfoRequest {}).await },
        )
        .await
    }
}
