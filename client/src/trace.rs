//! The span of submit-job: what its caller, such as a task of Airflow, waits for.

use sluice_proto::trace_headers::write_trace;
use sluice_proto::v1::{Job, JobError};
use sluice_service::console::Console;
use sluice_service::secrets::Secrets;
use sluice_service::trace_options::{TraceOptions, TraceStart};
use sluice_traces::{Span, SpanKind, TraceContext, finish_export};
use tonic::Request;

/// The span of one submission. When submit-job does not export, the caller's span takes
/// its place.
#[derive(Debug)]
pub(crate) struct SubmitTrace {
    span: Span,
}

impl SubmitTrace {
    /// Starts the export, if an endpoint is set, and the span below that of the caller.
    pub(crate) fn begin(
        endpoint: Option<String>,
        caller: Option<&TraceContext>,
        console: &Console,
    ) -> Self {
        let options = TraceOptions {
            otlp_endpoint: endpoint,
        };
        let start = TraceStart::new("submit-job", &options, &Secrets::from_environment());
        if let Some(problem) = start.problem() {
            console.print_err(&format!("warning: {problem}; traces are off"));
        }
        if let Some(exporting) = start.exporting {
            exporting.install_subscriber();
        }
        Self {
            span: Span::begin("submit-job", SpanKind::Client, caller),
        }
    }

    /// What the job becomes a part of.
    pub(crate) const fn context(&self) -> Option<&TraceContext> {
        self.span.context()
    }

    pub(crate) fn add_job(&mut self, job: &Job) {
        self.span.set_text("sluice.job.id", job.job_id.as_str());
        self.span
            .set_text("sluice.job.submission_id", job.submission_id.as_str());
        self.span.set_text("sluice.job.name", job.name.as_str());
    }

    /// Ends the span with what submit-job returns.
    pub(crate) fn end(&mut self, result: &Result<u8, JobError>) {
        match result {
            Ok(code) => {
                self.span.set_count("sluice.exit_code", u64::from(*code));
                if *code != 0 {
                    self.span.set_failed(format!("exit code {code}"));
                }
            }
            Err(error) => self.span.set_failed(error.kind().name()),
        }
        self.span.end();
    }
}

/// Waits for the export of the last spans, for some seconds at most.
pub(crate) fn finish_traces(console: &Console) {
    if let Some(problem) = finish_export() {
        console.print_err(&format!("warning: {problem}"));
    }
}

/// A request with the headers of a trace.
pub(crate) fn traced_request<T>(message: T, trace: Option<&TraceContext>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(trace) = trace {
        let state = trace.tracestate();
        write_trace(
            request.metadata_mut(),
            &trace.traceparent(),
            state.as_deref(),
        );
    }
    request
}
