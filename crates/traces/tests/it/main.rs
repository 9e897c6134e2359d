//! An export from its start to its end, to a collector in this process. The export is
//! one for the process, so this is one test.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span as ExportedSpan;
use prost::Message as _;
use sluice_secrets::Secrets;
use sluice_traces::{
    Span, SpanKind, TraceContext, finish_export, in_context, is_exporting, start_export,
    trace_store,
};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

type Received = Arc<Mutex<Vec<ExportedSpan>>>;

fn start_collector() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let received = Received::default();
    let kept = Arc::clone(&received);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(&stream, &kept);
        }
    });
    (endpoint, received)
}

fn serve(stream: &TcpStream, received: &Received) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.to_lowercase();
        let length = length.split("content-length: ").nth(1).unwrap();
        let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        for resource in request.resource_spans {
            let scopes = resource.scope_spans.into_iter();
            received
                .lock()
                .unwrap()
                .extend(scopes.flat_map(|scope| scope.spans));
        }
        let mut writer = stream;
        writer
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
    }
}

fn id_of(context: Option<&TraceContext>) -> String {
    let traceparent = context.unwrap().traceparent();
    traceparent.split('-').nth(2).unwrap().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn spans_reach_the_collector_with_their_parents_and_without_secrets() {
    assert!(!is_exporting());
    let plain: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    assert!(Arc::ptr_eq(&plain, &trace_store(Arc::clone(&plain), "mem")));

    let (endpoint, received) = start_collector();
    let secret = ("A_TOKEN".to_owned(), "hunter2-hunter2".to_owned());
    let secrets = Secrets::from_pairs([secret]);
    let exporting = start_export("test", Some(&endpoint), &secrets).unwrap();
    let exporting = exporting.unwrap();
    assert_eq!(exporting.endpoint(), format!("{endpoint}/v1/traces"));
    exporting.install_subscriber();
    let store = trace_store(plain, "mem");

    let caller = TraceContext::parse(CALLER).unwrap();
    let mut job = Span::begin("job", SpanKind::Server, Some(&caller));
    job.set_count("sluice.rows", 7);
    let step = Span::child("write t", job.context());
    // A task knows the id of its stage before the stage has a span.
    let in_executor = TraceContext::parse(&step.context().unwrap().traceparent()).unwrap();
    let mut task = Span::child("task", Some(&in_executor.part(3)));
    task.set_failed("execution");
    let began_at = SystemTime::now() - Duration::from_secs(2);
    let mut stage = Span::part_at("stage 3", step.context(), 3, began_at);
    stage.end_at(began_at + Duration::from_secs(1));

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let path = Path::from("gold/hunter2-hunter2/a");
    runtime.block_on(async {
        // Of no trace.
        store.put(&path, "x".into()).await.unwrap();
        let read = async { store.get(&path).await.map(drop) };
        in_context(task.context(), read).await.unwrap();
        let missing = Path::from("missing");
        let read = async { store.head(&missing).await.map(drop) };
        in_context(step.context(), read).await.unwrap_err();
    });
    let on_thread = task.context().cloned().unwrap();
    let own = Arc::clone(&store);
    let thread = std::thread::spawn(move || {
        on_thread.attach_to_thread();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(own.delete(&Path::from("gold/hunter2-hunter2/a")))
    });
    thread.join().unwrap().unwrap();

    let ids = [job.context(), step.context(), task.context()].map(id_of);
    drop((task, step, job));
    assert_eq!(finish_export(), None);
    assert!(!is_exporting());
    assert_eq!(finish_export(), None);

    let spans = received.lock().unwrap();
    let find = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {spans:?}"))
    };
    let parent = |name: &str| hex(&find(name).parent_span_id);
    let [job, step, task] = ids;
    assert_eq!(parent("job"), "b7ad6b7169203331");
    assert_eq!(parent("write t"), job);
    assert_eq!(parent("stage 3"), step);
    assert_eq!(parent("task"), hex(&find("stage 3").span_id));
    assert_eq!(parent("mem.get_opts"), task);
    assert_eq!(find("task").status.as_ref().unwrap().message, "execution");
    let took = find("stage 3").end_time_unix_nano - find("stage 3").start_time_unix_nano;
    assert_eq!(took, 1_000_000_000);
    assert!(!spans.iter().any(|span| span.name == "mem.put_opts"));
    let calls: Vec<_> = spans
        .iter()
        .filter(|span| span.name.starts_with("mem."))
        .collect();
    assert_eq!(calls.len(), 3, "{calls:?}");
    for span in spans.iter() {
        assert_eq!(hex(&span.trace_id), "0af7651916cd43dd8448eb211c80319c");
    }
    let shown = format!("{spans:?}");
    assert!(
        !shown.contains("hunter2") && shown.contains("gold/[redacted]/a"),
        "{shown}"
    );
}
