//! Logs how much a batch has read while it is being read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sluice_service::format::{format_bytes, group_thousands};

/// How often progress is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Counters that the reading thread updates.
#[derive(Debug, Default)]
pub(crate) struct ReadCounters {
    records: AtomicU64,
    bytes: AtomicU64,
}

impl ReadCounters {
    /// Stores what the batch has read so far: records, and bytes of their values.
    pub(crate) fn set_counts(&self, records: u64, bytes: u64) {
        self.records.store(records, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    fn load_counts(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.records), read(&self.bytes))
    }
}

/// Waits for a batch, and logs its progress every few seconds.
pub(crate) async fn log_progress<T>(
    topic: &str,
    counters: &ReadCounters,
    batch: impl Future<Output = T>,
) -> T {
    let mut batch = std::pin::pin!(batch);
    let (mut last_records, mut last_logged_at) = (0, Instant::now());
    loop {
        tokio::select! {
            done = &mut batch => return done,
            () = tokio::time::sleep(LOG_INTERVAL) => {}
        }
        let (records, read_bytes) = counters.load_counts();
        let rate =
            records.saturating_sub(last_records) as f64 / last_logged_at.elapsed().as_secs_f64();
        (last_records, last_logged_at) = (records, Instant::now());
        tracing::info!(
            topic,
            "reading: {} records, {}, {} records/s",
            group_thousands(records),
            format_bytes(read_bytes),
            group_thousands(rate as u64)
        );
    }
}
