//! What happens to spans on their way out: secrets are blanked, and a collector that
//! does not take them is reported once.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry::trace::Status;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter};
use sluice_secrets::Secrets;

use crate::span_queue::QueueCounts;

/// Exports spans without secrets.
#[derive(Debug)]
pub(crate) struct GuardedExporter<E> {
    pub(crate) inner: E,
    pub(crate) secrets: Secrets,
    pub(crate) counts: Arc<QueueCounts>,
    /// The endpoint, for people.
    pub(crate) endpoint: String,
    pub(crate) is_failing: AtomicBool,
}

impl<E> GuardedExporter<E> {
    fn report(&self, result: &OTelSdkResult, count: usize) {
        let endpoint = &self.endpoint;
        match result {
            Ok(()) => {
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("spans are exported to {endpoint} again");
                }
            }
            Err(error) => {
                self.counts.count_dropped(count);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    let error = error.to_string();
                    let error = self.secrets.redact(&error);
                    tracing::warn!(
                        "cannot export spans to {endpoint}: {error}; they are dropped until it accepts them, and jobs are not affected"
                    );
                }
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for GuardedExporter<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        for span in &mut batch {
            blank_secrets(span, &self.secrets);
        }
        let result = self.inner.export(batch).await;
        self.counts.leave(count);
        self.report(&result, count);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

fn blank_secrets(span: &mut SpanData, secrets: &Secrets) {
    if let Some(name) = without_secrets(&span.name, secrets) {
        span.name = name.into();
    }
    for attribute in &mut span.attributes {
        if let Value::String(text) = &attribute.value
            && let Some(redacted) = without_secrets(text.as_str(), secrets)
        {
            attribute.value = redacted.into();
        }
    }
    if let Status::Error { description } = &span.status
        && let Some(redacted) = without_secrets(description, secrets)
    {
        span.status = Status::error(redacted);
    }
    // Nothing here adds events to spans; those of libraries repeat attributes.
    span.events = SpanEvents::default();
}

/// The text without secrets; `None` when it has none.
fn without_secrets(text: &str, secrets: &Secrets) -> Option<String> {
    match secrets.redact(text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(redacted) => Some(redacted),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
    use opentelemetry::{Context, KeyValue};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Kept {
        spans: Arc<Mutex<Vec<SpanData>>>,
        is_down: bool,
    }

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            if self.is_down {
                return Err(OTelSdkError::InternalFailure("down".to_owned()));
            }
            self.spans.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    fn guarded(inner: Kept) -> GuardedExporter<Kept> {
        let pair = ("A_TOKEN".to_owned(), "hunter22".to_owned());
        GuardedExporter {
            inner,
            secrets: Secrets::from_pairs([pair]),
            counts: Arc::new(QueueCounts::new(10)),
            endpoint: "http://collector".to_owned(),
            is_failing: AtomicBool::new(false),
        }
    }

    #[test]
    fn secrets_are_blanked_on_their_way_out() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(guarded(kept.clone()))
            .build();
        let tracer = provider.tracer("test");
        let mut span = tracer.build_with_context(
            tracer.span_builder("read hunter22").with_attributes([
                KeyValue::new("path", "gold/hunter22/a"),
                KeyValue::new("n", 7),
            ]),
            &Context::new(),
        );
        span.set_status(Status::error("no hunter22"));
        span.add_event("an event", vec![KeyValue::new("text", "hunter22")]);
        span.end();
        let spans = kept.spans.lock().unwrap();
        assert_eq!(spans[0].name, "read [redacted]");
        let shown = format!("{spans:?}");
        assert!(!shown.contains("hunter22"), "{shown}");
        assert!(shown.contains("gold/[redacted]/a"), "{shown}");
    }

    #[test]
    fn a_collector_that_is_down_is_counted() {
        let exporter = guarded(Kept {
            is_down: true,
            ..Kept::default()
        });
        let counts = Arc::clone(&exporter.counts);
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter)
            .build();
        for _ in 0..3 {
            assert!(counts.enter());
            provider.tracer("test").start("a").end();
        }
        assert_eq!(counts.dropped(), 3);
        drop(provider);
    }
}
