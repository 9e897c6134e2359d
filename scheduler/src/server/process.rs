//! One scheduler process, from taking its ports to its shutdown.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::middleware::from_fn_with_state;
use sluice_service::address::HostPort;
use sluice_service::http::{self, Probes, Readiness};
use sluice_service::listen::listen_on;
use sluice_service::owned_folder::OwnedFolder;
use sluice_service::secrets::Secrets;
use sluice_service::signals::StopSignal;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::api::{self, ApiState};
use super::capacity::CapacityHistory;
use super::error::ServerError;
use super::grpc::{self, ExecutorService};
use super::host_check::{KnownHosts, refuse_unknown_hosts};
use super::job_service::JobServer;
use super::landing::LandingReader;
use super::table::TableReader;
use super::web::{self, WebState};
use crate::ballista::{
    BallistaJobs, BallistaServer, ExecutorCache, ExecutorTracker, TaskReports, TrackedClusterState,
    start_ballista, watch_executors,
};
use crate::jobs::JobRegistry;
use crate::metrics::Metrics;
use crate::options::Options;

/// How long interrupted jobs may take to end.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long open connections may take to close.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// A scheduler that holds its ports and its state folder and does not serve
/// yet.
pub struct SchedulerProcess {
    options: Options,
    stop: StopSignal,
    instance: String,
    started_ms: i64,
    state_folder: OwnedFolder,
    grpc_listener: TcpListener,
    grpc_address: HostPort,
    http_listener: TcpListener,
    http_address: HostPort,
    ballista: BallistaServer,
    ballista_jobs: BallistaJobs,
    cluster: Arc<TrackedClusterState>,
    tracker: ExecutorTracker,
    reports: TaskReports,
    metrics: Metrics,
    secrets: Secrets,
}

/// Takes the state folder and the ports and starts Ballista's scheduler.
/// No request is answered before [`SchedulerProcess::serve_until_stopped`].
///
/// # Errors
/// See [`ServerError`].
pub async fn start_scheduler(
    options: Options,
    stop: StopSignal,
) -> Result<SchedulerProcess, ServerError> {
    let folder = OwnedFolder::acquire(&options.state_dir)?;
    let (grpc, grpc_address) = listen_on("--bind", &options.bind).await?;
    let (http, http_address) = listen_on("--http", &options.http).await?;
    let instance = uuid::Uuid::now_v7().to_string();
    let metrics = Metrics::new()?;
    let cluster = Arc::new(TrackedClusterState::default());
    let tracker = cluster.tracker();
    let (ballista, ballista_jobs) = start_ballista(
        &options,
        &instance,
        &grpc_address,
        Arc::clone(&cluster),
        &metrics,
    )
    .await?;
    let started_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default();
    Ok(SchedulerProcess {
        options,
        stop,
        instance,
        started_ms,
        state_folder: folder,
        grpc_listener: grpc,
        grpc_address,
        http_listener: http,
        http_address,
        ballista,
        ballista_jobs,
        cluster,
        tracker,
        reports: TaskReports::default(),
        metrics,
        secrets: Secrets::from_environment(),
    })
}

impl SchedulerProcess {
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Ballista's scheduler, to which plans are submitted.
    pub fn ballista(&self) -> BallistaServer {
        self.ballista.clone()
    }

    /// The plans that Ballista runs and has run.
    pub(super) fn ballista_jobs(&self) -> BallistaJobs {
        Arc::clone(&self.ballista_jobs)
    }

    /// The checks of what executors report about tasks.
    pub(super) fn task_reports(&self) -> TaskReports {
        self.reports.clone()
    }

    /// What is known about executors and their tasks.
    pub(super) fn tracker(&self) -> ExecutorTracker {
        self.tracker.clone()
    }

    /// The folder for job records, locked by this process.
    pub fn state_dir(&self) -> &Path {
        self.state_folder.path()
    }

    /// The address of gRPC, with the actual port.
    pub fn grpc_address(&self) -> &HostPort {
        &self.grpc_address
    }

    /// The address of HTTP, with the actual port.
    pub fn http_address(&self) -> &HostPort {
        &self.http_address
    }

    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// When this process started, milliseconds since the Unix epoch.
    pub fn started_ms(&self) -> i64 {
        self.started_ms
    }

    /// `drain` is cancelled when no further job may be accepted, `now` when
    /// running jobs must end.
    pub fn stop(&self) -> StopSignal {
        self.stop.clone()
    }

    /// Serves both ports until asked to stop. Then it waits for running jobs,
    /// records the remaining ones as interrupted, and ends. The line on stdout
    /// announces that connections are accepted.
    ///
    /// # Errors
    /// When one of the services ends by itself.
    pub async fn serve_until_stopped(self, jobs: JobRegistry) -> Result<(), ServerError> {
        let timeout = self.options.effective_executor_timeout();
        let executors = ExecutorService::new(
            self.ballista.clone(),
            self.tracker.clone(),
            self.reports.clone(),
            &self.instance,
            timeout,
            jobs.clone(),
        );
        let router = self.build_router(&jobs).await;
        let end = CancellationToken::new();
        let mut grpc = tokio::spawn(grpc::serve_grpc(
            self.grpc_listener,
            executors,
            JobServer::new(jobs.clone()),
            end.clone(),
        ));
        let mut http = tokio::spawn(http::serve_until(self.http_listener, router, end.clone()));
        let watch = tokio::spawn(watch_executors(
            self.ballista.clone(),
            self.cluster,
            timeout,
            end.clone(),
        ));
        announce_ports(&self.grpc_address, &self.http_address);

        let result = tokio::select! {
            () = wait_for_drain(&self.stop, &jobs, self.options.drain_timeout) => Ok(()),
            ended = &mut grpc => ended.map_err(ServerError::from).and_then(|ended| ended),
            ended = &mut http => ended.map_err(ServerError::from),
        };
        self.stop.drain.cancel();
        self.stop.now.cancel();
        if jobs.count_active() > 0 {
            tracing::warn!(
                "{} jobs are interrupted; submit them again",
                jobs.count_active()
            );
        }
        if tokio::time::timeout(INTERRUPT_TIMEOUT, jobs.drain_jobs(Duration::ZERO))
            .await
            .is_err()
        {
            tracing::warn!("jobs did not end in time; the next start marks them as interrupted");
        }
        end.cancel();
        // Watchers of jobs get their last event; connections that stay open are
        // not waited for.
        let _ = tokio::time::timeout(END_TIMEOUT, async {
            if result.is_ok() {
                let _ = grpc.await;
                let _ = http.await;
            }
            let _ = watch.await;
        })
        .await;
        tracing::info!("scheduler ends");
        result
    }

    async fn build_router(&self, jobs: &JobRegistry) -> axum::Router {
        let api = ApiState {
            jobs: jobs.clone(),
            ballista: self.ballista.clone(),
            tracker: self.tracker.clone(),
            secrets: self.secrets.clone(),
            started_ms: self.started_ms,
        };
        let executor_cache = ExecutorCache::start_refreshing(&self.ballista, &self.tracker).await;
        let known_hosts = KnownHosts::from_options(&self.options);
        let web = WebState {
            api: api.clone(),
            known_hosts: known_hosts.clone(),
            capacity: CapacityHistory::start_sampling(executor_cache.clone()),
            landing: LandingReader::default(),
            tables: TableReader::default(),
            form_token: uuid::Uuid::new_v4().to_string().into(),
            draining: self.stop.drain.clone(),
            stop: self.stop.now.clone(),
        };
        let (metrics, jobs, executors) =
            (self.metrics.clone(), jobs.clone(), executor_cache.clone());
        let min_executors = self.options.min_executors;
        let draining = self.stop.drain.clone();
        http::probe_routes(Probes {
            ready: Arc::new(move || {
                let active = executor_cache.counts().active;
                if draining.is_cancelled() {
                    Readiness::NotReady("the scheduler is stopping".to_owned())
                } else if active < min_executors as u64 {
                    Readiness::NotReady(format!(
                        "{active} of {min_executors} executors are registered"
                    ))
                } else {
                    Readiness::Ready
                }
            }),
            refresh: Arc::new(move || {
                metrics.refresh_gauges(&jobs.count_by_state(), &executors.counts())
            }),
            registry: self.metrics.registry.clone(),
        })
        .merge(
            api::api_routes(api)
                .merge(web::web_routes(web))
                .layer(from_fn_with_state(known_hosts, refuse_unknown_hosts)),
        )
    }
}

/// Returns when the process should end: it was asked to stop, and either no job
/// runs any more or the time limit has passed.
async fn wait_for_drain(stop: &StopSignal, jobs: &JobRegistry, limit: Duration) {
    stop.drain.cancelled().await;
    if jobs.count_active() > 0 {
        tracing::info!(
            "{} jobs are running, waiting up to {limit:?} for them",
            jobs.count_active()
        );
    }
    tokio::select! {
        () = jobs.drain_jobs(limit) => {}
        () = stop.now.cancelled() => {}
    }
}

/// Prints the one line on stdout.
fn announce_ports(grpc: &HostPort, http: &HostPort) {
    let line = format!("scheduler listening grpc={grpc} http={http}");
    // The parent process may have closed the pipe; that is no reason to end.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
    tracing::info!("{line}");
}
