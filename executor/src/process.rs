//! What the parts of one executor process share.

use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use sluice_engine::session::{self, RuntimeOptions};
use sluice_service::memory;
use sluice_service::memory_limits::ProcessLimits;
use sluice_service::owned_folder::OwnedFolder;
use sluice_storage::{StoreOptions, Stores};
use tokio::runtime::Handle;

use crate::connection_pool::ConnectionPool;
use crate::error::ExecutorError;
use crate::memory::HeldBytes;
use crate::memory_watch::MemoryWatch;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::shuffle::ShuffleData;
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
    pub(crate) memory_limits: Option<ProcessLimits>,
    pub(crate) memory_watch: MemoryWatch,
    pub(crate) tasks: RunningTasks,
    pub(crate) metrics: Metrics,
    pub(crate) connections: ConnectionPool,
}

impl ExecutorProcess {
    /// Takes the work folder. Must be called on the runtime of the process.
    pub(crate) fn new(options: Options) -> Result<Self, ExecutorError> {
        let folder = OwnedFolder::acquire(&options.work_dir)?;
        let shuffle = ShuffleData::new(folder.recreate_subfolder("shuffle")?);
        let spill = folder.recreate_subfolder("spill")?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let vcores = options.vcores.map_or(cores, usize::from);
        let default_memory = || memory::default_bytes_for_cores(vcores, cores);
        let memory = options.memory.or_else(default_memory);
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
        // Tasks run on threads of their own and share the stores' connections.
        let io_runtime = Handle::current();
        let mut store_options = StoreOptions::from_env();
        store_options.io_runtime = Some(io_runtime.clone());
        let stores = Stores::new(store_options);
        let runtime_options = RuntimeOptions {
            spill_dir: Some(&spill),
            memory: None,
            memory_per_task: memory.map(|_| bytes_per_core),
        };
        let runtime = session::build_runtime(stores, &runtime_options)?;
        // By default, also what the process holds in addition fits into its share.
        let available = memory::available_bytes();
        let share = match options.memory {
            Some(_) => available,
            None => memory::share_bytes(vcores, cores),
        };
        let limits = memory.map(|bytes| ProcessLimits::of_share(bytes, share, available));
        let describe = |bytes: Option<u64>| {
            bytes.map_or_else(
                || "unlimited".to_owned(),
                |b| bytesize::ByteSize::b(b).to_string(),
            )
        };
        tracing::info!(
            vcores,
            memory = %describe(memory),
            process_memory = %describe(limits.map(|limits| limits.max)),
            work_dir = %folder.path().display(),
            "executor starts"
        );
        Ok(Self {
            metrics: Metrics::new(
                vcores,
                memory.unwrap_or(0),
                limits.map_or(0, |limits| limits.max),
            )?,
            memory_limits: limits,
            memory_watch: MemoryWatch::default(),
            options,
            work_folder: folder,
            shuffle,
            vcores,
            runtime,
            held_bytes: HeldBytes::default(),
            bytes_per_core,
            tasks: RunningTasks::default(),
            connections: ConnectionPool::new(io_runtime),
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
