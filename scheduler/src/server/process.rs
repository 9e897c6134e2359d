//! One scheduler process, from taking its ports to its shutdown.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluice_proto::v1::job_service_server::JobService;
use sluice_service::address::HostPort;
use sluice_service::http::{self, Probes, Readiness};
use sluice_service::listen::listen_on;
use sluice_service::owned_folder::OwnedFolder;
use sluice_service::secrets::Secrets;
use sluice_service::signals::StopSignal;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::api::{self, ApiState};
use super::ballista::{self, BallistaServer};
use super::error::ServerError;
use super::executor_tracker::{ExecutorTracker, TrackedClusterState};
use super::executors::{self, ExecutorInfo};
use super::failure_detector;
use super::grpc::{self, ExecutorService};
use super::metrics::Metrics;
use super::view::JobsView;
use crate::options::Options;

/// How long interrupted jobs may take to end.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How old the executors may be that the gauges show.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
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
    cluster: Arc<TrackedClusterState>,
    tracker: ExecutorTracker,
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
    let notes = cluster.tracker();
    let ballista = ballista::start_ballista(
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
        cluster,
        tracker: notes,
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

    pub async fn executors(&self) -> Vec<ExecutorInfo> {
        executors::list_executors(&self.ballista, &self.tracker).await
    }

    /// Serves both ports until asked to stop. Then it waits for running jobs,
    /// records the remaining ones as interrupted, and ends. The line on stdout
    /// announces that connections are accepted.
    ///
    /// `jobs` must refuse submissions once `StopSignals::drain_jobs` is cancelled.
    ///
    /// # Errors
    /// When one of the services ends by itself.
    pub async fn serve_until_stopped(
        self,
        jobs: impl JobService,
        view: Arc<dyn JobsView>,
    ) -> Result<(), ServerError> {
        let timeout = self.options.effective_executor_timeout();
        let executors = ExecutorService::new(
            self.ballista.clone(),
            self.tracker.clone(),
            &self.instance,
            timeout,
            Arc::clone(&view),
        );
        let router = self.build_router(&view).await;
        let end = CancellationToken::new();
        let mut grpc = tokio::spawn(grpc::serve_grpc(
            self.grpc_listener,
            executors,
            jobs,
            end.clone(),
        ));
        let mut http = tokio::spawn(http::serve_until(self.http_listener, router, end.clone()));
        let watch = tokio::spawn(failure_detector::watch_executors(
            self.ballista.clone(),
            self.cluster,
            timeout,
            end.clone(),
        ));
        announce_ports(&self.grpc_address, &self.http_address);

        let result = tokio::select! {
            () = wait_for_drain(&self.stop, view.as_ref(), self.options.drain_timeout) => Ok(()),
            ended = &mut grpc => ended.map_err(ServerError::from).and_then(|ended| ended),
            ended = &mut http => ended.map_err(ServerError::from).and_then(|ended| ended.map_err(ServerError::Http)),
        };
        self.stop.drain.cancel();
        self.stop.now.cancel();
        if view.count_active() > 0 {
            tracing::warn!(
                "{} jobs are interrupted; submit them again",
                view.count_active()
            );
        }
        if tokio::time::timeout(INTERRUPT_TIMEOUT, view.drain_jobs(Duration::ZERO))
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

    async fn build_router(&self, view: &Arc<dyn JobsView>) -> axum::Router {
        let api = ApiState {
            jobs: Arc::clone(view),
            ballista: self.ballista.clone(),
            tracker: self.tracker.clone(),
            secrets: self.secrets.clone(),
            started_ms: self.started_ms,
        };
        let executor_cache = ExecutorCache::start_refreshing(&self.ballista, &self.tracker).await;
        let (metrics, jobs, executors) = (
            self.metrics.clone(),
            Arc::clone(view),
            executor_cache.clone(),
        );
        let min_executors = self.options.min_executors;
        let draining = self.stop.drain.clone();
        http::probe_routes(Probes {
            ready: Arc::new(move || {
                let active = executor_cache.active_count();
                if draining.is_cancelled() {
                    Readiness::NotReady("the scheduler is stopping".to_owned())
                } else if active < min_executors {
                    Readiness::NotReady(format!(
                        "{active} of {min_executors} executors are registered"
                    ))
                } else {
                    Readiness::Ready
                }
            }),
            refresh: Arc::new(move || {
                metrics.refresh_gauges(&jobs.count_by_state(), &executors.executors())
            }),
            registry: self.metrics.registry.clone(),
        })
        .merge(api::api_routes(api))
    }
}

/// A recent list of the executors, for answers that cannot wait.
#[derive(Clone)]
struct ExecutorCache(Arc<parking_lot::Mutex<Vec<ExecutorInfo>>>);

impl ExecutorCache {
    /// Refreshes the list for as long as a clone of the cache exists.
    async fn start_refreshing(ballista: &BallistaServer, notes: &ExecutorTracker) -> Self {
        let known = Self(Arc::new(parking_lot::Mutex::new(
            executors::list_executors(ballista, notes).await,
        )));
        let weak = Arc::downgrade(&known.0);
        let (ballista, notes) = (ballista.clone(), notes.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(REFRESH_EVERY / 4).await;
                let now = executors::list_executors(&ballista, &notes).await;
                match weak.upgrade() {
                    Some(known) => *known.lock() = now,
                    None => return,
                }
            }
        });
        known
    }

    fn executors(&self) -> Vec<ExecutorInfo> {
        self.0.lock().clone()
    }

    fn active_count(&self) -> usize {
        let executors = self.0.lock();
        executors
            .iter()
            .filter(|e| e.state == executors::ExecutorState::Active)
            .count()
    }
}

/// Returns when the process should end: it was asked to stop, and either no job
/// runs any more or the time limit has passed.
async fn wait_for_drain(stop: &StopSignal, view: &dyn JobsView, limit: Duration) {
    stop.drain.cancelled().await;
    if view.count_active() > 0 {
        tracing::info!(
            "{} jobs are running, waiting up to {limit:?} for them",
            view.count_active()
        );
    }
    tokio::select! {
        () = view.drain_jobs(limit) => {}
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
