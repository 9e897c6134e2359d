//! The interface to what runs jobs: a remote scheduler, or a driver in this
//! process.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{Stream, StreamExt};
use sluice_proto::v1::job_service_server::JobService;
use sluice_proto::v1::{
    CancelJobRequest, GetJobRequest, Job, JobError, JobEvent, JobLogsRequest, JobPlan,
    ListJobsRequest, ListJobsResponse, LogLine, PlanJobRequest, ServerInfoRequest,
    ServerInfoResponse, SubmitJobRequest, SubmitJobResponse, WatchJobRequest,
};
use tonic::{Request, Response, Status};

/// A stream of responses; an error ends it.
pub type ResponseStream<T> = Pin<Box<dyn Stream<Item = Result<T, JobError>> + Send>>;

/// Runs jobs. Every call is idempotent.
#[async_trait]
pub trait JobApi: Send + Sync {
    /// Checks and starts a job.
    async fn submit_job(&self, request: SubmitJobRequest) -> Result<SubmitJobResponse, JobError>;
    /// The events of a job, up to its end.
    async fn watch_job(
        &self,
        request: WatchJobRequest,
    ) -> Result<ResponseStream<JobEvent>, JobError>;
    /// The current state of one job.
    async fn get_job(&self, request: GetJobRequest) -> Result<Job, JobError>;
    /// Jobs, the newest first.
    async fn list_jobs(&self, request: ListJobsRequest) -> Result<ListJobsResponse, JobError>;
    /// Requests the end of a job, without waiting for it.
    async fn cancel_job(&self, request: CancelJobRequest) -> Result<Job, JobError>;
    /// A job's log.
    async fn job_logs(&self, request: JobLogsRequest) -> Result<ResponseStream<LogLine>, JobError>;
    /// Plans a job without running it.
    async fn plan_job(&self, request: PlanJobRequest) -> Result<JobPlan, JobError>;
    /// Version and state of the server.
    async fn server_info(&self) -> Result<ServerInfoResponse, JobError>;
}

/// Options of a driver in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalBackendOptions {
    /// At least one.
    pub cores: usize,
    /// The settings of the run.
    pub conf: BTreeMap<String, String>,
}

/// Starts a driver in this process, for `--master local`. The caller of this
/// library implements it, so that the library does not depend on the engine.
#[async_trait]
pub trait LocalBackend: Send + Sync {
    /// Called once, inside a multi-threaded runtime.
    ///
    /// # Errors
    /// The driver cannot be started.
    async fn start_driver(&self, options: LocalBackendOptions)
    -> Result<Arc<dyn JobApi>, JobError>;
}

/// A backend that calls `start` to start a service.
pub fn in_process_backend<F, S>(
    start: impl Fn(LocalBackendOptions) -> F + Send + Sync + 'static,
) -> Arc<dyn LocalBackend>
where
    F: Future<Output = Result<Arc<S>, JobError>> + Send + 'static,
    S: JobService,
{
    Arc::new(FnBackend(start))
}

struct FnBackend<T>(T);

#[async_trait]
impl<T, F, S> LocalBackend for FnBackend<T>
where
    T: Fn(LocalBackendOptions) -> F + Send + Sync,
    F: Future<Output = Result<Arc<S>, JobError>> + Send,
    S: JobService,
{
    async fn start_driver(
        &self,
        options: LocalBackendOptions,
    ) -> Result<Arc<dyn JobApi>, JobError> {
        let service = (self.0)(options).await?;
        Ok(Arc::new(InProcessApi::new(service)))
    }
}

/// A service in this process, called without a network.
#[derive(Debug)]
pub struct InProcessApi<S>(Arc<S>);

impl<S> InProcessApi<S> {
    pub fn new(service: Arc<S>) -> Self {
        Self(service)
    }
}

fn into_inner_result<T>(answer: Result<Response<T>, Status>) -> Result<T, JobError> {
    answer
        .map(Response::into_inner)
        .map_err(|status| JobError::from_status(&status))
}

fn response_stream<T, S>(stream: S) -> ResponseStream<T>
where
    S: Stream<Item = Result<T, Status>> + Send + 'static,
{
    Box::pin(stream.map(|item| item.map_err(|status| JobError::from_status(&status))))
}

#[async_trait]
impl<S: JobService> JobApi for InProcessApi<S> {
    async fn submit_job(&self, request: SubmitJobRequest) -> Result<SubmitJobResponse, JobError> {
        into_inner_result(self.0.submit_job(Request::new(request)).await)
    }

    async fn watch_job(
        &self,
        request: WatchJobRequest,
    ) -> Result<ResponseStream<JobEvent>, JobError> {
        into_inner_result(self.0.watch_job(Request::new(request)).await).map(response_stream)
    }

    async fn get_job(&self, request: GetJobRequest) -> Result<Job, JobError> {
        into_inner_result(self.0.get_job(Request::new(request)).await)
    }

    async fn list_jobs(&self, request: ListJobsRequest) -> Result<ListJobsResponse, JobError> {
        into_inner_result(self.0.list_jobs(Request::new(request)).await)
    }

    async fn cancel_job(&self, request: CancelJobRequest) -> Result<Job, JobError> {
        into_inner_result(self.0.cancel_job(Request::new(request)).await)
    }

    async fn job_logs(&self, request: JobLogsRequest) -> Result<ResponseStream<LogLine>, JobError> {
        into_inner_result(self.0.job_logs(Request::new(request)).await).map(response_stream)
    }

    async fn plan_job(&self, request: PlanJobRequest) -> Result<JobPlan, JobError> {
        into_inner_result(self.0.plan_job(Request::new(request)).await)
    }

    async fn server_info(&self) -> Result<ServerInfoResponse, JobError> {
        into_inner_result(self.0.server_info(Request::new(ServerInfoRequest {})).await)
    }
}
