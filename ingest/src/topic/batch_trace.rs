//! The spans of a batch: reading from Kafka into files, and the entry in the ledger.
//!
//! A batch is a trace of its own, unless the process that started ingest has a span.

use std::future::Future;
use std::sync::LazyLock;

use sluice_landing::LandingEntry;
use sluice_ledger::Entry;
use sluice_traces::{Span, SpanKind, TraceContext, in_context};

use crate::IngestError;

static CALLER: LazyLock<Option<TraceContext>> = LazyLock::new(TraceContext::from_environment);

/// The span of a batch.
pub(super) struct BatchTrace {
    span: Span,
}

impl BatchTrace {
    pub(super) fn begin(topic: &str, run_id: &str) -> Self {
        let mut span = Span::begin("ingest batch", SpanKind::Internal, CALLER.as_ref());
        span.set_text("sluice.topic", topic);
        span.set_text("sluice.run_id", run_id);
        Self { span }
    }

    /// Follows the reading from Kafka, during which the files are written.
    pub(super) async fn read<T>(
        &self,
        work: impl Future<Output = Result<T, IngestError>>,
    ) -> Result<T, IngestError> {
        follow_part("read", self.span.context(), work).await
    }

    /// Follows the append to the ledger.
    pub(super) async fn commit<T>(
        &self,
        work: impl Future<Output = Result<T, IngestError>>,
    ) -> Result<T, IngestError> {
        follow_part("commit", self.span.context(), work).await
    }

    /// Adds what was committed.
    pub(super) fn add_entry(&mut self, entry: &Entry<LandingEntry>) {
        let ranges = &entry.body.ranges;
        self.span.set_count("sluice.ledger.entry", entry.seq);
        self.span.set_count("sluice.files", ranges.len() as u64);
        let rows = ranges.iter().map(|range| range.rows).sum();
        self.span.set_count("sluice.rows", rows);
        let rejects = ranges.iter().map(|range| range.rejects).sum();
        self.span.set_count("sluice.rejects", rejects);
    }

    pub(super) fn end(&mut self, error: Option<&IngestError>) {
        if let Some(error) = error {
            self.span.set_failed(error_name(error));
        }
        self.span.end();
    }
}

async fn follow_part<T>(
    name: &'static str,
    batch: Option<&TraceContext>,
    work: impl Future<Output = Result<T, IngestError>>,
) -> Result<T, IngestError> {
    let mut span = Span::child(name, batch);
    let result = in_context(span.context(), work).await;
    if let Err(error) = &result {
        span.set_failed(error_name(error));
    }
    result
}

/// The kind of the error, as the exit code says it: the message may name records.
fn error_name(error: &IngestError) -> String {
    format!("{:?}", error.exit_kind())
}
