//! What the parts of one executor process share.

use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use sluice_engine::session::{self, RuntimeOptions};
use sluice_service::memory;
use sluice_service::owned_folder::OwnedFolder;
use sluice_storage::{StoreOptions, Stores};

use crate::connection_pool::ConnectionPool;
use crate::error::ExecutorError;
use crate::memory::HeldBytes;
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
    pub(crate) tasks: RunningTasks,
    pub(crate) metrics: Metrics,
    pub(crate) connections: ConnectionPool,
}

impl ExecutorProcess {
    pub(crate) fn new(options: Options) -> Result<Self, ExecutorError> {
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
