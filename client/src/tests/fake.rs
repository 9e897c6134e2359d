//! A `JobService` that plays the steps of a test and records its requests.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use sluice_proto::trace_headers::read_trace;
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::job_service_server::{JobService, JobServiceServer};
use sluice_proto::v1::{
    CancelJobRequest, DatasetPhase, DatasetResult, ErrorKind, Executor, Finished, GetJobRequest,
    Job, JobError, JobEvent, JobLogsRequest, JobPlan, JobState, ListExecutorsRequest,
    ListExecutorsResponse, ListJobsRequest, ListJobsResponse, LogLine, PlanJobRequest,
    PlannedInput, Progress, QueryAnswer, RunQueryRequest, ServerInfoRequest, ServerInfoResponse,
    StateChange, SubmitJobRequest, SubmitJobResponse, WatchJobRequest,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::world::wait_until;

pub(super) const JOB_ID: &str = "job-1";

/// One step of a watched job.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "a test holds a handful of them")]
pub(super) enum Step {
    Event(Event),
    /// Waits until the job is cancelled.
    UntilCancelled,
    Pause(Duration),
    /// The stream ends without the job's end.
    Close,
    /// Waits forever.
    Stall,
}

/// The fake's responses, and the requests that it received.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) state: Mutex<State>,
    cancelled: Arc<Notify>,
}

#[derive(Default)]
pub(super) struct State {
    /// Returned instead of accepting a job.
    pub(super) refusal: Option<JobError>,
    /// Its own version by default.
    pub(super) version: Option<String>,
    /// A submission never gets a response.
    pub(super) hang: bool,
    pub(super) existing: bool,
    /// The headers of submissions that had one.
    pub(super) traceparents: Vec<String>,
    /// The job that submission and `GetJob` return; an unknown job when none.
    pub(super) job: Option<Job>,
    /// The steps of each watch, in order; an unknown job when empty.
    pub(super) watches: VecDeque<Vec<Step>>,
    pub(super) logs: Vec<LogLine>,
    pub(super) executors: Vec<Executor>,
    pub(super) submitted: Vec<SubmitJobRequest>,
    pub(super) queries: Vec<RunQueryRequest>,
    /// The answer of each query; the connection breaks when none.
    pub(super) answer: Option<QueryAnswer>,
    pub(super) watched: Vec<WatchJobRequest>,
    pub(super) cancels: Vec<CancelJobRequest>,
    sequence: u64,
}

pub(super) fn job(state: JobState) -> Job {
    let mut job = Job {
        job_id: JOB_ID.into(),
        submission_id: "sub-1".into(),
        name: "copy".into(),
        submitted_ms: 1_000,
        ended_ms: if state.is_final() { 1_250 } else { 0 },
        ..Job::default()
    };
    job.set_state(state);
    job
}

pub(super) fn succeeded() -> Job {
    let mut job = job(JobState::Succeeded);
    job.datasets.push(DatasetResult {
        name: "copy".into(),
        phase: DatasetPhase::Committed.into(),
        rows: 1_234,
        files: 2,
        bytes: 4_096,
        version: Some(7),
        seconds: 0.1,
        table_rows: None,
        location: "/g/copy".into(),
    });
    job
}

pub(super) fn failed(state: JobState, kind: ErrorKind) -> Job {
    let mut job = job(state);
    job.reason = Some(JobError::new(kind, "it broke").with_next_step("fix it"));
    job
}

pub(super) fn finished(job: Job) -> Step {
    Step::Event(Event::Finished(Finished { job: Some(job) }))
}

pub(super) fn state(state: JobState) -> Step {
    let mut change = StateChange::default();
    change.set_state(state);
    Step::Event(Event::StateChange(change))
}

pub(super) fn progress(datasets_done: u32, executors: u32) -> Step {
    Step::Event(Event::Progress(Progress {
        datasets_done,
        datasets_total: 1,
        executors,
        ..Progress::default()
    }))
}

pub(super) fn log(line: LogLine) -> Step {
    Step::Event(Event::Log(line))
}

fn unknown(id: &str) -> Status {
    JobError::new(ErrorKind::NotFound, format!("no job has the id `{id}`")).into()
}

impl Fake {
    /// A job that is accepted and then plays these steps.
    pub(super) fn playing(steps: Vec<Step>) -> Arc<Self> {
        let fake = Self::default();
        {
            let mut state = fake.state.lock().unwrap();
            state.job = Some(job(JobState::Accepted));
            state.watches.push_back(steps);
        }
        Arc::new(fake)
    }

    pub(super) fn with(change: impl FnOnce(&mut State)) -> Arc<Self> {
        let fake = Self::default();
        change(&mut fake.state.lock().unwrap());
        Arc::new(fake)
    }

    fn job(&self, id: &str) -> Result<Response<Job>, Status> {
        let state = self.state.lock().unwrap();
        match &state.job {
            Some(job) if job.job_id == id || job.submission_id == id => {
                Ok(Response::new(job.clone()))
            }
            _ => Err(unknown(id)),
        }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service: the trait must be implemented on a local type, not on `Arc`.
#[derive(Clone)]
pub(super) struct Service(pub(super) Arc<Fake>);

#[tonic::async_trait]
impl JobService for Service {
    async fn submit_job(
        &self,
        request: Request<SubmitJobRequest>,
    ) -> Result<Response<SubmitJobResponse>, Status> {
        let hang = {
            let mut state = self.0.state.lock().unwrap();
            let trace = read_trace(request.metadata()).map(|(parent, _)| parent.to_owned());
            state.traceparents.extend(trace);
            state.submitted.push(request.into_inner());
            state.hang
        };
        if hang {
            std::future::pending::<()>().await;
        }
        let state = self.0.state.lock().unwrap();
        match &state.refusal {
            Some(refusal) => Err(refusal.clone().into()),
            None => Ok(Response::new(SubmitJobResponse {
                job: state.job.clone(),
                existing: state.existing,
            })),
        }
    }

    type WatchJobStream = Answers<JobEvent>;

    async fn watch_job(
        &self,
        request: Request<WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        let request = request.into_inner();
        let steps = {
            let mut state = self.0.state.lock().unwrap();
            state.watched.push(request.clone());
            state.watches.pop_front()
        };
        let Some(steps) = steps else {
            return Err(unknown(&request.id));
        };
        let fake = Arc::clone(&self.0);
        let events = stream::unfold((steps.into_iter(), fake), |(mut steps, fake)| async {
            loop {
                match steps.next()? {
                    Step::Event(event) => {
                        let sequence = {
                            let mut state = fake.state.lock().unwrap();
                            state.sequence += 1;
                            state.sequence
                        };
                        let event = JobEvent {
                            sequence,
                            at_ms: 1,
                            event: Some(event),
                        };
                        return Some((Ok(event), (steps, fake)));
                    }
                    Step::UntilCancelled => fake.cancelled.notified().await,
                    Step::Pause(pause) => tokio::time::sleep(pause).await,
                    Step::Close => return None,
                    Step::Stall => std::future::pending::<()>().await,
                }
            }
        });
        Ok(Response::new(events.boxed()))
    }

    async fn get_job(&self, request: Request<GetJobRequest>) -> Result<Response<Job>, Status> {
        self.0.job(&request.into_inner().id)
    }

    async fn list_jobs(
        &self,
        _request: Request<ListJobsRequest>,
    ) -> Result<Response<ListJobsResponse>, Status> {
        let jobs = self.0.state.lock().unwrap().job.iter().cloned().collect();
        Ok(Response::new(ListJobsResponse {
            jobs,
            next_page_token: String::new(),
        }))
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<Job>, Status> {
        let request = request.into_inner();
        let id = request.id.clone();
        self.0.state.lock().unwrap().cancels.push(request);
        // Stores one permit when no task waits yet.
        self.0.cancelled.notify_one();
        self.0.job(&id)
    }

    type JobLogsStream = Answers<LogLine>;

    async fn job_logs(
        &self,
        request: Request<JobLogsRequest>,
    ) -> Result<Response<Self::JobLogsStream>, Status> {
        self.0.job(&request.into_inner().id)?;
        let lines = self.0.state.lock().unwrap().logs.clone();
        Ok(Response::new(
            stream::iter(lines.into_iter().map(Ok)).boxed(),
        ))
    }

    async fn plan_job(
        &self,
        request: Request<PlanJobRequest>,
    ) -> Result<Response<JobPlan>, Status> {
        let mut state = self.0.state.lock().unwrap();
        state.submitted.extend(request.into_inner().job);
        match &state.refusal {
            Some(refusal) => Err(refusal.clone().into()),
            None => Ok(Response::new(JobPlan {
                inputs: vec![PlannedInput {
                    name: "events".into(),
                    location: "/l/events".into(),
                    files: 3,
                    bytes: 2_048,
                }],
                ..JobPlan::default()
            })),
        }
    }

    type RunQueryStream = Answers<QueryAnswer>;

    async fn run_query(
        &self,
        request: Request<RunQueryRequest>,
    ) -> Result<Response<Self::RunQueryStream>, Status> {
        let mut state = self.0.state.lock().unwrap();
        state.queries.push(request.into_inner());
        let answers = match &state.refusal {
            Some(refusal) => vec![Err(refusal.clone().into())],
            None => state.answer.clone().map(Ok).into_iter().collect(),
        };
        Ok(Response::new(Box::pin(stream::iter(answers))))
    }

    async fn server_info(
        &self,
        _request: Request<ServerInfoRequest>,
    ) -> Result<Response<ServerInfoResponse>, Status> {
        Ok(Response::new(ServerInfoResponse {
            version: match &self.0.state.lock().unwrap().version {
                Some(version) => version.clone(),
                None => env!("CARGO_PKG_VERSION").to_owned(),
            },
            ..ServerInfoResponse::default()
        }))
    }

    async fn list_executors(
        &self,
        _request: Request<ListExecutorsRequest>,
    ) -> Result<Response<ListExecutorsResponse>, Status> {
        Ok(Response::new(ListExecutorsResponse {
            executors: self.0.state.lock().unwrap().executors.clone(),
        }))
    }
}

/// A fake that listens on a port. Dropping it is like SIGKILL: connections break.
pub(super) struct Running {
    runtime: Option<Runtime>,
    pub(super) address: SocketAddr,
}

impl Running {
    pub(super) fn start(fake: &Arc<Fake>) -> Self {
        Self::start_at(fake, "127.0.0.1:0".parse().unwrap())
    }

    pub(super) fn start_at(fake: &Arc<Fake>, address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        // One that was dropped just now may still hold the address for a moment.
        let mut bound = runtime.block_on(TcpListener::bind(address));
        wait_until("the address is free", || {
            if bound.is_err() {
                bound = runtime.block_on(TcpListener::bind(address));
            }
            bound.is_ok()
        });
        let listener = bound.unwrap();
        let address = listener.local_addr().unwrap();
        let service = JobServiceServer::new(Service(Arc::clone(fake)));
        runtime.spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Self {
            runtime: Some(runtime),
            address,
        }
    }

    pub(super) fn master(&self) -> String {
        format!("sluice://{}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
