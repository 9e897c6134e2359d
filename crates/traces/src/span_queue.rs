//! The bound of what waits for its export: a collector that is slow or down costs
//! spans, never time or memory of a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanProcessor};

/// How many spans wait, and how many were dropped.
#[derive(Debug)]
pub(crate) struct QueueCounts {
    waiting: AtomicUsize,
    max: usize,
    dropped: AtomicU64,
}

impl QueueCounts {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            max,
            dropped: AtomicU64::new(0),
        }
    }

    /// Whether there is a place for another span, which it then has.
    pub(crate) fn enter(&self) -> bool {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.max {
            return true;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if self.count_dropped(1) {
            let max = self.max;
            tracing::warn!(
                "more than {max} spans wait for their export; further ones are dropped while the collector is slower"
            );
        }
        false
    }

    /// Spans have been exported, or could not be.
    pub(crate) fn leave(&self, count: usize) {
        self.waiting.fetch_sub(count, Ordering::Relaxed);
    }

    /// Whether these were the first.
    pub(crate) fn count_dropped(&self, count: usize) -> bool {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed) == 0
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Hands spans to the thread that exports them, as long as few enough wait.
#[derive(Debug)]
pub(crate) struct BoundedQueue {
    pub(crate) inner: BatchSpanProcessor,
    pub(crate) counts: Arc<QueueCounts>,
}

impl SpanProcessor for BoundedQueue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.counts.enter() {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let counts = QueueCounts::new(2);
        assert!(counts.enter() && counts.enter());
        assert!(!counts.enter() && !counts.enter());
        assert_eq!(counts.dropped(), 2);
        counts.leave(2);
        assert!(counts.enter());
    }
}
