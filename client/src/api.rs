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
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, JobError>> + Send>>;

/// Runs jobs. Every call is idempotent.
#[async_trait]
pub trait JobApi: Send + Sync {
    /// Checks and starts a job.
    async fn submit(&self, request: SubmitJobRequest) -> Result<SubmitJobResponse, JobError>;
    /// The events of a job, up to its end.
    async fn watch(&self, request: WatchJobRequest) -> Result<Answers<JobEvent>, JobError>;
    /// The current state of one job.
    async fn get(&self, request: GetJobRequest) -> Result<Job, JobError>;
    /// Jobs, the newest first.
    async fn list(&self, request: ListJobsRequest) -> Result<ListJobsResponse, JobError>;
    /// Requests the end of a job, without waiting for it.
    async fn cancel(&self, request: CancelJobRequest) -> Result<Job, JobError>;
    /// A job's log.
    async fn logs(&self, request: JobLogsRequest) -> Result<Answers<LogLine>, JobError>;
    /// Plans a job without running it.
    async fn plan(&self, request: PlanJobRequest) -> Result<JobPlan, JobError>;
    /// Version and state of the server.
    async fn info(&self) -> Result<ServerInfoResponse, JobError>;
}

/// Options of a driver in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOptions {
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
    async fn start(&self, options: LocalOptions) -> Result<Arc<dyn JobApi>, JobError>;
}

/// A backend that calls `start` to start a service.
pub fn in_process<F, S>(
    start: impl Fn(LocalOptions) -> F + Send + Sync + 'static,
) -> Arc<dyn LocalBackend>
where
    F: Future<Output = Result<Arc<S>, JobError>> + Send + 'static,
    S: JobService,
{
    Arc::new(StartedBy(start))
}

struct StartedBy<T>(T);

#[async_trait]
impl<T, F, S> LocalBackend for StartedBy<T>
where
    T: Fn(LocalOptions) -> F + Send + Sync,
    F: Future<Output = Result<Arc<S>, JobError>> + Send,
    S: JobService,
{
    async fn start(&self, options: LocalOptions) -> Result<Arc<dyn JobApi>, JobError> {
        let service = (self.0)(options).await?;
        Ok(Arc::new(InProcess::new(service)))
    }
}

/// A service in this process, called without a network.
#[derive(Debug)]
pub struct InProcess<S>(Arc<S>);

impl<S> InProcess<S> {
    pub fn new(service: Arc<S>) -> Self {
        Self(service)
    }
}

fn unwrapped<T>(answer: Result<Response<T>, Status>) -> Result<T, JobError> {
    answer
        .map(Response::into_inner)
        .map_err(|status| JobError::from_status(&status))
}

fn answers<T, S>(stream: S) -> Answers<T>
where
    S: Stream<Item = Result<T, Status>> + Send + 'static,
{
    Box::pin(stream.map(|item| item.map_err(|status| JobError::from_status(&status))))
}

#[async_trait]
impl<S: JobService> JobApi for InProcess<S> {
    async fn submit(&self, request: SubmitJobRequest) -> Result<SubmitJobResponse, JobError> {
        unwrapped(self.0.submit_job(Request::new(request)).await)
    }

    async fn watch(&self, request: WatchJobRequest) -> Result<Answers<JobEvent>, JobError> {
        unwrapped(self.0.watch_job(Request::new(request)).await).map(answers)
    }

    async fn get(&self, request: GetJobRequest) -> Result<Job, JobError> {
        unwrapped(self.0.get_job(Request::new(request)).await)
    }

    async fn list(&self, request: ListJobsRequest) -> Result<ListJobsResponse, JobError> {
        unwrapped(self.0.list_jobs(Request::new(request)).await)
    }

    async fn cancel(&self, request: CancelJobRequest) -> Result<Job, JobError> {
        unwrapped(self.0.cancel_job(Request::new(request)).await)
    }

    async fn logs(&self, request: JobLogsRequest) -> Result<Answers<LogLine>, JobError> {
        unwrapped(self.0.job_logs(Request::new(request)).await).map(answers)
    }

    async fn plan(&self, request: PlanJobRequest) -> Result<JobPlan, JobError> {
        unwrapped(self.0.plan_job(Request::new(request)).await)
    }

    async fn info(&self) -> Result<ServerInfoResponse, JobError> {
        unwrapped(self.0.server_info(Request::new(ServerInfoRequest {})).await)
    }
}
