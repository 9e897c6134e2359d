//! One scheduler process, from taking its ports to its shutdown.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluice_service::address::HostPort;
use sluice_service::folder::OwnedFolder;
use sluice_service::http::{self, Probes, Readiness};
use sluice_service::listen::listen;
use sluice_service::secrets::Secrets;
use sluice_service::signals::Stop;
use sluice_proto::v1::job_service_server::JobService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::api::{self, Api};
use super::ballista::{self, BallistaServer};
use super::cluster::{Cluster, Notes};
use super::error::ServerError;
use super::executors::{self, ExecutorInfo};
use super::grpc::{self, ForExecutors};
use super::metrics::Metrics;
use super::view::JobsView;
use super::watch;
use crate::config::Options;

/// How long interrupted jobs may take to end.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How old the executors may be that the gauges show.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// How long open connections may take to close.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// A scheduler that holds its ports and its state folder and does not serve
/// yet.
pub struct Node {
    options: Options,
    stop: Stop,
    instance: String,
    started_ms: i64,
    folder: OwnedFolder,
    grpc: TcpListener,
    grpc_address: HostPort,
    http: TcpListener,
    http_address: HostPort,
    ballista: BallistaServer,
    cluster: Arc<Cluster>,
    notes: Notes,
    metrics: Metrics,
    secrets: Secrets,
}

/// Takes the state folder and the ports and starts Ballista's scheduler.
/// No request is answered before [`SchedulerProcess::serve_until_stopped`].
///
/// # Errors
/// See [`ServerError`].
pub async fn start(options: Options, stop: Stop) -> Result<Node, ServerError> {
    let folder = OwnedFolder::take(&options.state_dir)?;
    let (grpc, grpc_address) = listen("--bind", &options.bind).await?;
    let (http, http_address) = listen("--http", &options.http).await?;
    let instance = uuid::Uuid::now_v7().to_string();
    let metrics = Metrics::new()?;
    let cluster = Arc::new(Cluster::default());
    let notes = cluster.notes();
    let ballista = ballista::start(
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
    Ok(Node {
        options,
        stop,
        instance,
        started_ms,
        folder,
        grpc,
        grpc_address,
        http,
        http_address,
        ballista,
        cluster,
        notes,
        metrics,
        secrets: Secrets::from_environment(),
    })
}

impl Node {
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Ballista's scheduler, to which plans are submitted.
    pub fn ballista(&self) -> BallistaServer {
        self.ballista.clone()
    }

    /// The folder for job records, locked by this process.
    pub fn state_dir(&self) -> &Path {
        self.folder.path()
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
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    pub async fn executors(&self) -> Vec<ExecutorInfo> {
        executors::all(&self.ballista, &self.notes).await
    }

    /// Serves both ports until asked to stop. Then it waits for running jobs,
    /// records the remaining ones as interrupted, and ends. The line on stdout
    /// announces that connections are accepted.
    ///
    /// `jobs` must refuse submissions once [`Stop::drain`] is cancelled.
    ///
    /// # Errors
    /// When one of the services ends by itself.
    pub async fn serve(
        self,
        jobs: impl JobService,
        view: Arc<dyn JobsView>,
    ) -> Result<(), ServerError> {
        let timeout = self.options.effective_executor_timeout();
        let executors = ForExecutors::new(
            self.ballista.clone(),
            self.notes.clone(),
            &self.instance,
            timeout,
            Arc::clone(&view),
        );
        let router = self.router(&view).await;
        let end = CancellationToken::new();
        let mut grpc = tokio::spawn(grpc::serve(self.grpc, executors, jobs, end.clone()));
        let mut http = tokio::spawn(http::serve(self.http, router, end.clone()));
        let watch = tokio::spawn(watch::run(
            self.ballista.clone(),
            self.cluster,
            timeout,
            end.clone(),
        ));
        announce(&self.grpc_address, &self.http_address);

        let result = tokio::select! {
            () = drained(&self.stop, view.as_ref(), self.options.drain_timeout) => Ok(()),
            ended = &mut grpc => ended.map_err(ServerError::from).and_then(|ended| ended),
            ended = &mut http => ended.map_err(ServerError::from).and_then(|ended| ended.map_err(ServerError::Http)),
        };
        self.stop.drain.cancel();
        self.stop.now.cancel();
        if view.active() > 0 {
            tracing::warn!("{} jobs are interrupted; submit them again", view.active());
        }
        if tokio::time::timeout(INTERRUPT_TIMEOUT, view.drain(Duration::ZERO))
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

    async fn router(&self, view: &Arc<dyn JobsView>) -> axum::Router {
        let api = Api {
            view: Arc::clone(view),
            ballista: self.ballista.clone(),
            notes: self.notes.clone(),
            secrets: self.secrets.clone(),
            started_ms: self.started_ms,
        };
        let known = Known::follow(&self.ballista, &self.notes).await;
        let (metrics, jobs, executors) = (self.metrics.clone(), Arc::clone(view), known.clone());
        let least = self.options.min_executors;
        let draining = self.stop.drain.clone();
        http::routes(Probes {
            ready: Arc::new(move || {
                let there = known.active();
                if draining.is_cancelled() {
                    Readiness::NotReady("the scheduler is stopping".to_owned())
                } else if there < least {
                    Readiness::NotReady(format!("{there} of {least} executors are registered"))
                } else {
                    Readiness::Ready
                }
            }),
            refresh: Arc::new(move || metrics.refresh(&jobs.counts(), &executors.get())),
            registry: self.metrics.registry.clone(),
        })
        .merge(api::routes(api))
    }
}

/// A recent list of the executors, for answers that cannot wait.
#[derive(Clone)]
struct Known(Arc<parking_lot::Mutex<Vec<ExecutorInfo>>>);

impl Known {
    /// Refreshes the list for as long as a clone of the cache exists.
    async fn follow(ballista: &BallistaServer, notes: &Notes) -> Self {
        let known = Self(Arc::new(parking_lot::Mutex::new(
            executors::all(ballista, notes).await,
        )));
        let weak = Arc::downgrade(&known.0);
        let (ballista, notes) = (ballista.clone(), notes.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(REFRESH_EVERY / 4).await;
                let now = executors::all(&ballista, &notes).await;
                match weak.upgrade() {
                    Some(known) => *known.lock() = now,
                    None => return,
                }
            }
        });
        known
    }

    fn get(&self) -> Vec<ExecutorInfo> {
        self.0.lock().clone()
    }

    fn active(&self) -> usize {
        let executors = self.0.lock();
        executors
            .iter()
            .filter(|e| e.state == executors::ExecutorState::Active)
            .count()
    }
}

/// Returns when the process should end: it was asked to stop, and either no job
/// runs any more or the time limit has passed.
async fn drained(stop: &Stop, view: &dyn JobsView, limit: Duration) {
    stop.drain.cancelled().await;
    if view.active() > 0 {
        tracing::info!(
            "{} jobs are running, waiting up to {limit:?} for them",
            view.active()
        );
    }
    tokio::select! {
        () = view.drain(limit) => {}
        () = stop.now.cancelled() => {}
    }
}

/// Prints the one line on stdout.
fn announce(grpc: &HostPort, http: &HostPort) {
    let line = format!("scheduler listening grpc={grpc} http={http}");
    // The parent process may have closed the pipe; that is no reason to end.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
    tracing::info!("{line}");
}
