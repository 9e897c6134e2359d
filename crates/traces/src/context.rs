//! Where in which trace something happens, and how that travels.

use std::future::Future;

use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// The environment variables in which a caller hands on its span, as the header of
/// that name.
const TRACEPARENT_VARIABLE: &str = "TRACEPARENT";
const TRACESTATE_VARIABLE: &str = "TRACESTATE";

/// A span of a trace, in this process or in another one, as the parent of further
/// spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext(SpanContext);

impl TraceContext {
    /// The span that a W3C `traceparent` names; `None` when it names none.
    pub fn parse(traceparent: &str) -> Option<Self> {
        Self::from_headers(traceparent, None)
    }

    /// [`Self::parse`] with the `tracestate` of other tracing systems. A wrong one is
    /// left out.
    pub fn from_headers(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let headers = Headers {
            traceparent,
            tracestate,
        };
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        Self::from_span_context(context.span().span_context())
    }

    /// The span of the process that started this one, by its variables `TRACEPARENT`
    /// and `TRACESTATE`.
    pub fn from_environment() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let traceparent = variable(TRACEPARENT_VARIABLE)?;
        Self::from_headers(&traceparent, variable(TRACESTATE_VARIABLE).as_deref())
    }

    /// What the calls of object stores that the current thread makes now are parts of.
    pub fn current() -> Option<Self> {
        Context::map_current(|context| Self::from_span_context(context.span().span_context()))
    }

    pub(crate) fn from_span_context(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self(context.clone()))
    }

    /// The W3C header `traceparent`.
    pub fn traceparent(&self) -> String {
        let (trace, span) = (self.0.trace_id(), self.0.span_id());
        format!("00-{trace}-{span}-{:02x}", u8::from(self.0.is_sampled()))
    }

    /// The W3C header `tracestate`, unless it is empty.
    pub fn tracestate(&self) -> Option<String> {
        Some(self.0.trace_state().header()).filter(|header| !header.is_empty())
    }

    /// The trace's id, in hexadecimal digits.
    pub fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// Whether the spans of this trace are recorded.
    pub fn is_sampled(&self) -> bool {
        self.0.is_sampled()
    }

    /// The context of a part of this span, the same in every process that knows its
    /// number: tasks name a stage as their parent, which the scheduler exports when it
    /// has ended.
    pub fn part(&self, number: u64) -> Self {
        let context = &self.0;
        Self(SpanContext::new(
            context.trace_id(),
            part_id(context.span_id(), number),
            context.trace_flags(),
            true,
            context.trace_state().clone(),
        ))
    }

    pub(crate) fn span_id(&self) -> SpanId {
        self.0.span_id()
    }

    pub(crate) fn as_parent(&self) -> Context {
        Context::new().with_remote_span_context(self.0.clone())
    }

    /// Makes this the parent of what the current thread does with object stores, until
    /// the thread ends.
    pub fn attach_to_thread(&self) {
        // Dropping the guard would detach it.
        std::mem::forget(self.as_parent().attach());
    }
}

/// The id of a part: the bits of the span's id and the number, mixed as in SplitMix64,
/// which maps different numbers to different ids.
fn part_id(span: SpanId, number: u64) -> SpanId {
    let step = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bits = u64::from_be_bytes(span.to_bytes()).wrapping_add(step);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    // Zero is no id.
    SpanId::from_bytes(bits.max(1).to_be_bytes())
}

/// Runs `work` with `context` as the parent of its calls of object stores.
pub fn in_context<F: Future>(
    context: Option<&TraceContext>,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let context = context.map_or_else(Context::current, TraceContext::as_parent);
    work.with_context(context)
}

/// Runs `work`, also on another thread, with the parent that the current thread has.
pub fn in_current_context<F: Future>(work: F) -> impl Future<Output = F::Output> {
    work.with_context(Context::current())
}

/// [`in_current_context`] of a call that blocks.
pub fn with_current_context<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let context = Context::current();
    move || {
        let _attached = context.attach();
        work()
    }
}

struct Headers<'a> {
    traceparent: &'a str,
    tracestate: Option<&'a str>,
}

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => Some(self.traceparent),
            "tracestate" => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_and_written() {
        let context = TraceContext::parse(PARENT).unwrap();
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert!(context.is_sampled());
        assert_eq!(context.tracestate(), None);
        let unsampled = TraceContext::parse(&PARENT.replace("-01", "-00")).unwrap();
        assert!(!unsampled.is_sampled());
        assert!(unsampled.traceparent().ends_with("-00"));
    }

    #[test]
    fn flags_of_later_versions_are_left_out() {
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more";
        assert_eq!(TraceContext::parse(later).unwrap().traceparent(), PARENT);
    }

    #[test]
    fn the_state_of_other_systems_is_handed_on() {
        let context = TraceContext::from_headers(PARENT, Some("vendor=a,other=b")).unwrap();
        assert_eq!(context.tracestate().unwrap(), "vendor=a,other=b");
        assert_eq!(context.part(1).tracestate(), context.tracestate());
        let wrong = TraceContext::from_headers(PARENT, Some("no state")).unwrap();
        assert_eq!(wrong.tracestate(), None);
    }

    #[test]
    fn what_names_no_span_is_left_out() {
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "secret",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }

    #[test]
    fn parts_have_ids_of_their_own_that_every_process_finds() {
        let context = TraceContext::parse(PARENT).unwrap();
        let sent = TraceContext::parse(&context.traceparent()).unwrap();
        let mut ids = std::collections::HashSet::from([context.span_id()]);
        for number in 0..1_000 {
            let part = context.part(number);
            assert_eq!(part.trace_id(), context.trace_id());
            assert_eq!(part.span_id(), sent.part(number).span_id());
            assert!(ids.insert(part.span_id()), "{number}");
        }
    }
}
