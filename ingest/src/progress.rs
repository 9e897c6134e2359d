//! Logs how much a batch has read while it is being read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sluice_service::format::{bytes, grouped};

/// How often progress is logged.
const EVERY: Duration = Duration::from_secs(5);

/// Counters that the reading thread updates.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    records: AtomicU64,
    bytes: AtomicU64,
}

impl Meter {
    /// Stores what the batch has read so far: records, and bytes of their values.
    pub(crate) fn set(&self, records: u64, bytes: u64) {
        self.records.store(records, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    fn get(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.records), read(&self.bytes))
    }
}

/// Waits for a batch, and logs its progress every few seconds.
pub(crate) async fn watch<T>(topic: &str, meter: &Meter, batch: impl Future<Output = T>) -> T {
    let mut batch = std::pin::pin!(batch);
    let (mut last, mut at) = (0, Instant::now());
    loop {
        tokio::select! {
            done = &mut batch => return done,
            () = tokio::time::sleep(EVERY) => {}
        }
        let (records, read) = meter.get();
        let rate = records.saturating_sub(last) as f64 / at.elapsed().as_secs_f64();
        (last, at) = (records, Instant::now());
        tracing::info!(
            topic,
            "reading: {} records, {}, {} records/s",
            grouped(records),
            bytes(read),
            grouped(rate as u64)
        );
    }
}
