//! The number of store calls per operation.

use std::sync::Arc;

use futures::StreamExt as _;
use object_store::memory::InMemory;
use sluice_fault_store::{FaultyStore, Op};

use super::faults::fixture_over;
use super::support::{LedgerFixture, bucket_path, expect_committed, note};

const ENTRIES: u64 = 100_000;

struct Setup {
    store: FaultyStore,
    subject: LedgerFixture,
}

impl Setup {
    async fn new() -> Self {
        let store = FaultyStore::without_faults(Arc::new(InMemory::new()));
        let subject = fixture_over(store.clone(), bucket_path);
        subject.fill_entries(ENTRIES).await;
        Self { store, subject }
    }

    /// Finds the tail as a new process does; returns the number of calls and of
    /// listed objects.
    async fn open(&self, hint: Option<String>) -> (usize, usize) {
        let path = self.subject.path("_hint.json");
        match hint {
            Some(hint) => self.subject.put(&path, hint).await,
            None => self.subject.remove(&path).await,
        }
        let counts = self.store.counts();
        counts.reset();
        let tail = self.subject.open().read_tail().await.unwrap().unwrap();
        assert_eq!(tail.seq, ENTRIES - 1);
        (counts.total(), counts.listed())
    }
}

#[tokio::test]
async fn a_long_ledger_is_opened_with_few_calls() {
    let t = Setup::new().await;
    let hint = |behind: u64| Some(format!("{{\"seq\":{}}}", ENTRIES - 1 - behind));
    // The hint, the entry, and the one after it.
    assert_eq!(t.open(hint(0)).await, (3, 0));
    for behind in [1, 8, 15, 31] {
        let (calls, listed) = t.open(hint(behind)).await;
        assert!(
            calls <= 14 && listed == 0,
            "hint {behind} entries old: {calls} calls"
        );
    }
    // log₂(100,000) is below 17; the search doubles, then halves.
    for behind in [1_000, 50_000, ENTRIES - 1] {
        let (calls, listed) = t.open(hint(behind)).await;
        assert!(
            calls <= 37 && listed == 0,
            "hint {behind} entries old: {calls} calls"
        );
    }
    // Without a usable hint, one listing from the end on, which finds no entries.
    for hint in [
        None,
        Some("nonsense".to_owned()),
        Some("{\"seq\":999999}".to_owned()),
    ] {
        let (calls, listed) = t.open(hint.clone()).await;
        assert!(
            calls <= 40 && listed <= 1,
            "hint {hint:?}: {calls} calls, {listed} listed"
        );
    }
}

#[tokio::test]
async fn a_running_process_needs_two_or_three_calls() {
    let t = Setup::new().await;
    let ledger = t.subject.open();
    ledger.read_tail().await.unwrap();
    let counts = t.store.counts();
    counts.reset();
    ledger.read_tail().await.unwrap();
    assert_eq!(
        (
            counts.count_of(Op::Get),
            counts.count_of(Op::Head),
            counts.total()
        ),
        (1, 1, 2)
    );
    let mut hints = 0;
    for seq in ENTRIES..ENTRIES + 32 {
        counts.reset();
        expect_committed(ledger.append(seq, note("a", seq)).await.unwrap());
        assert_eq!(
            (counts.count_of(Op::Head), counts.count_of(Op::Create)),
            (1, 1)
        );
        assert_eq!(counts.total(), 2 + counts.count_of(Op::Put));
        hints += counts.count_of(Op::Put);
    }
    assert_eq!(hints, 2);
}

#[tokio::test]
async fn a_range_is_not_read_far_ahead() {
    let t = Setup::new().await;
    let counts = t.store.counts();
    counts.reset();
    let ledger = t.subject.open();
    let mut entries = std::pin::pin!(ledger.read_range(0..=ENTRIES - 1));
    for seq in 0..10 {
        assert_eq!(entries.next().await.unwrap().unwrap().seq, seq);
    }
    assert!(
        counts.count_of(Op::Get) <= 10 + 16 + 1,
        "{}",
        counts.count_of(Op::Get)
    );
}
