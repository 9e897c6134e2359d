//! Single faults of a store, and the whole suite on a faulty store.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use sluice_fault_store::{Call, Delay, Fault, FaultScript, FaultyStore, Op};
use sluice_storage::{DurableLocal, StoreErrorKind, StorePath};

use super::conformance::conformance;
use super::support::{LedgerFixture, bucket_path, expect_committed, expect_lost, local_path, note};
use crate::{Entry, LedgerError};

/// Faults that an append recovers from: every second write of an entry gets one,
/// and some writes of the hint are lost.
pub(super) fn recoverable_faults() -> impl Fn(&Call<'_>) -> Option<Fault> + Send + Sync + 'static {
    let soon = Delay::For(Duration::from_millis(2));
    let faults = [
        Fault::LostAnswer,
        Fault::SentTwice,
        Fault::FalseConflict,
        Fault::LostRequest,
        Fault::DelayedRequest(soon),
        Fault::DelayedAnswer(soon),
        Fault::ArrivesAfterTimeout(soon),
    ];
    let (creates, puts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    move |call| match call.op {
        Op::Create => {
            let nth = creates.fetch_add(1, Ordering::Relaxed);
            nth.is_multiple_of(2)
                .then(|| faults[nth / 2 % faults.len()].clone())
        }
        Op::Put if call.path.as_ref().ends_with("_hint.json") => {
            let nth = puts.fetch_add(1, Ordering::Relaxed);
            nth.is_multiple_of(3).then_some(Fault::LostRequest)
        }
        _ => None,
    }
}

/// A ledger on a faulty store, with access to the store without faults.
pub(super) fn fixture_over(
    faulty: FaultyStore,
    place: impl FnOnce(Arc<dyn ObjectStore>) -> StorePath,
) -> LedgerFixture {
    let raw = Arc::clone(faulty.inner());
    LedgerFixture {
        store_path: place(Arc::new(faulty)),
        faultless_store: raw,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_in_a_faulty_memory_conforms() {
    let faulty = FaultyStore::new(Arc::new(InMemory::new()), recoverable_faults());
    conformance(&fixture_over(faulty, bucket_path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_a_faulty_disk_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let hiccups = recoverable_faults();
    // On a disk, no write arrives after its call has returned.
    let faulty = FaultyStore::new(Arc::new(DurableLocal::new()), move |call| {
        hiccups(call).filter(|fault| !matches!(fault, Fault::ArrivesAfterTimeout(_)))
    });
    conformance(&fixture_over(faulty, |store| {
        local_path(store, folder.path())
    }))
    .await;
}

struct Setup {
    store: FaultyStore,
    /// The faults of the next writes of entries, and of reads of entries.
    writes: FaultScript,
    reads: FaultScript,
    subject: LedgerFixture,
}

impl Setup {
    fn new() -> Self {
        let (writes, reads) = (FaultScript::default(), FaultScript::default());
        let (next_write, next_read) = (writes.clone(), reads.clone());
        let store = FaultyStore::new(Arc::new(InMemory::new()), move |call| match call.op {
            Op::Create => next_write.take_next(),
            Op::Get => next_read.take_next(),
            _ => None,
        });
        let subject = fixture_over(store.clone(), bucket_path);
        Self {
            store,
            writes,
            reads,
            subject,
        }
    }

    async fn entries(&self) -> usize {
        let mut count = 0;
        while self
            .subject
            .get(&self.subject.entry_path(count))
            .await
            .is_some()
        {
            count += 1;
        }
        count as usize
    }
}

#[tokio::test]
async fn our_own_write_is_known_again() {
    for fault in [Fault::LostAnswer, Fault::SentTwice] {
        let t = Setup::new();
        t.writes.set_faults([fault]);
        // Even when reading back fails at first.
        t.reads.set_faults([Fault::LostAnswer, Fault::LostAnswer]);
        let entry = expect_committed(t.subject.open().append(0, note("a", 0)).await.unwrap());
        assert_eq!(t.subject.open().read_tail().await.unwrap(), Some(entry));
        assert_eq!(t.entries().await, 1);
    }
}

#[tokio::test]
async fn what_did_not_arrive_is_sent_again() {
    for fault in [Fault::LostRequest, Fault::FalseConflict] {
        let t = Setup::new();
        t.writes.set_faults([fault.clone(), fault]);
        let entry = expect_committed(t.subject.open().append(0, note("a", 0)).await.unwrap());
        assert_eq!(t.subject.open().read_tail().await.unwrap(), Some(entry));
        assert_eq!(t.store.counts().count_of(Op::Create), 3);
    }
}

#[tokio::test]
async fn a_stray_write_and_its_repetition_are_one_entry() {
    let t = Setup::new();
    t.writes
        .set_faults([Fault::ArrivesAfterTimeout(Delay::Turns(3))]);
    let entry = expect_committed(t.subject.open().append(0, note("a", 0)).await.unwrap());
    Delay::Turns(5).wait_out().await;
    assert_eq!(t.subject.open().read_tail().await.unwrap(), Some(entry));
    assert_eq!(t.entries().await, 1);
}

#[tokio::test]
async fn another_writer_is_recognized() {
    let t = Setup::new();
    let theirs = Entry::new(0, note("b", 0));
    t.writes.set_faults([
        Fault::LostRequest,
        Fault::OtherWriterFirst(theirs.encode().unwrap().into()),
    ]);
    let winner = expect_lost(t.subject.open().append(0, note("a", 0)).await.unwrap());
    assert_eq!(winner, theirs);
    assert_eq!(t.entries().await, 1);
}

#[tokio::test]
async fn a_refusal_is_final() {
    let t = Setup::new();
    t.writes
        .set_faults([Fault::Refused(io::ErrorKind::PermissionDenied)]);
    let error = t.subject.open().append(0, note("a", 0)).await.unwrap_err();
    assert!(matches!(error, LedgerError::Store(_)), "{error:?}");
    assert_eq!(error.store_kind(), Some(StoreErrorKind::PermissionDenied));
    assert_eq!(t.store.counts().count_of(Op::Create), 1);
    // But it does not settle a request that was sent before, and that does not arrive
    // during this test, however slow the machine is.
    t.writes.set_faults([
        Fault::ArrivesAfterTimeout(Delay::For(Duration::from_secs(600))),
        Fault::Refused(io::ErrorKind::PermissionDenied),
    ]);
    let error = t.subject.open().append(0, note("a", 0)).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
}

#[tokio::test]
async fn a_dead_store_leaves_the_outcome_open_unless_it_is_a_disk() {
    let t = Setup::new();
    t.writes.set_faults(vec![Fault::LostRequest; 100]);
    let error = t
        .subject
        .open_without_pauses()
        .append(0, note("a", 0))
        .await
        .unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    let LedgerError::OutcomeUnknown { id, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(error.to_string().contains(&id.to_string()), "{error}");
    assert_eq!(t.entries().await, 0);
    // The next one decides it.
    t.writes.set_faults([]);
    expect_committed(
        t.subject
            .open_without_pauses()
            .append(0, note("a", 0))
            .await
            .unwrap(),
    );

    let folder = tempfile::tempdir().unwrap();
    let place = local_path(Arc::new(t.store.clone()), folder.path());
    let on_disk = LedgerFixture::new(place);
    t.writes.set_faults(vec![Fault::LostRequest; 100]);
    let error = on_disk
        .open_without_pauses()
        .append(0, note("a", 0))
        .await
        .unwrap_err();
    assert!(matches!(error, LedgerError::Store(_)), "{error:?}");
}

#[tokio::test]
async fn failing_reads_are_errors_and_no_empty_ledgers() {
    let t = Setup::new();
    t.subject.fill_entries(3).await;
    t.reads.set_faults(vec![Fault::LostAnswer; 10]);
    // The hint is a read too, and its failure does not count.
    let error = t.subject.open().read_tail().await.unwrap_err();
    assert_eq!(error.store_kind(), Some(StoreErrorKind::Unreachable));
    assert!(t.subject.open().read_entry(1).await.is_err());
    assert!(t.subject.open().read_snapshot::<u64>().await.is_err());
}
