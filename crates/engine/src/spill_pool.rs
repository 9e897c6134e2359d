//! A memory pool that leaves sorts the room to merge what they hold.
//!
//! DataFusion's sort reserves about twice the size of the batches that it collects.
//! When it gets no more, it sorts each batch, and merges all of them into one file at
//! once. For that it holds all batches and, in addition, the keys of all rows in the
//! form in which they are compared. Keys may have several times the size of the rows:
//! two short columns, or an expression over columns that are stored once. Where the
//! sort's share was used up before, there is no room for them, and the merge fails.
//! So this pool stops a sort at half of its share. Where that does not suffice, as for rows
//! of one number with several keys, the step is repeated with a plan for low memory, whose
//! sorts do not merge in memory.
//!
//! Otherwise it does what DataFusion's `FairSpillPool` does: operators that can spill
//! have equal shares of what the others have left.

use std::fmt;

use datafusion::common::resources_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size,
};
use parking_lot::Mutex;

/// How DataFusion's sort names what it collects.
const SORT_CONSUMER: &str = "ExternalSorter[";
/// A run that is merged needs about so much: four batches of 2 MiB.
const MERGED_RUN_BYTES: usize = 8 * 1024 * 1024;
/// How many runs are merged at a time.
const MIN_FAN_IN: usize = 4;
const MAX_FAN_IN: usize = 128;

/// How many sorted files are merged at a time by an operator that has this much
/// memory with others: without a limit, the first merge takes all.
pub(crate) fn merge_fan_in(bytes: usize) -> usize {
    (bytes / MERGED_RUN_BYTES).clamp(MIN_FAN_IN, MAX_FAN_IN)
}

/// A pool of a fixed size for operators that spill.
#[derive(Debug)]
pub struct SpillPool {
    size: usize,
    state: Mutex<PoolState>,
}

#[derive(Debug, Default)]
struct PoolState {
    /// How many consumers can spill.
    spilling: usize,
    /// What they hold.
    spillable: usize,
    /// What all others hold.
    unspillable: usize,
}

impl PoolState {
    fn held(&mut self, can_spill: bool) -> &mut usize {
        if can_spill {
            &mut self.spillable
        } else {
            &mut self.unspillable
        }
    }

    /// How many bytes a reservation of `held` bytes may have in all.
    fn limit(&self, size: usize, consumer: &MemoryConsumer, held: usize) -> usize {
        let for_spilling = size.saturating_sub(self.unspillable);
        if !consumer.can_spill() {
            return held.saturating_add(for_spilling.saturating_sub(self.spillable));
        }
        let share = for_spilling / self.spilling.max(1);
        // The first batch must be taken: a sort without any cannot spill.
        if !consumer.name().starts_with(SORT_CONSUMER) || held == 0 {
            return share;
        }
        // While a sort merges, what it has merged counts, too, and is written to disk
        // as soon as it gets no more.
        let free = for_spilling.saturating_sub(self.spillable);
        (share / 2).min(held.saturating_add(free.saturating_sub(size / 4)))
    }
}

impl SpillPool {
    pub fn new(size: usize) -> Self {
        Self {
            size,
            state: Mutex::new(PoolState::default()),
        }
    }

    fn refuse(
        &self,
        consumer: &MemoryConsumer,
        held: usize,
        additional: usize,
        limit: usize,
    ) -> DataFusionError {
        resources_datafusion_err!(
            "{} needs {} more in addition to {}, and may have {} of {} now",
            consumer.name(),
            human_readable_size(additional),
            human_readable_size(held),
            human_readable_size(limit),
            human_readable_size(self.size)
        )
    }
}

impl fmt::Display for SpillPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spill(pool_size: {})", human_readable_size(self.size))
    }
}

impl MemoryPool for SpillPool {
    fn name(&self) -> &str {
        "spill"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.state.lock().spilling += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            let mut state = self.state.lock();
            state.spilling = state.spilling.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let can_spill = reservation.consumer().can_spill();
        *self.state.lock().held(can_spill) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let can_spill = reservation.consumer().can_spill();
        let mut state = self.state.lock();
        let held = state.held(can_spill);
        *held = held.saturating_sub(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let consumer = reservation.consumer();
        let held = reservation.size();
        let mut state = self.state.lock();
        let limit = state.limit(self.size, consumer, held);
        if held.saturating_add(additional) > limit {
            drop(state);
            return Err(self.refuse(consumer, held, additional, limit));
        }
        *state.held(consumer.can_spill()) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        let state = self.state.lock();
        state.spillable + state.unspillable
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.size)
    }
}

#[cfg(test)]
mod tests;
