//! OpenTelemetry traces: which spans belong together, across processes too, and
//! their export over OTLP.
//!
//! Traces are off until [`start_export`] finds an endpoint. Then spans are inert: they
//! cost nothing, and only hand on the context that came from outside, so that a trace
//! is not cut at a process that does not export.
//!
//! The parent of a span is always given explicitly. Only calls of object stores find
//! theirs in the thread that makes them ([`TraceContext::attach_to_thread`],
//! [`in_context`]).
//!
//! A span names jobs, tables, operators and objects, and counts. It holds no SQL, no
//! values of parameters and no rows; an error is named by its kind. What is secret in
//! this process is blanked in everything that is exported.

mod context;
mod endpoint;
mod export;
mod exporter;
mod http_client;
mod span;
mod span_ids;
mod span_queue;
mod stores;

pub use context::{TraceContext, in_context, in_current_context, with_current_context};
pub use endpoint::{EndpointError, check_endpoint};
pub use export::{ExportError, Exporting, finish_export, is_exporting, start_export};
pub use span::{Span, SpanKind};
pub use stores::{STORE_TARGET, StoreSpans, trace_store};
