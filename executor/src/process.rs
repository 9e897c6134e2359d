//! The executor process: starts its parts and stops them in order.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datafusion::execution::runtime_env::RuntimeEnv;
use sluice_engine::session::{self, RuntimeOptions};
use sluice_service::address::HostPort;
use sluice_service::http::{self, Probes, Readiness};
use sluice_service::listen::listen_on;
use sluice_service::memory;
use sluice_service::owned_folder::OwnedFolder;
use sluice_service::signals::StopSignal;
use sluice_storage::{StoreOptions, Stores};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::connection_pool::{self, ConnectionPool};
use crate::error::ExecutorError;
use crate::heartbeat::{Heartbeat, HeartbeatState};
use crate::memory::HeldBytes;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::shuffle::ShuffleData;
use crate::startup::{RegisteredExecutor, start_executor};
use crate::tasks::RunningTasks;

/// The shared parts of one executor process.
pub(crate) struct ExecutorProcess {
    pub(crate) options: Options,
    pub(crate) work_folder: OwnedFolder,
    pub(crate) shuffle: ShuffleData,
    pub(crate) vcores: usize,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) held_bytes: HeldBytes,
    pub(crate) bytes_per_core: usize,
    pub(crate) tasks: RunningTasks,
    pub(crate) metrics: Metrics,
    pub(crate) connections: ConnectionPool,
}

/// Runs an executor until `stop` or until it cannot continue.
///
/// Prints one line on stdout once the scheduler has registered it.
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

    let heartbeat = Heartbeat {
        client: started.client.clone(),
        registration: started.executor.metadata.clone(),
        interval: process.options.effective_heartbeat_interval(),
        tasks: process.tasks.clone(),
        shuffle: process.shuffle.clone(),
        metrics: process.metrics.clone(),
        drain: stop.drain.clone(),
    };
    background.spawn(heartbeat.run_until_dropped(pulse_sender));
    let reason = started
        .run_until_stopped(&process, &stop, pulse.clone())
        .await;
    background.abort_all();
    reason
}

impl ExecutorProcess {
    fn new(options: Options) -> Result<Self, ExecutorError> {
        let folder = OwnedFolder::acquire(&options.work_dir)?;
        let shuffle = ShuffleData::new(folder.recreate_subfolder("shuffle")?);
        let spill = folder.recreate_subfolder("spill")?;
        let vcores = match options.vcores {
            Some(vcores) => usize::from(vcores),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let memory = options.memory.or_else(memory::default_bytes);
        let bytes_per_core = match memory {
            None => usize::MAX,
            Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX) / vcores,
        };
        if bytes_per_core == 0 {
            return Err(ExecutorError::Memory {
                memory: memory.unwrap_or_default(),
                vcores,
            });
        }
        let stores = Stores::new(StoreOptions::from_env());
        let runtime_options = RuntimeOptions {
            spill_dir: Some(&spill),
            memory: None,
        };
        let runtime = session::build_runtime(stores, &runtime_options)?;
        tracing::info!(
            vcores,
            memory = %memory.map_or_else(|| "unlimited".to_owned(), |b| bytesize::ByteSize::b(b).to_string()),
            work_dir = %folder.path().display(),
            "executor starts"
        );
        Ok(Self {
            metrics: Metrics::new(vcores, memory.unwrap_or(0))?,
            options,
            work_folder: folder,
            shuffle,
            vcores,
            runtime,
            held_bytes: HeldBytes::default(),
            bytes_per_core,
            tasks: RunningTasks::default(),
            connections: ConnectionPool::default(),
        })
    }

    pub(crate) fn shuffle_dir(&self) -> String {
        self.work_folder
            .path()
            .join("shuffle")
            .to_string_lossy()
            .into_owned()
    }
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
            if let Err(error) = http::serve_until(listener, http::probe_routes(probes), stop).await
            {
                tracing::error!("{}", ExecutorError::Http(error));
            }
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
        started.executor.metadata.id,
        host = started.host,
    );
    // The parent process may have closed the pipe; that is no reason to end.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
    tracing::info!("{line}");
}
