//! A collector of OpenTelemetry traces: a small HTTP server that keeps the spans that
//! it gets.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;

use crate::wait;

/// A span as it was exported, with its process.
#[derive(Debug, Clone)]
pub struct CollectedSpan {
    /// `service.name` of the process.
    pub service: String,
    pub name: String,
    pub trace_id: String,
    pub span_id: String,
    /// Empty for the first span of a trace.
    pub parent_id: String,
    pub start: u64,
    pub end: u64,
    pub has_failed: bool,
    /// The description of its failure.
    pub status: String,
    pub attributes: HashMap<String, String>,
}

impl CollectedSpan {
    #[track_caller]
    pub fn attribute(&self, key: &str) -> &str {
        let value = self.attributes.get(key);
        value.unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }
}

/// What a collector has got.
#[derive(Debug, Default)]
struct Received {
    requests: usize,
    /// The headers of the last request.
    headers: String,
    spans: Vec<CollectedSpan>,
}

/// A collector that listens until the test process ends.
#[derive(Debug, Clone)]
pub struct Collector {
    address: String,
    received: Arc<Mutex<Received>>,
}

impl Collector {
    /// A collector that takes all spans.
    pub fn start() -> Self {
        Self::listen(true)
    }

    /// One that accepts connections and never answers.
    pub fn start_silent() -> Self {
        Self::listen(false)
    }

    fn listen(answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self {
            address: listener.local_addr().unwrap().to_string(),
            received: Arc::default(),
        };
        let own = collector.clone();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().flatten() {
                if answers {
                    let collector = own.clone();
                    std::thread::spawn(move || collector.serve(&stream));
                } else {
                    own.received.lock().unwrap().requests += 1;
                    kept.push(stream);
                }
            }
        });
        collector
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests, or connections of a silent one, there were.
    pub fn requests(&self) -> usize {
        self.received.lock().unwrap().requests
    }

    /// The headers of the last request.
    pub fn headers(&self) -> String {
        self.received.lock().unwrap().headers.clone()
    }

    pub fn spans(&self) -> Vec<CollectedSpan> {
        self.received.lock().unwrap().spans.clone()
    }

    /// Waits until `is_complete` holds for what has come.
    pub fn wait_for(
        &self,
        what: &str,
        is_complete: impl Fn(&[CollectedSpan]) -> bool,
    ) -> Vec<CollectedSpan> {
        wait::wait_until(what, wait::DEADLINE, || {
            let spans = self.spans();
            is_complete(&spans).then_some(spans)
        })
    }

    /// Answers the requests of a connection.
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((head, body)) = read_request(&mut reader) {
            assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
            let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
            let mut received = self.received.lock().unwrap();
            received.requests += 1;
            received.headers = head;
            received.spans.extend(read_spans(&request));
            drop(received);
            let mut writer = stream;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            if writer.write_all(answer).is_err() {
                return;
            }
        }
    }
}

/// Head and body of a request; nothing when the connection has ended.
fn read_request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn read_spans(request: &ExportTraceServiceRequest) -> Vec<CollectedSpan> {
    let mut spans = Vec::new();
    for resource in &request.resource_spans {
        let process = resource.resource.as_ref().unwrap();
        let service = attributes(&process.attributes).remove("service.name");
        let service = service.unwrap_or_default();
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            let status = span.status.clone().unwrap_or_default();
            spans.push(CollectedSpan {
                service: service.clone(),
                name: span.name.clone(),
                trace_id: hex(&span.trace_id),
                span_id: hex(&span.span_id),
                parent_id: hex(&span.parent_span_id),
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano,
                has_failed: status.code() == StatusCode::Error,
                status: status.message,
                attributes: attributes(&span.attributes),
            });
        }
    }
    spans
}

fn attributes(list: &[KeyValue]) -> HashMap<String, String> {
    let text = |value: &AnyValue| match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    list.iter()
        .map(|pair| {
            (
                pair.key.clone(),
                pair.value.as_ref().map(text).unwrap_or_default(),
            )
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
