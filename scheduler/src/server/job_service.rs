//! The gRPC service `sluice.v1.JobService`, served from [`JobRegistry`].

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use futures::Stream;
use sluice_proto::trace_headers::read_trace;
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::job_service_server::JobService;
use sluice_proto::v1::{
    self, CancelJobRequest, Executor, Finished, GetJobRequest, Job, JobEvent, JobLogsRequest,
    JobPlan, ListExecutorsRequest, ListExecutorsResponse, ListJobsRequest, ListJobsResponse,
    LogLine, PlanJobRequest, QueryAnswer, RunQueryRequest, ServerInfoRequest, ServerInfoResponse,
    SubmitJobRequest, SubmitJobResponse, WatchJobRequest,
};
use sluice_service::address::HostPort;
use sluice_traces::TraceContext;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::ballista::{ExecutorInfo, ExecutorState};
use crate::driver::LiveJob;
use crate::jobs::{JobRegistry, WatchedJob};

/// Answers calls from a [`JobRegistry`]; also called in process, without a
/// socket.
#[derive(Clone)]
pub struct JobServer {
    jobs: JobRegistry,
    started_at: SystemTime,
}

impl JobServer {
    pub fn new(jobs: JobRegistry) -> Self {
        Self {
            jobs,
            started_at: SystemTime::now(),
        }
    }
}

type EventStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

#[tonic::async_trait]
impl JobService for JobServer {
    type WatchJobStream = EventStream<JobEvent>;
    type JobLogsStream = EventStream<LogLine>;
    type RunQueryStream = EventStream<QueryAnswer>;

    async fn submit_job(
        &self,
        request: Request<SubmitJobRequest>,
    ) -> Result<Response<SubmitJobResponse>, Status> {
        let headers = read_trace(request.metadata());
        let client = headers.and_then(|(parent, state)| TraceContext::from_headers(parent, state));
        let (job, existing) = self.jobs.submit_job(request.into_inner(), client).await?;
        Ok(Response::new(SubmitJobResponse {
            job: Some(job),
            existing,
        }))
    }

    async fn watch_job(
        &self,
        request: Request<WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        let request = request.into_inner();
        let (sender, receiver) = mpsc::channel(64);
        match self.jobs.watch_job(&request.id)? {
            WatchedJob::Live(live) => {
                tokio::spawn(forward_events(live, request.after_sequence, sender));
            }
            WatchedJob::Past(job) => {
                let event = JobEvent {
                    sequence: request.after_sequence + 1,
                    at_ms: job.ended_ms,
                    event: Some(Event::Finished(Finished {
                        job: Some(job.as_ref().clone()),
                    })),
                };
                // The channel is empty, so this cannot wait.
                let _ = sender.try_send(Ok(event));
            }
        }
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_job(&self, request: Request<GetJobRequest>) -> Result<Response<Job>, Status> {
        Ok(Response::new(self.jobs.find_job(&request.into_inner().id)?))
    }

    async fn list_jobs(
        &self,
        request: Request<ListJobsRequest>,
    ) -> Result<Response<ListJobsResponse>, Status> {
        let page = self.jobs.list_jobs(&request.into_inner())?;
        Ok(Response::new(ListJobsResponse {
            jobs: page.jobs.into_iter().map(Arc::unwrap_or_clone).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<Job>, Status> {
        let request = request.into_inner();
        Ok(Response::new(
            self.jobs.cancel_job(&request.id, &request.reason)?,
        ))
    }

    async fn job_logs(
        &self,
        request: Request<JobLogsRequest>,
    ) -> Result<Response<Self::JobLogsStream>, Status> {
        let request = request.into_inner();
        let (sender, receiver) = mpsc::channel(64);
        match self.jobs.watch_job(&request.id)? {
            WatchedJob::Live(live) => {
                tokio::spawn(forward_log_lines(live, request.follow, sender));
            }
            WatchedJob::Past(_) => {
                let lines = self.jobs.read_log(&request.id).await?;
                tokio::spawn(async move {
                    for line in lines {
                        if sender.send(Ok(line)).await.is_err() {
                            return;
                        }
                    }
                });
            }
        }
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn plan_job(
        &self,
        request: Request<PlanJobRequest>,
    ) -> Result<Response<JobPlan>, Status> {
        let request = request.into_inner().job.unwrap_or_default();
        Ok(Response::new(self.jobs.plan_job(request).await?))
    }

    async fn run_query(
        &self,
        request: Request<RunQueryRequest>,
    ) -> Result<Response<Self::RunQueryStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let (jobs, request) = (self.jobs.clone(), request.into_inner());
        tokio::spawn(async move { jobs.stream_answer(request, sender).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn server_info(
        &self,
        _: Request<ServerInfoRequest>,
    ) -> Result<Response<ServerInfoResponse>, Status> {
        let capacity = self.jobs.runner().capacity().await;
        let started = self
            .started_at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Response::new(ServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engines: HashMap::from([
                (
                    "datafusion".to_owned(),
                    datafusion::DATAFUSION_VERSION.to_owned(),
                ),
                (
                    "ballista".to_owned(),
                    ballista_core::BALLISTA_VERSION.to_owned(),
                ),
            ])
            .into_iter()
            .collect(),
            executors: capacity.executors,
            vcores: capacity.vcores,
            started_ms: i64::try_from(started.as_millis()).unwrap_or(i64::MAX),
        }))
    }

    async fn list_executors(
        &self,
        _: Request<ListExecutorsRequest>,
    ) -> Result<Response<ListExecutorsResponse>, Status> {
        let executors = self.jobs.runner().list_executors().await;
        Ok(Response::new(ListExecutorsResponse {
            executors: executors.into_iter().map(executor_message).collect(),
        }))
    }
}

fn executor_message(executor: ExecutorInfo) -> Executor {
    let state = match executor.state {
        ExecutorState::Active => v1::ExecutorState::Active,
        ExecutorState::Draining => v1::ExecutorState::Draining,
        ExecutorState::Quarantined => v1::ExecutorState::Quarantined,
    };
    Executor {
        id: executor.id,
        address: HostPort::new(&executor.host, executor.grpc_port).to_string(),
        state: state.into(),
        problem: executor.problem.unwrap_or_default(),
        vcores: executor.vcores,
        vcores_free: executor.vcores_free,
        tasks_given: executor.tasks_given,
        resident_memory_bytes: executor.resident_memory_bytes.unwrap_or_default(),
        last_heartbeat_seconds: executor.last_heartbeat_seconds,
    }
}

/// Sends a job's events until the job has ended or the receiver has closed.
async fn forward_events(
    live: Arc<LiveJob>,
    mut after: u64,
    sender: mpsc::Sender<Result<JobEvent, Status>>,
) {
    let mut newest = live.subscribe();
    loop {
        newest.mark_unchanged();
        for event in live.events_after(after) {
            after = event.sequence;
            let last = matches!(event.event, Some(Event::Finished(_)));
            if sender.send(Ok(event)).await.is_err() || last {
                return;
            }
        }
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
    }
}

/// Sends the lines of a job's log; with `follow`, until the job has ended.
async fn forward_log_lines(
    live: Arc<LiveJob>,
    follow: bool,
    sender: mpsc::Sender<Result<LogLine, Status>>,
) {
    let mut newest = live.subscribe();
    let mut after = 0;
    loop {
        newest.mark_unchanged();
        for event in live.events_after(after) {
            after = event.sequence;
            let delivered = match event.event {
                Some(Event::Log(line)) => sender.send(Ok(line)).await.is_ok(),
                Some(Event::Finished(_)) => false,
                _ => true,
            };
            if !delivered {
                return;
            }
        }
        if !follow {
            return;
        }
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
    }
}
