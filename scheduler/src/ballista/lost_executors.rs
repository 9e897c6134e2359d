//! The executors that were registered and are not any longer.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

/// How many are remembered.
const MAX_LOST: usize = 100;

/// An executor that is not registered any longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LostExecutor {
    pub id: String,
    /// Where it received tasks.
    pub address: String,
    pub vcores: u32,
    /// When it was removed, milliseconds since the Unix epoch.
    pub lost_ms: i64,
    /// Why, as the scheduler saw it or the executor said.
    pub reason: String,
    /// Tasks that it had and that run elsewhere now.
    pub tasks: u64,
}

#[derive(Debug, Default)]
struct LostState {
    /// Why executors are about to be removed, by id.
    reasons: HashMap<String, String>,
    /// The newest last.
    lost: VecDeque<LostExecutor>,
    /// Also those that are forgotten.
    count: u64,
}

/// The latest executors that were lost. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct LostExecutors(Arc<Mutex<LostState>>);

impl LostExecutors {
    /// An executor that is registered is about to be removed; the first reason counts.
    pub(super) fn set_reason(&self, id: &str, reason: &str) {
        let reasons = &mut self.0.lock().reasons;
        reasons.entry(id.to_owned()).or_insert(reason.to_owned());
    }

    /// An executor was removed; `lost` is without its reason.
    pub(super) fn push(&self, mut lost: LostExecutor) {
        let mut state = self.0.lock();
        let reason = state.reasons.remove(&lost.id);
        lost.reason = match reason {
            Some(reason) if !reason.is_empty() => reason,
            _ => "removed by the scheduler".to_owned(),
        };
        state.count += 1;
        if state.lost.len() == MAX_LOST {
            state.lost.pop_front();
        }
        state.lost.push_back(lost);
    }

    /// How many were lost, ever.
    pub(super) fn count(&self) -> u64 {
        self.0.lock().count
    }

    /// The newest first.
    pub(super) fn list(&self) -> Vec<LostExecutor> {
        self.0.lock().lost.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(id: &str) -> LostExecutor {
        LostExecutor {
            id: id.to_owned(),
            address: format!("{id}:1"),
            vcores: 2,
            lost_ms: 5,
            reason: String::new(),
            tasks: 1,
        }
    }

    #[test]
    fn the_first_reason_counts_and_the_oldest_are_forgotten() {
        let executors = LostExecutors::default();
        executors.set_reason("a", "silent for too long");
        executors.set_reason("a", "connection broken");
        executors.push(lost("a"));
        executors.push(lost("b"));
        let reasons: Vec<String> = (executors.list().into_iter())
            .map(|executor| executor.reason)
            .collect();
        assert_eq!(reasons, ["removed by the scheduler", "silent for too long"]);
        for number in 0..MAX_LOST {
            executors.push(lost(&number.to_string()));
        }
        let ids: Vec<String> = (executors.list().into_iter())
            .map(|executor| executor.id)
            .collect();
        assert_eq!((ids.len(), ids[0].as_str()), (MAX_LOST, "99"));
        assert_eq!(executors.count(), 2 + MAX_LOST as u64);
        assert!(!ids.contains(&"a".to_owned()));
    }
}
