//! The export of spans, from its start to its end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider,
};
use parking_lot::RwLock;
use sluice_secrets::Secrets;
use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::endpoint::{EndpointError, find_endpoint, shown_endpoint};
use crate::exporter::GuardedExporter;
use crate::http_client::ExportClient;
use crate::span_ids::SpanIds;
use crate::span_queue::{BoundedQueue, QueueCounts};
use crate::stores::{StoreSpans, store_spans};

/// The name of what makes the spans.
const SCOPE: &str = "sluice";
/// How many spans may wait for their export, when `OTEL_BSP_MAX_QUEUE_SIZE` says
/// nothing else: those of a job whose tasks end at the same time.
const MAX_WAITING_SPANS: usize = 8_192;
/// How often spans are exported, when `OTEL_BSP_SCHEDULE_DELAY` says nothing else.
const EXPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How long a request may take, when the variables say nothing else.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of a process waits for the last spans.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

static STATE: RwLock<Option<ExportState>> = RwLock::new(None);

/// An export that runs.
struct ExportState {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    counts: Arc<QueueCounts>,
    /// The endpoint, for people.
    endpoint: String,
}

/// Why spans cannot be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The exporter cannot be set up.
    #[error("traces cannot be exported: {0}")]
    Setup(String),
}

/// Proof that spans of this process are exported.
#[derive(Debug)]
pub struct Exporting {
    endpoint: String,
}

impl Exporting {
    /// Where to, without secrets.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Installs a subscriber for the spans of the calls of object stores, and for nothing
    /// else: for a process without a log. One that is installed already stays.
    pub fn install_subscriber(&self) {
        let _ = tracing_subscriber::registry()
            .with(self.store_spans())
            .try_init();
    }

    /// The layer that a subscriber needs for spans of the calls of object stores.
    pub fn store_spans<S>(&self) -> Option<StoreSpans<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        store_spans()
    }
}

/// Starts to export the spans of this process, if `endpoint` or the environment says
/// where to. The process is named `sluice-PROGRAM`, unless `OTEL_SERVICE_NAME` or
/// `OTEL_RESOURCE_ATTRIBUTES` gives another one. `secrets` are blanked in spans.
///
/// An export that runs already continues.
///
/// # Errors
/// When the endpoint is wrong, or the exporter cannot be set up.
pub fn start_export(
    program: &str,
    endpoint: Option<&str>,
    secrets: &Secrets,
) -> Result<Option<Exporting>, ExportError> {
    let variable = |name: &str| std::env::var(name).ok();
    let Some(url) = find_endpoint(endpoint, variable)? else {
        return Ok(None);
    };
    let shown = shown_endpoint(&url);
    let mut state = STATE.write();
    if state.is_none() {
        let setup_error = |error: &dyn std::fmt::Display| {
            ExportError::Setup(secrets.redact(&error.to_string()).into_owned())
        };
        let timeout = request_timeout(&variable);
        let client = ExportClient::new(timeout).map_err(|error| setup_error(&error))?;
        let inner = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(url)
            .with_timeout(timeout)
            .build()
            .map_err(|error| setup_error(&error))?;
        let max = parse_variable(&variable, "OTEL_BSP_MAX_QUEUE_SIZE").unwrap_or(MAX_WAITING_SPANS);
        let counts = Arc::new(QueueCounts::new(max));
        let exporter = GuardedExporter {
            inner,
            secrets: secrets.clone(),
            counts: Arc::clone(&counts),
            endpoint: shown.clone(),
            is_failing: AtomicBool::new(false),
        };
        *state = Some(start_provider(program, exporter, counts, max, &variable));
    }
    Ok(Some(Exporting { endpoint: shown }))
}

fn start_provider(
    program: &str,
    exporter: GuardedExporter<SpanExporter>,
    counts: Arc<QueueCounts>,
    max: usize,
    variable: &impl Fn(&str) -> Option<String>,
) -> ExportState {
    let endpoint = exporter.endpoint.clone();
    // The builder has read the other variables already.
    let mut config = BatchConfigBuilder::default().with_max_queue_size(max);
    if variable("OTEL_BSP_SCHEDULE_DELAY").is_none() {
        config = config.with_scheduled_delay(EXPORT_INTERVAL);
    }
    let inner = BatchSpanProcessor::builder(exporter)
        .with_batch_config(config.build())
        .build();
    let queue = BoundedQueue {
        inner,
        counts: Arc::clone(&counts),
    };
    let provider = SdkTracerProvider::builder()
        .with_id_generator(SpanIds::default())
        .with_resource(describe_process(program, variable))
        .with_span_processor(queue)
        .build();
    ExportState {
        tracer: provider.tracer(SCOPE),
        provider,
        counts,
        endpoint,
    }
}

/// The attributes of all spans of this process.
fn describe_process(program: &str, variable: &impl Fn(&str) -> Option<String>) -> Resource {
    let is_named = variable("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
        || variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|list| list.contains("service.name="));
    let mut resource = Resource::builder();
    if !is_named {
        resource = resource.with_service_name(format!("sluice-{program}"));
    }
    resource
        .with_attribute(opentelemetry::KeyValue::new(
            "service.version",
            env!("CARGO_PKG_VERSION"),
        ))
        .with_attribute(opentelemetry::KeyValue::new(
            "process.pid",
            i64::from(std::process::id()),
        ))
        .build()
}

fn request_timeout(variable: &impl Fn(&str) -> Option<String>) -> Duration {
    [
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
    ]
    .into_iter()
    .find_map(|name| parse_variable(variable, name))
    .map_or(REQUEST_TIMEOUT, Duration::from_millis)
}

fn parse_variable<T: std::str::FromStr>(
    variable: &impl Fn(&str) -> Option<String>,
    name: &str,
) -> Option<T> {
    variable(name)?.trim().parse().ok()
}

/// Whether spans of this process are exported.
pub fn is_exporting() -> bool {
    STATE.read().is_some()
}

pub(crate) fn tracer() -> Option<SdkTracer> {
    STATE.read().as_ref().map(|state| state.tracer.clone())
}

/// Exports the spans that have ended, for some seconds at most, and ends the export. This
/// blocks. Gives what to report to people, if spans of this process were lost.
pub fn finish_export() -> Option<String> {
    let state = STATE.write().take()?;
    let is_finished = state.provider.shutdown_with_timeout(FINISH_TIMEOUT).is_ok();
    let ExportState {
        counts, endpoint, ..
    } = state;
    match (is_finished, counts.dropped()) {
        (true, 0) => None,
        (true, dropped) => Some(format!(
            "{dropped} spans of this process were not exported to {endpoint}; traces have gaps"
        )),
        (false, _) => Some(format!(
            "{endpoint} did not accept the last spans of this process in time; traces have gaps"
        )),
    }
}
