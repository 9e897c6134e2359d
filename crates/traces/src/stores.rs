//! Spans of calls of object stores.

use std::sync::Arc;

use instrumented_object_store::instrument_object_store;
use object_store::ObjectStore;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{DynFilterFn, Filtered, LevelFilter, dynamic_filter_fn};
use tracing_subscriber::layer;
use tracing_subscriber::registry::LookupSpan;

use crate::export::{is_exporting, tracer};

/// The target of the spans that an instrumented store makes.
pub const STORE_TARGET: &str = "instrumented_object_store";

/// The store with a span for each call, named after `name`; the store itself when this
/// process does not export.
pub fn trace_store(store: Arc<dyn ObjectStore>, name: &str) -> Arc<dyn ObjectStore> {
    if is_exporting() {
        instrument_object_store(store, name)
    } else {
        store
    }
}

/// A layer of a subscriber that makes spans of the calls of object stores.
pub type StoreSpans<S> = Filtered<
    OpenTelemetryLayer<S, SdkTracer>,
    DynFilterFn<S, fn(&Metadata<'_>, &layer::Context<'_, S>) -> bool>,
    S,
>;

/// The layer; `None` when this process does not export.
pub(crate) fn store_spans<S>() -> Option<StoreSpans<S>>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let layer = tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_tracer(tracer()?);
    let filter: fn(&Metadata<'_>, &layer::Context<'_, S>) -> bool = is_traced_call;
    let callsite: fn(&'static Metadata<'static>) -> Interest = callsite_interest;
    let filter = dynamic_filter_fn(filter)
        .with_callsite_filter(callsite)
        // That of the spans. Without it, each message that a library would log at a
        // lower level costs a question.
        .with_max_level_hint(LevelFilter::INFO);
    Some(layer.with_filter(filter))
}

fn is_call_of_store(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with(STORE_TARGET)
}

fn callsite_interest(metadata: &'static Metadata<'static>) -> Interest {
    if is_call_of_store(metadata) {
        Interest::sometimes()
    } else {
        Interest::never()
    }
}

/// Whether it is a call of a store, for something that is traced: a call with no parent,
/// such as those of heartbeats and of web pages, would begin a trace of its own.
fn is_traced_call<S>(metadata: &Metadata<'_>, _: &layer::Context<'_, S>) -> bool {
    is_call_of_store(metadata)
        && Context::map_current(|context| context.span().span_context().is_sampled())
}
