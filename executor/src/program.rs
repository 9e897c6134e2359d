//! The life of an executor: starts its parts, announces its ports, and stops the
//! parts in order.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sluice_service::address::HostPort;
use sluice_service::http::{self, Probes, Readiness};
use sluice_service::listen::listen_on;
use sluice_service::signals::StopSignal;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::connection_pool;
use crate::error::ExecutorError;
use crate::heartbeat::{Heartbeat, HeartbeatState};
use crate::options::Options;
use crate::process::ExecutorProcess;
use crate::registered_executor::RegisteredExecutor;
use crate::reports::Reporter;
use crate::restart::replace_process;
use crate::shuffle::ShuffleData;
use crate::startup::start_executor;
use crate::tasks::RunningTasks;

/// Runs an executor until `stop` or until it cannot continue.
///
/// Prints one line on stdout once the scheduler has registered it. When a task
/// cannot be stopped, the process replaces itself and this does not return.
///
/// # Errors
/// See [`ExecutorError`]. Being stopped while tasks still run is also an error.
pub async fn run_executor(options: Options, stop: StopSignal) -> Result<(), ExecutorError> {
    let process = ExecutorProcess::new(options)?;
    let (listener, http_address) = match &process.options.http {
        Some(address) => listen_on("--http", address)
            .await
            .map(|(l, a)| (Some(l), Some(a)))?,
        None => (None, None),
    };
    let _memory_watch_stop = start_memory_watch(&process)?;
    let (pulse_sender, pulse) = watch::channel(HeartbeatState::default());
    let mut background = BackgroundTasks::default();
    if let Some(listener) = listener {
        background.serve_http(&process, listener, pulse.clone());
    }
    background.spawn(connection_pool::evict_periodically(
        process.connections.clone(),
    ));
    background.spawn(sweep_periodically(
        process.shuffle.clone(),
        process.tasks.clone(),
        process.options.shuffle_ttl,
    ));

    let started = tokio::select! {
        started = start_executor(&process, &stop) => started?,
        () = stop.drain.cancelled() => return Ok(()),
    };
    announce_ports(&process, &started, http_address.as_ref());

    background.spawn(started.disk.clone().check_periodically());
    let reporter = Reporter {
        client: started.client.clone(),
        executor_id: started.registration.id.clone(),
        reports: started.reports.clone(),
        disk: started.disk.clone(),
    };
    background.spawn(reporter.run_until_dropped());
    let heartbeat = Heartbeat {
        client: started.client.clone(),
        registration: started.registration.clone(),
        interval: process.options.effective_heartbeat_interval(),
        tasks: process.tasks.clone(),
        reports: started.reports.clone(),
        disk: started.disk.clone(),
        shuffle: process.shuffle.clone(),
        metrics: process.metrics.clone(),
        drain: stop.drain.clone(),
    };
    background.spawn(heartbeat.run_until_dropped(pulse_sender));
    let reason = started
        .run_until_stopped(&process, &stop, pulse.clone())
        .await;
    background.abort_all();
    match reason {
        Err(reason @ (ExecutorError::Stuck { .. } | ExecutorError::MemoryHeld)) => {
            tracing::warn!("{reason}; this process replaces itself with a new one");
            let source = replace_process();
            Err(ExecutorError::Restart {
                reason: Box::new(reason),
                source,
            })
        }
        reason => reason,
    }
}

/// Starts the watch over the memory of this process, until the guard is dropped.
fn start_memory_watch(process: &ExecutorProcess) -> Result<DropGuard, ExecutorError> {
    let stop = CancellationToken::new();
    if let Some(limits) = process.memory_limits {
        let watch = &process.memory_watch;
        watch
            .start(
                limits,
                process.tasks.clone(),
                process.metrics.clone(),
                stop.clone(),
            )
            .map_err(ExecutorError::MemoryWatch)?;
    }
    Ok(stop.drop_guard())
}

/// Everything that runs next to the services and ends with them.
#[derive(Default)]
struct BackgroundTasks {
    handles: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl BackgroundTasks {
    fn spawn(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.handles.push(tokio::spawn(work));
    }

    fn serve_http(
        &mut self,
        process: &ExecutorProcess,
        listener: TcpListener,
        pulse: watch::Receiver<HeartbeatState>,
    ) {
        let (metrics, tasks) = (process.metrics.clone(), process.tasks.clone());
        let (held, runtime) = (
            Arc::clone(&process.held_bytes),
            Arc::clone(&process.runtime),
        );
        let probes = Probes {
            ready: Arc::new(move || match pulse.borrow().connected {
                true => Readiness::Ready,
                false => Readiness::NotReady("the scheduler does not answer".to_owned()),
            }),
            registry: metrics.registry.clone(),
            refresh: Arc::new(move || metrics.refresh_gauges(&tasks, &held, &runtime)),
        };
        let stop = self.stop.clone();
        self.spawn(async move {
            http::serve_until(listener, http::probe_routes(probes), stop).await;
        });
    }

    fn abort_all(self) {
        self.stop.cancel();
        for handle in self.handles {
            handle.abort();
        }
    }
}

async fn sweep_periodically(shuffle: ShuffleData, tasks: RunningTasks, ttl: Duration) {
    let every = (ttl / 10).clamp(Duration::from_secs(1), Duration::from_secs(600));
    loop {
        tokio::time::sleep(every).await;
        let (shuffle, tasks) = (shuffle.clone(), tasks.clone());
        let swept = tokio::task::spawn_blocking(move || {
            shuffle.remove_untouched(&tasks, ttl, SystemTime::now())
        });
        if let Ok(removed @ 1..) = swept.await {
            tracing::info!(
                "removed the data of {removed} jobs that were not written to for {ttl:?}"
            );
        }
    }
}

/// Prints the one line on stdout.
fn announce_ports(
    process: &ExecutorProcess,
    started: &RegisteredExecutor,
    http: Option<&HostPort>,
) {
    let http = http
        .map(|address| format!(" http={address}"))
        .unwrap_or_default();
    let line = format!(
        "executor listening flight={host}:{} grpc={host}:{} scheduler={} id={}{http}",
        started.flight_port,
        started.grpc_port,
        process.options.scheduler,
        started.registration.id,
        host = started.host,
    );
    // The parent process may have closed the pipe; that is no reason to end.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
    tracing::info!("{line}");
}
