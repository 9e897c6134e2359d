//! Ids of spans: random ones, except where a span must have the id that another
//! process knows already.

use std::cell::Cell;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

thread_local! {
    static NEXT_ID: Cell<Option<SpanId>> = const { Cell::new(None) };
}

/// Makes the ids of this process's spans.
#[derive(Debug, Default)]
pub(crate) struct SpanIds(RandomIdGenerator);

impl IdGenerator for SpanIds {
    fn new_trace_id(&self) -> TraceId {
        self.0.new_trace_id()
    }

    fn new_span_id(&self) -> SpanId {
        NEXT_ID.take().unwrap_or_else(|| self.0.new_span_id())
    }
}

/// Starts one span by `start`, with this id.
pub(crate) fn with_span_id<T>(id: SpanId, start: impl FnOnce() -> T) -> T {
    NEXT_ID.set(Some(id));
    let started = start();
    // It is still there when the span was not started.
    NEXT_ID.set(None);
    started
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_span_has_a_chosen_id() {
        let ids = SpanIds::default();
        let chosen = SpanId::from_bytes([7; 8]);
        assert_eq!(with_span_id(chosen, || ids.new_span_id()), chosen);
        assert_ne!(ids.new_span_id(), chosen);
        with_span_id(chosen, || ());
        assert_ne!(ids.new_span_id(), chosen);
    }
}
