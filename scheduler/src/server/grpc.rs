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
use sluice_proto::heartbeat::{
    HeartbeatReply, TaskName, read_running_jobs, read_tasks, read_unhealthy,
};
use sluice_proto::v1::job_service_server::JobServiceServer;
use sluice_proto::version::{describe_mismatch, read_version, write_version};
use sluice_service::grpc_listener::incoming_connections;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::error::ServerError;
use super::job_service::JobServer;
use crate::ballista::{
    BallistaServer, ExecutorTracker, Reachability, TaskReports, fail_lost_tasks, trigger_scheduling,
};
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
    let incoming = incoming_connections(listener, "grpc");
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
    reports: TaskReports,
    reachability: Reachability,
    instance: String,
    executor_timeout: Duration,
    jobs: JobRegistry,
}

impl ExecutorService {
    pub(super) fn new(
        ballista: BallistaServer,
        tracker: ExecutorTracker,
        reports: TaskReports,
        instance: &str,
        timeout: Duration,
        jobs: JobRegistry,
    ) -> Self {
        Self {
            ballista,
            tracker,
            reports,
            reachability: Reachability::default(),
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

/// Records whether an executor can keep data.
async fn apply_health(
    ballista: &BallistaServer,
    tracker: &ExecutorTracker,
    executor: &str,
    problem: Option<String>,
) {
    let reason = problem.clone().unwrap_or_default();
    let is_healthy = problem.is_none();
    if !tracker.set_problem(executor, problem) {
        return;
    }
    if is_healthy {
        tracing::info!(%executor, "the executor can keep data again and gets tasks");
        trigger_scheduling(ballista, executor).await;
    } else {
        tracing::warn!(%executor, "the executor gets no tasks until it can keep data: {reason}");
    }
}

/// Records and applies reports of tasks. Not to be cancelled: a report that is
/// recorded and not applied would be lost.
async fn apply_reports(
    ballista: BallistaServer,
    tracker: ExecutorTracker,
    reports: TaskReports,
    mut request: Request<UpdateTaskStatusParams>,
) -> Result<Response<UpdateTaskStatusResult>, Status> {
    let executor = request.get_ref().executor_id.clone();
    // First, so that what failed is repeated elsewhere. A report says nothing of
    // an outage that is over: the next heartbeat does.
    if let Some(problem) = read_unhealthy(request.metadata()) {
        apply_health(&ballista, &tracker, &executor, Some(problem)).await;
    }
    let report = request.get_mut();
    let mut statuses = std::mem::take(&mut report.task_status);
    statuses.retain(|status| {
        let task = TaskName {
            job: status.job_id.clone(),
            stage: status.stage_id as usize,
            attempt: status.stage_attempt_num as usize,
            task: status.task_id as usize,
        };
        // Executors repeat reports whose acknowledgement was lost. Ballista would
        // count the rows of a task twice.
        tracker.on_task_ended(&executor, &task)
    });
    if statuses.is_empty() {
        return Ok(Response::new(UpdateTaskStatusResult { success: true }));
    }
    report.task_status = reports.accept_reports(&ballista, statuses).await;
    SchedulerGrpc::update_task_status(&ballista, request).await
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

/// Refuses an executor of another version: it might compute something else from the
/// same plan.
fn require_same_version(executor: &str, metadata: &MetadataMap) -> Result<(), Status> {
    let Some(mismatch) = describe_mismatch(Some(sluice_service::VERSION), read_version(metadata))
    else {
        return Ok(());
    };
    tracing::warn!(%executor, "an executor is refused: {mismatch}; run the same version of both");
    Err(Status::failed_precondition(mismatch))
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
        if let Some(executor) = &request.get_ref().metadata {
            require_same_version(&executor.id, request.metadata())?;
            self.reachability.require_reachable(executor).await?;
        }
        let mut response = self
            .ballista
            .register_executor(with_peer_address(request))
            .await?;
        write_version(response.metadata_mut(), sluice_service::VERSION);
        Ok(response)
    }

    async fn heart_beat_from_executor(
        &self,
        request: Request<HeartBeatParams>,
    ) -> Result<Response<HeartBeatResult>, Status> {
        let ended_jobs = self.ended_jobs(request.metadata());
        let tasks = read_tasks(request.metadata());
        let problem = read_unhealthy(request.metadata());
        let heartbeat = request.get_ref();
        let executor = heartbeat.executor_id.clone();
        if let Some(unknown) = &heartbeat.metadata
            && !self.tracker.knows_executor(&executor)
        {
            // Ballista registers it again.
            require_same_version(&executor, request.metadata())?;
            self.reachability.require_reachable(unknown).await?;
        }
        let mut response = self
            .ballista
            .heart_beat_from_executor(with_peer_address(request))
            .await?;
        apply_health(&self.ballista, &self.tracker, &executor, problem).await;
        if let Some(tasks) = tasks {
            let lost = self.tracker.take_lost_tasks(&executor, &tasks);
            fail_lost_tasks(&self.ballista, &executor, lost).await;
        }
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
        // A task of its own, because this call ends with its connection.
        let applied = tokio::spawn(apply_reports(
            self.ballista.clone(),
            self.tracker.clone(),
            self.reports.clone(),
            request,
        ));
        match applied.await {
            Ok(result) => result,
            Err(error) => Err(Status::internal(error.to_string())),
        }
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
        let reason = format!("it ended by itself: {}", stopped.reason);
        self.tracker.on_removing(&stopped.executor_id, &reason);
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
