use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use object_store::memory::InMemory;
use sluice_fault_store::{Fault, FaultyStore, Op};

use super::*;

const PARTS: usize = 7;

/// A store in which the n-th call of a kind is refused.
fn store_refusing(op: Op, nth: usize) -> FaultyStore {
    let calls = AtomicUsize::new(0);
    FaultyStore::new(Arc::new(InMemory::new()), move |call| {
        let refused = call.op == op && calls.fetch_add(1, Ordering::SeqCst) == nth;
        refused.then_some(Fault::Refused(ErrorKind::StorageFull))
    })
}

fn upload_to(store: &FaultyStore) -> Upload {
    Upload::new(Arc::new(store.clone()), Path::from("a"))
}

/// Sends bytes in chunks that are no multiple of a part.
async fn send(upload: &mut Upload, bytes: &Bytes) -> Result<()> {
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let chunk = rest.split_to(rest.len().min(3_000_001));
        upload.put_bytes(chunk).await?;
    }
    upload.finish().await
}

fn bytes_of_parts() -> Bytes {
    let length = (PARTS - 1) * UPLOAD_PART_BYTES + 5;
    (0..length).map(|at| (at / 1000) as u8).collect()
}

async fn stored(store: &FaultyStore) -> Option<Bytes> {
    let object = store.inner().get(&Path::from("a")).await.ok()?;
    Some(object.bytes().await.unwrap())
}

/// Waits for a minute at least: it only keeps a test from hanging forever.
async fn wait_for_abort(store: &FaultyStore) {
    for _ in 0..6_000 {
        if store.counts().count_of(Op::Abort) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the upload was not aborted");
}

#[tokio::test]
async fn a_file_arrives_whole_in_one_request_or_in_parts() {
    for (bytes, parts) in [
        (Bytes::new(), 0),
        (Bytes::from_static(b"small"), 0),
        (bytes_of_parts(), PARTS),
    ] {
        let store = FaultyStore::without_faults(Arc::new(InMemory::new()));
        let mut upload = upload_to(&store);
        send(&mut upload, &bytes).await.unwrap();
        assert_eq!(stored(&store).await, Some(bytes));
        assert_eq!(store.counts().count_of(Op::Part), parts);
        drop(upload);
        assert_eq!(store.counts().count_of(Op::Abort), 0);
    }
}

#[tokio::test]
async fn an_upload_that_fails_at_any_call_is_aborted() {
    let bytes = bytes_of_parts();
    let failing_calls = (0..PARTS).map(|nth| (Op::Part, nth));
    for (op, nth) in failing_calls.chain([(Op::Complete, 0)]) {
        let store = store_refusing(op, nth);
        let mut upload = upload_to(&store);
        send(&mut upload, &bytes).await.unwrap_err();
        upload.abort().await.unwrap();
        assert_eq!(store.counts().count_of(Op::Abort), 1, "{op:?} {nth}");
        assert_eq!(stored(&store).await, None, "{op:?} {nth}");
    }
    // An upload that was not started has nothing to abort.
    let store = store_refusing(Op::Upload, 0);
    let mut upload = upload_to(&store);
    send(&mut upload, &bytes).await.unwrap_err();
    upload.abort().await.unwrap();
    assert_eq!(store.counts().count_of(Op::Abort), 0);
}

#[tokio::test]
async fn a_dropped_upload_is_aborted() {
    let bytes = bytes_of_parts();
    let store = store_refusing(Op::Part, 2);
    let mut upload = upload_to(&store);
    send(&mut upload, &bytes).await.unwrap_err();
    drop(upload);
    wait_for_abort(&store).await;

    // Also when nothing has failed.
    let store = FaultyStore::without_faults(Arc::new(InMemory::new()));
    let mut upload = upload_to(&store);
    upload.put_bytes(bytes).await.unwrap();
    drop(upload);
    wait_for_abort(&store).await;
    assert_eq!(stored(&store).await, None);
}
