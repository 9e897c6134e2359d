//! The gRPC port: Ballista's service for executors and our own for jobs.
//!
//! Of Ballista's service, only the calls of executors are served. The others
//! would let any client run plans and read configurations.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ConnectInfo;
use ballista_core::JobId;
use ballista_core::serde::protobuf::scheduler_grpc_server::{SchedulerGrpc, SchedulerGrpcServer};
use ballista_core::serde::protobuf::{
    CancelJobParams, CancelJobResult, CleanJobDataParams, CleanJobDataResult,
    CreateUpdateSessionParams, CreateUpdateSessionResult, ExecuteQueryParams, ExecuteQueryResult,
    ExecutorStoppedParams, ExecutorStoppedResult, GetJobMetricsParams, GetJobMetricsResult,
    GetJobStatusParams, GetJobStatusResult, HeartBeatParams, HeartBeatResult, PollWorkParams,
    PollWorkResult, RegisterExecutorParams, RegisterExecutorResult, RemoveSessionParams,
    RemoveSessionResult, UpdateTaskStatusParams, UpdateTaskStatusResult,
};
use futures::Stream;
use sluice_proto::MAX_MESSAGE_BYTES;
use sluice_proto::heartbeat::{HeartbeatReply, read_running_jobs};
use sluice_proto::v1::job_service_server::JobServiceServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::error::ServerError;
use super::job_service::JobServer;
use crate::ballista::{BallistaServer, ExecutorTracker, TaskName};
use crate::jobs::JobRegistry;

/// Serves both services until `stop`.
pub(super) async fn serve_grpc(
    listener: TcpListener,
    executors: ExecutorService,
    jobs: JobServer,
    stop: CancellationToken,
) -> Result<(), ServerError> {
    let executors = SchedulerGrpcServer::new(executors)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let jobs = JobServiceServer::new(jobs)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    // Messages are small: none may wait for a full packet.
    let incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(Duration::from_secs(60)));
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(executors)
        .add_service(jobs)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
        .map_err(ServerError::Grpc)
}

/// The calls that executors may make; each is recorded, then passed on to
/// Ballista.
pub(super) struct ExecutorService {
    ballista: BallistaServer,
    tracker: ExecutorTracker,
    instance: String,
    executor_timeout: Duration,
    jobs: JobRegistry,
}

impl ExecutorService {
    pub(super) fn new(
        ballista: BallistaServer,
        tracker: ExecutorTracker,
        instance: &str,
        timeout: Duration,
        jobs: JobRegistry,
    ) -> Self {
        Self {
            ballista,
            tracker,
            instance: instance.to_owned(),
            executor_timeout: timeout,
            jobs,
        }
    }

    /// Which of the jobs whose tasks an executor runs have ended.
    fn ended_jobs(&self, heartbeat: &MetadataMap) -> Vec<String> {
        let active = self.ballista.state.task_manager.get_running_job_cache();
        read_running_jobs(heartbeat)
            .filter(|job| !active.contains_key(&JobId::from(*job)))
            .map(ToOwned::to_owned)
            .collect()
    }
}

/// Ballista reads the peer's address from axum's request extension.
fn with_peer_address<T>(mut request: Request<T>) -> Request<T> {
    if let Some(peer) = request.remote_addr() {
        request
            .extensions_mut()
            .insert(ConnectInfo::<SocketAddr>(peer));
    }
    request
}

fn not_served<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented(
        "this method is not served; use sluice.v1.JobService",
    ))
}

#[tonic::async_trait]
impl SchedulerGrpc for ExecutorService {
    type ExecuteQueryPushStream =
        Pin<Box<dyn Stream<Item = Result<GetJobStatusResult, Status>> + Send>>;

    async fn register_executor(
        &self,
        request: Request<RegisterExecutorParams>,
    ) -> Result<Response<RegisterExecutorResult>, Status> {
        self.ballista
            .register_executor(with_peer_address(request))
            .await
    }

    async fn heart_beat_from_executor(
        &self,
        request: Request<HeartBeatParams>,
    ) -> Result<Response<HeartBeatResult>, Status> {
        let ended_jobs = self.ended_jobs(request.metadata());
        let mut response = self
            .ballista
            .heart_beat_from_executor(with_peer_address(request))
            .await?;
        let reply = HeartbeatReply {
            instance: Some(self.instance.clone()),
            active_jobs: Some(self.jobs.count_active()),
            executor_timeout: Some(self.executor_timeout),
            ended_jobs,
        };
        reply.write_to(response.metadata_mut());
        Ok(response)
    }

    async fn update_task_status(
        &self,
        request: Request<UpdateTaskStatusParams>,
    ) -> Result<Response<UpdateTaskStatusResult>, Status> {
        let report = request.get_ref();
        for status in &report.task_status {
            let task = TaskName {
                job: status.job_id.clone(),
                stage: status.stage_id as usize,
                attempt: status.stage_attempt_num as usize,
                task: status.task_id as usize,
            };
            self.tracker.on_task_ended(&report.executor_id, &task);
        }
        SchedulerGrpc::update_task_status(&self.ballista, request).await
    }

    async fn executor_stopped(
        &self,
        request: Request<ExecutorStoppedParams>,
    ) -> Result<Response<ExecutorStoppedResult>, Status> {
        let stopped = request.get_ref();
        tracing::info!(
            executor = stopped.executor_id,
            reason = stopped.reason,
            "executor ended"
        );
        self.ballista.executor_stopped(request).await
    }

    async fn poll_work(
        &self,
        _: Request<PollWorkParams>,
    ) -> Result<Response<PollWorkResult>, Status> {
        not_served()
    }

    async fn create_update_session(
        &self,
        _: Request<CreateUpdateSessionParams>,
    ) -> Result<Response<CreateUpdateSessionResult>, Status> {
        not_served()
    }

    async fn remove_session(
        &self,
        _: Request<RemoveSessionParams>,
    ) -> Result<Response<RemoveSessionResult>, Status> {
        not_served()
    }

    async fn execute_query_push(
        &self,
        _: Request<ExecuteQueryParams>,
    ) -> Result<Response<Self::ExecuteQueryPushStream>, Status> {
        not_served()
    }

    async fn execute_query(
        &self,
        _: Request<ExecuteQueryParams>,
    ) -> Result<Response<ExecuteQueryResult>, Status> {
        not_served()
    }

    async fn get_job_status(
        &self,
        _: Request<GetJobStatusParams>,
    ) -> Result<Response<GetJobStatusResult>, Status> {
        not_served()
    }

    async fn get_job_metrics(
        &self,
        _: Request<GetJobMetricsParams>,
    ) -> Result<Response<GetJobMetricsResult>, Status> {
        not_served()
    }

    async fn cancel_job(
        &self,
        _: Request<CancelJobParams>,
    ) -> Result<Response<CancelJobResult>, Status> {
        not_served()
    }

    async fn clean_job_data(
        &self,
        _: Request<CleanJobDataParams>,
    ) -> Result<Response<CleanJobDataResult>, Status> {
        not_served()
    }
}
