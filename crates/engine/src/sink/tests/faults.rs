//! Failing stores, cancels and memory limits.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use object_store::ObjectStore;

use super::store::{listed, memory};
use super::{context, context_with, ids, input, large, orders, spec, write};
use crate::sink::{GoldSinkExec, SinkError, plan_sink};
use crate::task_failure::FailureKind;
use sluice_fault_store::{Call, Fault, FaultyStore, Op};

/// A store that has no space left for the calls that `refused` names.
fn full(
    refused: impl Fn(&Call<'_>) -> bool + Send + Sync + 'static,
) -> (Arc<dyn ObjectStore>, FaultyStore) {
    let plan =
        move |call: &Call<'_>| refused(call).then_some(Fault::Refused(ErrorKind::StorageFull));
    let store = FaultyStore::new(memory(), plan);
    (Arc::new(store.clone()), store)
}

#[tokio::test]
async fn a_failing_store_leaves_nothing() {
    // The third file cannot be put; the first two are deleted.
    let puts = AtomicUsize::new(0);
    let (store, _) = full(move |call| {
        matches!(call.op, Op::Create | Op::Put) && puts.fetch_add(1, Ordering::SeqCst) >= 2
    });
    let schema = orders(0..1).schema();
    let batches: Vec<RecordBatch> = (0..20)
        .map(|at| orders(at * 1000..at * 1000 + 1000))
        .collect();
    let mut failing = spec(Arc::clone(&schema));
    failing.target_file_bytes = 1;
    let plan = plan_sink(input(vec![batches], &schema), failing).unwrap();
    let error = write(&context(&store), plan).await.unwrap_err();
    assert!(error.to_string().contains(SinkError::STORAGE), "{error}");
    assert!(listed(&store).await.is_empty());

    let rows = large();
    let schema = rows.schema();
    // A part of a large file, or its completion, fails after it was opened.
    for (op, nth) in [
        (Op::Part, 0),
        (Op::Part, 1),
        (Op::Part, 2),
        (Op::Complete, 0),
    ] {
        let seen = AtomicUsize::new(0);
        let (store, calls) =
            full(move |call| call.op == op && seen.fetch_add(1, Ordering::SeqCst) == nth);
        let plan = plan_sink(
            input(vec![vec![rows.clone()]], &schema),
            spec(Arc::clone(&schema)),
        );
        let error = write(&context(&store), plan.unwrap()).await.unwrap_err();
        // A full disk is a permanent failure, and the message includes the system's
        // error text.
        let failure = crate::task_failure::classify_error(&error, &|_| None);
        assert_eq!(failure.kind, FailureKind::Storage, "{failure}");
        assert!(failure.message.contains("no storage space"), "{failure}");
        assert_eq!(calls.counts().count_of(Op::Abort), 1, "{op:?} {nth}");
        assert!(listed(&store).await.is_empty());
    }
}

#[tokio::test]
async fn a_cancelled_task_removes_its_files() {
    let store = memory();
    let schema = orders(0..1).schema();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let rows = tokio_stream_of(receiver, &schema);
    let mut spec = spec(Arc::clone(&schema));
    spec.target_file_bytes = 1;
    let sink = GoldSinkExec::try_new(rows, Arc::new(spec)).unwrap();
    let context = context(&store);
    let mut manifest = Arc::new(sink).execute(0, context.task_ctx()).unwrap();
    let task = tokio::spawn(async move { manifest.next().await });
    sender.send(orders(0..100)).await.unwrap();
    wait_until(|| async { listed(&store).await.len() == 1 }).await;
    task.abort();
    wait_until(|| async { listed(&store).await.is_empty() }).await;
}

/// Waits for a minute at least: it only keeps a test from hanging forever.
async fn wait_until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    for _ in 0..6_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited too long");
}

/// A plan whose rows arrive one batch at a time, when they are sent.
fn tokio_stream_of(
    receiver: tokio::sync::mpsc::Receiver<RecordBatch>,
    schema: &SchemaRef,
) -> Arc<dyn ExecutionPlan> {
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

    #[derive(Debug)]
    struct Received {
        schema: SchemaRef,
        receiver: parking_lot::Mutex<Option<tokio::sync::mpsc::Receiver<RecordBatch>>>,
    }
    impl PartitionStream for Received {
        fn schema(&self) -> &SchemaRef {
            &self.schema
        }
        fn execute(
            &self,
            _: Arc<datafusion::execution::TaskContext>,
        ) -> datafusion::execution::SendableRecordBatchStream {
            let mut receiver = self.receiver.lock().take().unwrap();
            let rows = futures::stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok);
            Box::pin(RecordBatchStreamAdapter::new(
                Arc::clone(&self.schema),
                rows,
            ))
        }
    }
    let stream = Received {
        schema: Arc::clone(schema),
        receiver: parking_lot::Mutex::new(Some(receiver)),
    };
    let exec = StreamingTableExec::try_new(
        Arc::clone(schema),
        vec![Arc::new(stream)],
        None,
        std::iter::empty(),
        true,
        None,
    );
    Arc::new(exec.unwrap())
}

#[tokio::test]
async fn memory_is_accounted_for() {
    let store = memory();
    let rows = large();
    let schema = rows.schema();
    // Too little for one row group of everything: row groups end early.
    let tight = context_with(
        &store,
        RuntimeEnvBuilder::new().with_memory_limit(24 << 20, 1.0),
    );
    let batches: Vec<RecordBatch> = (0..50).map(|at| rows.slice(at * 8000, 8000)).collect();
    let plan = plan_sink(
        input(vec![batches.clone()], &schema),
        spec(Arc::clone(&schema)),
    )
    .unwrap();
    match write(&tight, plan).await {
        Ok(files) => assert_eq!(ids(&store, &files).await, (0..400_000).collect::<Vec<_>>()),
        // The store was slower than the encoder.
        Err(error) => assert!(error.to_string().contains("GoldSinkExec"), "{error}"),
    }
    let none = context_with(
        &store,
        RuntimeEnvBuilder::new().with_memory_limit(1 << 10, 1.0),
    );
    let plan = plan_sink(input(vec![batches], &schema), spec(schema)).unwrap();
    let error = write(&none, plan).await.unwrap_err().to_string();
    assert!(error.contains("GoldSinkExec"), "{error}");
    assert_eq!(tight.runtime_env().memory_pool.reserved(), 0);
}
