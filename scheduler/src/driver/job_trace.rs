//! The span of a job, which begins when the job is accepted and ends with it.

use parking_lot::Mutex;
use sluice_proto::v1::{ErrorKind, Job, SubmitJobRequest};
use sluice_traces::{Span, SpanKind, TraceContext};

/// The span of a job, if it is in a trace.
#[derive(Debug)]
pub(crate) struct JobTrace {
    span: Mutex<Span>,
    context: Option<TraceContext>,
}

impl JobTrace {
    /// A job that is in no trace.
    pub(crate) const fn none() -> Self {
        Self {
            span: Mutex::new(Span::none()),
            context: None,
        }
    }

    /// Begins the span of a job that a client has submitted, below the client's span if
    /// there is one.
    pub(crate) fn begin(
        parent: Option<&TraceContext>,
        job: &Job,
        request: &SubmitJobRequest,
    ) -> Self {
        let mut span = Span::begin("job", SpanKind::Server, parent);
        span.set_text("sluice.job.id", job.job_id.as_str());
        span.set_text("sluice.job.submission_id", job.submission_id.as_str());
        span.set_text("sluice.job.name", job.name.as_str());
        if !request.client_version.is_empty() {
            span.set_text("sluice.client.version", request.client_version.as_str());
        }
        Self {
            context: span.context().cloned(),
            span: Mutex::new(span),
        }
    }

    /// The span as the parent of what the job does.
    pub(crate) const fn context(&self) -> Option<&TraceContext> {
        self.context.as_ref()
    }

    /// The id under which the trace is found; empty when nothing is recorded of it.
    pub(crate) fn trace_id(&self) -> String {
        let sampled = self.context.as_ref().filter(|context| context.is_sampled());
        sampled.map(TraceContext::trace_id).unwrap_or_default()
    }

    /// Ends the span with the job's last record.
    pub(crate) fn end(&self, job: &Job) {
        let mut span = self.span.lock();
        span.set_text("sluice.job.state", job.state().name());
        span.set_count("sluice.datasets", job.datasets.len() as u64);
        if let Some(progress) = &job.progress {
            span.set_count("sluice.rows_read", progress.rows_read);
            span.set_count("sluice.bytes_read", progress.bytes_read);
            span.set_count("sluice.rows", progress.rows_written);
            span.set_count("sluice.bytes", progress.bytes_written);
            span.set_count("sluice.tasks", u64::from(progress.tasks_done));
        }
        if let Some(reason) = &job.reason {
            set_error(&mut span, reason.kind());
        }
        span.end();
    }
}

/// Says that a span has failed, by the kind of the error alone.
pub(crate) fn set_error(span: &mut Span, kind: ErrorKind) {
    span.set_failed(kind.name());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_belongs_to_the_trace_of_its_client_also_without_an_export() {
        let begin = |parent: Option<&TraceContext>| {
            JobTrace::begin(parent, &Job::default(), &SubmitJobRequest::default())
        };
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let client = TraceContext::parse(header);
        let trace = begin(client.as_ref());
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.context(), client.as_ref());
        trace.end(&Job::default());
        assert_eq!(begin(None).trace_id(), "");
        // Nothing of it is found anywhere.
        let unsampled = TraceContext::parse(&header.replace("-01", "-00"));
        assert_eq!(begin(unsampled.as_ref()).trace_id(), "");
    }
}
