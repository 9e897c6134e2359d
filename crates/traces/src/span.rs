//! Spans of this process.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Span as _, Status, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span as RecordedSpan;

use crate::context::TraceContext;
use crate::export::tracer;
use crate::span_ids::with_span_id;

/// What a span is to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// A part of it.
    Internal,
    /// A request to another process.
    Client,
    /// The work on a request.
    Server,
}

impl From<SpanKind> for opentelemetry::trace::SpanKind {
    fn from(kind: SpanKind) -> Self {
        match kind {
            SpanKind::Internal => Self::Internal,
            SpanKind::Client => Self::Client,
            SpanKind::Server => Self::Server,
        }
    }
}

/// Something that begins and ends. It ends when it is dropped, unless it was ended
/// before.
#[derive(Debug)]
pub struct Span {
    /// `None` when this process does not export.
    recorded: Option<RecordedSpan>,
    context: Option<TraceContext>,
}

impl Span {
    /// A span that is in no trace.
    pub const fn none() -> Self {
        Self {
            recorded: None,
            context: None,
        }
    }

    /// Begins a span, of a new trace when it has no parent. When this process does not
    /// export, the parent stands for it.
    pub fn begin(
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        parent: Option<&TraceContext>,
    ) -> Self {
        Self::begin_at(name.into(), kind, parent, SystemTime::now())
    }

    /// Begins a part of `parent`; nothing when there is none.
    pub fn child(name: impl Into<Cow<'static, str>>, parent: Option<&TraceContext>) -> Self {
        Self::child_at(name, parent, SystemTime::now())
    }

    /// [`Self::child`] of which is known when it began.
    pub fn child_at(
        name: impl Into<Cow<'static, str>>,
        parent: Option<&TraceContext>,
        began_at: SystemTime,
    ) -> Self {
        if parent.is_none() {
            return Self::none();
        }
        Self::begin_at(name.into(), SpanKind::Internal, parent, began_at)
    }

    /// Begins the span of the part `number` of `parent`; see [`TraceContext::part`].
    pub fn part_at(
        name: impl Into<Cow<'static, str>>,
        parent: Option<&TraceContext>,
        number: u64,
        began_at: SystemTime,
    ) -> Self {
        let Some(context) = parent else {
            return Self::none();
        };
        with_span_id(context.part(number).span_id(), || {
            Self::begin_at(name.into(), SpanKind::Internal, parent, began_at)
        })
    }

    fn begin_at(
        name: Cow<'static, str>,
        kind: SpanKind,
        parent: Option<&TraceContext>,
        began_at: SystemTime,
    ) -> Self {
        let Some(tracer) = tracer() else {
            return Self {
                recorded: None,
                context: parent.cloned(),
            };
        };
        let builder = tracer
            .span_builder(name)
            .with_kind(kind.into())
            .with_start_time(began_at);
        let parent = parent.map_or_else(Context::new, TraceContext::as_parent);
        let recorded = tracer.build_with_context(builder, &parent);
        Self {
            context: TraceContext::from_span_context(recorded.span_context()),
            recorded: Some(recorded),
        }
    }

    /// The span as the parent of others; `None` when it is in no trace.
    pub const fn context(&self) -> Option<&TraceContext> {
        self.context.as_ref()
    }

    /// Whether attributes are kept.
    pub fn is_recording(&self) -> bool {
        let recorded = self.recorded.as_ref();
        recorded.is_some_and(opentelemetry::trace::Span::is_recording)
    }

    /// Adds a text: a name, never a value of the user.
    pub fn set_text(&mut self, key: &'static str, text: impl Into<String>) {
        if let Some(span) = self.recorded.as_mut() {
            span.set_attribute(KeyValue::new(key, text.into()));
        }
    }

    /// Adds a number.
    pub fn set_count(&mut self, key: &'static str, count: u64) {
        if let Some(span) = self.recorded.as_mut() {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            span.set_attribute(KeyValue::new(key, count));
        }
    }

    /// Says that it has failed. `kind` is the kind of the error: messages quote values
    /// of rows and of the user, and stay in logs.
    pub fn set_failed(&mut self, kind: impl Into<String>) {
        if let Some(span) = self.recorded.as_mut() {
            let kind = kind.into();
            span.set_attribute(KeyValue::new("error.type", kind.clone()));
            span.set_status(Status::error(kind));
        }
    }

    /// Ends it.
    pub fn end(&mut self) {
        if let Some(span) = self.recorded.as_mut() {
            span.end();
        }
    }

    /// Ends it at another time than now.
    pub fn end_at(&mut self, ended_at: SystemTime) {
        if let Some(span) = self.recorded.as_mut() {
            span.end_with_timestamp(ended_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_export_the_parent_is_handed_on() {
        let parent =
            TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        let mut span = Span::begin("a", SpanKind::Client, Some(&parent));
        assert_eq!(span.context(), Some(&parent));
        assert_eq!(Span::child("b", span.context()).context(), Some(&parent));
        assert!(!span.is_recording());
        span.set_failed("internal");
        span.end();
        assert_eq!(Span::begin("c", SpanKind::Client, None).context(), None);
        assert_eq!(Span::child("d", None).context(), None);
        let now = SystemTime::now();
        assert_eq!(Span::part_at("e", None, 1, now).context(), None);
    }
}
