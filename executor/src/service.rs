//! The executor process: starts its parts and stops them in order.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datafusion::execution::runtime_env::RuntimeEnv;
use sluice_engine::session::{self, RuntimeOptions};
use sluice_service::address::HostPort;
use sluice_service::folder::OwnedFolder;
use sluice_service::http::{self, Probes, Readiness};
use sluice_service::listen::listen;
use sluice_service::memory;
use sluice_service::signals::Stop;
use sluice_storage::{StoreOptions, Stores};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::ExecutorError;
use crate::fetch::{self, Connections};
use crate::heartbeat::{Heartbeat, Pulse};
use crate::memory::Held;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::shuffle::Shuffle;
use crate::started::{Started, start};
use crate::tasks::Tasks;

/// The shared parts of one executor process.
pub(crate) struct Process {
    pub(crate) options: Options,
    pub(crate) folder: OwnedFolder,
    pub(crate) shuffle: Shuffle,
    pub(crate) vcores: usize,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) held: Held,
    pub(crate) share: usize,
    pub(crate) tasks: Tasks,
    pub(crate) metrics: Metrics,
    pub(crate) connections: Connections,
}

/// Runs an executor until `stop` or until it cannot continue.
///
/// Prints one line on stdout once the scheduler has registered it.
///
/// # Errors
/// See [`ExecutorError`]. Being stopped while tasks still run is also an error.
pub async fn run_until(options: Options, stop: Stop) -> Result<(), ExecutorError> {
    let process = Process::new(options)?;
    let (listener, http) = match &process.options.http {
        Some(address) => listen("--http", address)
            .await
            .map(|(l, a)| (Some(l), Some(a)))?,
        None => (None, None),
    };
    let (pulse_sender, pulse) = watch::channel(Pulse::default());
    let mut background = Background::default();
    if let Some(listener) = listener {
        background.http(&process, listener, pulse.clone());
    }
    background.spawn(fetch::evict(process.connections.clone()));
    background.spawn(sweep(
        process.shuffle.clone(),
        process.tasks.clone(),
        process.options.shuffle_ttl,
    ));

    let started = tokio::select! {
        started = start(&process, &stop) => started?,
        () = stop.drain.cancelled() => return Ok(()),
    };
    announce(&process, &started, http.as_ref());

    let heartbeat = Heartbeat {
        client: started.client.clone(),
        registration: started.executor.metadata.clone(),
        interval: process.options.heartbeat(),
        tasks: process.tasks.clone(),
        shuffle: process.shuffle.clone(),
        metrics: process.metrics.clone(),
        drain: stop.drain.clone(),
    };
    background.spawn(heartbeat.run(pulse_sender));
    let reason = started.run(&process, &stop, pulse.clone()).await;
    background.stop();
    reason
}

impl Process {
    fn new(options: Options) -> Result<Self, ExecutorError> {
        let folder = OwnedFolder::take(&options.work_dir)?;
        let shuffle = Shuffle::new(folder.fresh("shuffle")?);
        let spill = folder.fresh("spill")?;
        let vcores = match options.vcores {
            Some(vcores) => usize::from(vcores),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let memory = options.memory.or_else(memory::default_bytes);
        let share = match memory {
            None => usize::MAX,
            Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX) / vcores,
        };
        if share == 0 {
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
        let runtime = session::runtime(stores, &runtime_options)?;
        tracing::info!(
            vcores,
            memory = %memory.map_or_else(|| "unlimited".to_owned(), |b| bytesize::ByteSize::b(b).to_string()),
            work_dir = %folder.path().display(),
            "executor starts"
        );
        Ok(Self {
            metrics: Metrics::new(vcores, memory.unwrap_or(0))?,
            options,
            folder,
            shuffle,
            vcores,
            runtime,
            held: Held::default(),
            share,
            tasks: Tasks::default(),
            connections: Connections::default(),
        })
    }

    pub(crate) fn shuffle_dir(&self) -> String {
        self.folder
            .path()
            .join("shuffle")
            .to_string_lossy()
            .into_owned()
    }
}

/// Everything that runs next to the services and ends with them.
#[derive(Default)]
struct Background {
    handles: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Background {
    fn spawn(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.handles.push(tokio::spawn(work));
    }

    fn http(&mut self, process: &Process, listener: TcpListener, pulse: watch::Receiver<Pulse>) {
        let (metrics, tasks) = (process.metrics.clone(), process.tasks.clone());
        let (held, runtime) = (Arc::clone(&process.held), Arc::clone(&process.runtime));
        let probes = Probes {
            ready: Arc::new(move || match pulse.borrow().connected {
                true => Readiness::Ready,
                false => Readiness::NotReady("the scheduler does not answer".to_owned()),
            }),
            registry: metrics.registry.clone(),
            refresh: Arc::new(move || metrics.refresh(&tasks, &held, &runtime)),
        };
        let stop = self.stop.clone();
        self.spawn(async move {
            if let Err(error) = http::serve(listener, http::routes(probes), stop).await {
                tracing::error!("{}", ExecutorError::Http(error));
            }
        });
    }

    fn stop(self) {
        self.stop.cancel();
        for handle in self.handles {
            handle.abort();
        }
    }
}

async fn sweep(shuffle: Shuffle, tasks: Tasks, ttl: Duration) {
    let every = (ttl / 10).clamp(Duration::from_secs(1), Duration::from_secs(600));
    loop {
        tokio::time::sleep(every).await;
        let (shuffle, tasks) = (shuffle.clone(), tasks.clone());
        let swept =
            tokio::task::spawn_blocking(move || shuffle.sweep(&tasks, ttl, SystemTime::now()));
        if let Ok(removed @ 1..) = swept.await {
            tracing::info!(
                "removed the data of {removed} jobs that were not written to for {ttl:?}"
            );
        }
    }
}

/// Prints the one line on stdout.
fn announce(process: &Process, started: &Started, http: Option<&HostPort>) {
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
