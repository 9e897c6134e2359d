//! The capacity of the cluster over the last hour.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use parking_lot::Mutex;

use crate::ballista::ExecutorCache;
use crate::pages::CapacitySample;

const INTERVAL: Duration = Duration::from_secs(10);
/// How many samples are kept: an hour.
const MAX_SAMPLES: usize = 360;

/// Samples of the capacity, taken while the scheduler runs. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct CapacityHistory(Arc<Mutex<VecDeque<CapacitySample>>>);

impl CapacityHistory {
    /// Takes a sample now and then, for as long as the process runs.
    pub(super) fn start_sampling(executors: ExecutorCache) -> Self {
        let history = Self::default();
        let samples = history.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(INTERVAL);
            loop {
                interval.tick().await;
                let counts = executors.counts();
                samples.push(CapacitySample {
                    at_ms: Utc::now().timestamp_millis(),
                    vcores: counts.vcores,
                    vcores_busy: counts.vcores.saturating_sub(counts.vcores_free),
                });
            }
        });
        history
    }

    fn push(&self, sample: CapacitySample) {
        let mut samples = self.0.lock();
        if samples.len() == MAX_SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The oldest first.
    pub(super) fn samples(&self) -> Vec<CapacitySample> {
        self.0.lock().iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hour_is_kept() {
        let history = CapacityHistory::default();
        for at_ms in 0..400 {
            history.push(CapacitySample {
                at_ms,
                vcores: 4,
                vcores_busy: 1,
            });
        }
        let samples = history.samples();
        assert_eq!((samples.len(), samples[0].at_ms), (360, 40));
    }
}
