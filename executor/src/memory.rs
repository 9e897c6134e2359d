//! The memory that tasks may hold, divided by core.
//!
//! Each task gets a separate pool, sized by the cores that it occupies, so that
//! no task can take the share of another. Within the pool, operators that can
//! spill share fairly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::Result;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use sluice_engine::spill_pool::SpillPool;
use sluice_service::task_memory::TaskMemory;

/// The bytes that the pools of all tasks hold together.
pub(crate) type HeldBytes = Arc<AtomicUsize>;

/// Creates the runtime of each task: it shares object stores, caches and spill
/// folder with the process, and has a separate memory pool.
pub(crate) struct TaskRuntimes {
    base: Arc<RuntimeEnv>,
    bytes_per_core: usize,
    held_bytes: HeldBytes,
}

impl TaskRuntimes {
    pub(crate) fn new(base: Arc<RuntimeEnv>, bytes_per_core: usize, held_bytes: HeldBytes) -> Self {
        Self {
            base,
            bytes_per_core,
            held_bytes,
        }
    }

    /// The runtime of a task that occupies `cores`.
    pub(crate) fn create_runtime(
        &self,
        cores: u32,
        task: &Arc<TaskMemory>,
    ) -> Result<Arc<RuntimeEnv>> {
        let cores = usize::try_from(cores.max(1)).unwrap_or(1);
        let pool = CountedPool {
            inner: SpillPool::new(self.bytes_per_core.saturating_mul(cores)),
            held_bytes: Arc::clone(&self.held_bytes),
            task: Arc::clone(task),
        };
        RuntimeEnvBuilder::from_runtime_env(&self.base)
            .with_memory_pool(Arc::new(pool))
            .build_arc()
    }
}

/// A pool that also counts for its task and for the process.
#[derive(Debug)]
struct CountedPool {
    inner: SpillPool,
    held_bytes: HeldBytes,
    task: Arc<TaskMemory>,
}

impl CountedPool {
    fn add(&self, bytes: usize) {
        self.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.task.reserved.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.task.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl std::fmt::Display for CountedPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.inner, f)
    }
}

impl MemoryPool for CountedPool {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.inner.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.inner.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.inner.grow(reservation, additional);
        self.add(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.inner.shrink(reservation, shrink);
        self.subtract(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.inner.try_grow(reservation, additional)?;
        self.add(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.inner.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.inner.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_gets_the_share_of_its_cores_and_what_it_holds_is_counted() {
        let held = HeldBytes::default();
        let runtimes = TaskRuntimes::new(Arc::new(RuntimeEnv::default()), 1000, Arc::clone(&held));
        let (first_task, second_task) = <(Arc<TaskMemory>, Arc<TaskMemory>)>::default();
        let one = runtimes.create_runtime(1, &first_task).unwrap();
        let two = runtimes.create_runtime(2, &second_task).unwrap();
        assert!(matches!(
            one.memory_pool.memory_limit(),
            MemoryLimit::Finite(1000)
        ));
        assert!(matches!(
            two.memory_pool.memory_limit(),
            MemoryLimit::Finite(2000)
        ));
        let first = MemoryConsumer::new("a").register(&one.memory_pool);
        let second = MemoryConsumer::new("b").register(&two.memory_pool);
        first.try_grow(600).unwrap();
        second.try_grow(1500).unwrap();
        assert!(first.try_grow(600).is_err());
        assert_eq!(held.load(Ordering::Relaxed), 2100);
        assert_eq!(first_task.held_bytes(), 600);
        assert_eq!(second_task.held_bytes(), 1500);
        drop((first, second));
        assert_eq!(held.load(Ordering::Relaxed), 0);
        assert_eq!(first_task.held_bytes(), 0);
    }
}
