//! Calls what runs jobs: a scheduler over gRPC, or a driver in this process. Both
//! are the same generated client; only what carries its requests differs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use sluice_proto::MAX_MESSAGE_BYTES;
use sluice_proto::v1::job_service_client::JobServiceClient;
use sluice_proto::v1::job_service_server::{JobService, JobServiceServer};
use sluice_proto::v1::{
    CancelJobRequest, ErrorKind, GetJobRequest, Job, JobError, JobEvent, JobLogsRequest, JobPlan,
    ListExecutorsRequest, ListExecutorsResponse, ListJobsRequest, ListJobsResponse, LogLine,
    PlanJobRequest, QueryAnswer, RunQueryRequest, ServerInfoRequest, ServerInfoResponse,
    SubmitJobRequest, SubmitJobResponse, WatchJobRequest,
};
use sluice_traces::TraceContext;
use tokio::sync::Mutex;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::{Response, Status, Streaming};
use tower::ServiceExt;
use tower::util::BoxCloneService;

use crate::connect::{self, Transport, join_addresses, status_cause};
use crate::limits::ConnectionLimits;
use crate::master::Address;
use crate::trace::traced_request;

/// A stream of responses; an error ends it.
pub(crate) type ResponseStream<T> = Pin<Box<dyn Stream<Item = Result<T, JobError>> + Send>>;

type GrpcClient = JobServiceClient<Transport>;

/// A client of what runs jobs. Every call is idempotent.
#[derive(Debug)]
pub(crate) struct JobClient {
    connection: Mutex<Connection>,
    /// Of the scheduler. They are tried in order, at the start and whenever the
    /// connection is lost. `None` for a driver in this process, to which no
    /// connection can be lost.
    addresses: Option<Vec<Address>>,
    limits: ConnectionLimits,
    server_version: Option<String>,
}

#[derive(Debug)]
struct Connection {
    client: GrpcClient,
    /// Grows with every new connection. When several calls fail because of one
    /// lost connection, only the first replaces it.
    generation: u64,
}

impl JobClient {
    /// Connects to the first address that answers.
    pub(crate) async fn connect(
        addresses: Vec<Address>,
        limits: ConnectionLimits,
    ) -> Result<Self, JobError> {
        let connected = connect::connect_any(&addresses, &limits).await?;
        let client = Self::new(connected.transport, Some(addresses));
        Ok(Self {
            limits,
            server_version: connected.version,
            ..client
        })
    }

    /// The version of the scheduler that was first connected, where it is known.
    pub(crate) fn server_version(&self) -> Option<&str> {
        self.server_version.as_deref()
    }

    /// Calls a service in this process, without a network.
    pub(crate) fn in_process<S: JobService>(service: Arc<S>) -> Self {
        let server = JobServiceServer::from_arc(service)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let server = ServiceExt::<http::Request<Body>>::map_err(server, |never| match never {});
        Self::new(BoxCloneService::new(server), None)
    }

    fn new(transport: Transport, addresses: Option<Vec<Address>>) -> Self {
        Self {
            connection: Mutex::new(Connection {
                client: grpc_client(transport),
                generation: 0,
            }),
            addresses,
            limits: ConnectionLimits::default(),
            server_version: None,
        }
    }

    /// Checks and starts a job, as a part of `trace`.
    pub(crate) async fn submit_job(
        &self,
        request: SubmitJobRequest,
        trace: Option<&TraceContext>,
    ) -> Result<SubmitJobResponse, JobError> {
        self.call(request, |mut client, request| {
            let request = traced_request(request, trace);
            async move { client.submit_job(request).await }
        })
        .await
    }

    /// The events of a job, up to its end.
    pub(crate) async fn watch_job(
        &self,
        request: WatchJobRequest,
    ) -> Result<ResponseStream<JobEvent>, JobError> {
        self.call(request, |mut client, request| async move {
            client.watch_job(request).await
        })
        .await
        .map(|stream| self.response_stream(stream))
    }

    /// The current state of one job.
    pub(crate) async fn get_job(&self, request: GetJobRequest) -> Result<Job, JobError> {
        self.call(request, |mut client, request| async move {
            client.get_job(request).await
        })
        .await
    }

    /// Jobs, the newest first.
    pub(crate) async fn list_jobs(
        &self,
        request: ListJobsRequest,
    ) -> Result<ListJobsResponse, JobError> {
        self.call(request, |mut client, request| async move {
            client.list_jobs(request).await
        })
        .await
    }

    /// Requests the end of a job, without waiting for it.
    pub(crate) async fn cancel_job(&self, request: CancelJobRequest) -> Result<Job, JobError> {
        self.call(request, |mut client, request| async move {
            client.cancel_job(request).await
        })
        .await
    }

    /// A job's log.
    pub(crate) async fn job_logs(
        &self,
        request: JobLogsRequest,
    ) -> Result<ResponseStream<LogLine>, JobError> {
        self.call(request, |mut client, request| async move {
            client.job_logs(request).await
        })
        .await
        .map(|stream| self.response_stream(stream))
    }

    /// Plans a job without running it.
    pub(crate) async fn plan_job(&self, request: PlanJobRequest) -> Result<JobPlan, JobError> {
        self.call(request, |mut client, request| async move {
            client.plan_job(request).await
        })
        .await
    }

    /// The answer of a query, when all of its rows are computed.
    pub(crate) async fn run_query(
        &self,
        request: RunQueryRequest,
    ) -> Result<QueryAnswer, JobError> {
        let answers = self.call(request, |mut client, request| async move {
            client.run_query(request).await
        });
        let mut answers = self.response_stream(answers.await?);
        answers.next().await.unwrap_or_else(|| {
            let message = "the connection was lost before the query had ended";
            Err(JobError::new(ErrorKind::Unavailable, message))
        })
    }

    /// Version and state of the server.
    pub(crate) async fn server_info(&self) -> Result<ServerInfoResponse, JobError> {
        self.call(ServerInfoRequest {}, |mut client, request| async move {
            client.server_info(request).await
        })
        .await
    }

    /// The executors of the scheduler.
    pub(crate) async fn list_executors(&self) -> Result<ListExecutorsResponse, JobError> {
        self.call(ListExecutorsRequest {}, |mut client, request| async move {
            client.list_executors(request).await
        })
        .await
    }

    /// Calls the service. If the connection to a scheduler is lost, the call is
    /// repeated once over a new one: every call of the service is idempotent.
    async fn call<R, T, F>(
        &self,
        request: R,
        send: impl Fn(GrpcClient, R) -> F,
    ) -> Result<T, JobError>
    where
        R: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let (client, generation) = {
            let connection = self.connection.lock().await;
            (connection.client.clone(), connection.generation)
        };
        let Some(addresses) = &self.addresses else {
            return send(client, request)
                .await
                .map(Response::into_inner)
                .map_err(|status| JobError::from_status(&status));
        };
        match self.limit_call(send(client, request.clone())).await {
            Err(status) if is_connection_lost(&status) => {
                let client = self.reconnect_once(addresses, generation).await?;
                self.limit_call(send(client, request)).await
            }
            answer => answer,
        }
        .map(Response::into_inner)
        .map_err(|status| connect::call_error(addresses, &status))
    }

    /// The call's result, or an error after the time limit.
    async fn limit_call<T>(
        &self,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let limit = self.limits.call;
        let answer = tokio::time::timeout(limit, call).await;
        answer.unwrap_or_else(|_| {
            Err(Status::deadline_exceeded(format!(
                "no answer within {limit:?}"
            )))
        })
    }

    async fn reconnect_once(
        &self,
        addresses: &[Address],
        generation: u64,
    ) -> Result<GrpcClient, JobError> {
        let mut connection = self.connection.lock().await;
        if connection.generation == generation {
            // Without the advice how to start a scheduler: one was running.
            let connected = connect::connect_any(addresses, &self.limits)
                .await
                .map_err(|error| {
                    let message = format!("the connection was lost, and {}", error.message);
                    JobError::new(error.kind(), message)
                })?;
            connection.client = grpc_client(connected.transport);
            connection.generation += 1;
        }
        Ok(connection.client.clone())
    }

    fn response_stream<T: Send + 'static>(&self, stream: Streaming<T>) -> ResponseStream<T> {
        let scheduler = self.addresses.as_deref().map(join_addresses);
        Box::pin(stream.map(move |item| {
            item.map_err(|status| {
                let mut error = JobError::from_status(&status);
                if let Some(scheduler) = &scheduler
                    && status.details().is_empty()
                {
                    // A broken stream is not a failure of the job, whatever the code.
                    error.set_kind(ErrorKind::Unavailable);
                    error.message = format!(
                        "the connection to {scheduler} broke: {}",
                        status_cause(&status)
                    );
                }
                error
            })
        }))
    }
}

fn grpc_client(transport: Transport) -> GrpcClient {
    JobServiceClient::new(transport)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// Whether the connection has failed, not the request.
fn is_connection_lost(status: &Status) -> bool {
    status.details().is_empty()
        && (std::error::Error::source(status).is_some()
            || status.code() == tonic::Code::Unavailable)
}
