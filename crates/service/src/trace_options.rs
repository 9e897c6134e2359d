//! The options for OpenTelemetry traces, and the start of their export.

use clap::Args;
pub use sluice_traces::check_endpoint;
use sluice_traces::{Exporting, start_export};

use crate::secrets::Secrets;

/// The options that processes have for their traces.
#[derive(Debug, Clone, Default, Args)]
pub struct TraceOptions {
    /// Where to export OpenTelemetry traces to, by OTLP over HTTP: the URL of a
    /// collector, such as http://collector:4318. When not given, the variables
    /// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and OTEL_EXPORTER_OTLP_ENDPOINT count; traces
    /// are off when these are not set either.
    #[arg(long, value_name = "URL", value_parser = check_endpoint)]
    pub otlp_endpoint: Option<String>,
}

/// The export of a process's traces, and what to log about it once logs have begun.
#[derive(Debug, Default)]
pub struct TraceStart {
    /// `None` when traces are off.
    pub exporting: Option<Exporting>,
    /// Why they are off although an endpoint is set.
    problem: Option<String>,
}

impl TraceStart {
    /// Starts the export for the process `sluice-PROGRAM`. What is wrong in the
    /// environment turns traces off, and does not keep the process from its work.
    pub fn new(program: &str, options: &TraceOptions, secrets: &Secrets) -> Self {
        match start_export(program, options.otlp_endpoint.as_deref(), secrets) {
            Ok(exporting) => Self {
                exporting,
                problem: None,
            },
            Err(error) => Self {
                exporting: None,
                problem: Some(error.to_string()),
            },
        }
    }

    /// Why traces are off although an endpoint is set.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Logs where traces are exported to, or why they are not.
    pub fn log(&self) {
        if let Some(problem) = &self.problem {
            tracing::warn!("{problem}; traces are off");
        }
        if let Some(exporting) = &self.exporting {
            tracing::info!("traces are exported to {}", exporting.endpoint());
        }
    }
}
