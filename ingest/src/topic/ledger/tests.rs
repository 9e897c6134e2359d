use sluice_landing::{CloseReason, Hole, StoredFile};
use sluice_storage::{StoreOptions, Stores};
use uuid::Uuid;

use super::*;
use crate::batch::draft::{BatchContent, RunIdentity, TopicIdentity};
use crate::batch::landing_file::discard_files;
use crate::batch::start_offsets::BatchStart;

struct TestLedger {
    root: tempfile::TempDir,
    place: StorePath,
    ledger: Ledger<LandingEntry>,
}

fn test_ledger() -> TestLedger {
    let root = tempfile::tempdir().unwrap();
    let stores = Stores::new(StoreOptions::new());
    let location = stores
        .parse_location(root.path().to_str().unwrap())
        .unwrap();
    let place = stores.open(&location).unwrap();
    let ledger = sluice_landing::open_ledger(&place).unwrap();
    TestLedger {
        root,
        place,
        ledger,
    }
}

fn range_of(partition: i32, start: i64, end: i64, path: &str) -> LandedRange {
    LandedRange {
        partition,
        start,
        end,
        rows: (end - start).unsigned_abs(),
        rejects: 0,
        runs: None,
        file: Some(StoredFile {
            path: path.to_owned(),
            bytes: 5,
            checksum: String::new(),
        }),
        rejected: None,
        event_time: None,
        events_ahead: 0,
    }
}

fn draft_of(run_id: &str, ranges: Vec<LandedRange>) -> BatchDraft {
    BatchDraft {
        batch_id: Uuid::new_v4(),
        started_at: Utc::now(),
        topic: TopicIdentity {
            name: "t".to_owned(),
            cluster_id: None,
            topic_id: None,
        },
        run: RunIdentity {
            id: run_id.to_owned(),
            named: false,
            entries: Vec::new(),
        },
        run_continues: false,
        start: BatchStart {
            offsets: ranges
                .iter()
                .rev()
                .map(|r| (r.partition, r.start))
                .collect(),
            holes: Vec::new(),
        },
        content: BatchContent {
            ranges,
            closed_by: CloseReason::Duration,
            caught_up: BTreeMap::new(),
        },
        event_time_field: None,
    }
}

impl TestLedger {
    /// The ledger as a run sees it that has read this entry last.
    fn seen_by_run(&self, newest: Option<Entry<LandingEntry>>) -> TopicLedger {
        TopicLedger {
            topic: "t".to_owned(),
            ledger: self.ledger.clone(),
            newest,
        }
    }

    /// Commits a draft as a run does that has read this entry last.
    async fn commit_after(
        &self,
        newest: Option<Entry<LandingEntry>>,
        draft: &BatchDraft,
    ) -> Result<CommitOutcome, IngestError> {
        self.seen_by_run(newest).commit(draft).await
    }
}

fn expect_entry(committed: CommitOutcome) -> (Entry<LandingEntry>, Vec<LandedRange>) {
    match committed {
        CommitOutcome::Entry { entry, dropped } => (entry, dropped),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn batches_follow_one_another_and_totals_add_up() {
    let bench = test_ledger();
    let first = draft_of(
        "a",
        vec![
            range_of(0, 0, 5, "1"),
            range_of(0, 5, 9, "2"),
            range_of(1, 3, 4, "3"),
        ],
    );
    let (one, _) = expect_entry(bench.commit_after(None, &first).await.unwrap());
    assert_eq!(one.body.next, [(0, 9), (1, 4)].into());
    let mut second = draft_of("b", vec![range_of(1, 4, 6, "4")]);
    second.content.caught_up.insert(1, Utc::now());
    second.content.caught_up.insert(0, Utc::now());
    let (two, _) = expect_entry(bench.commit_after(Some(one), &second).await.unwrap());
    assert_eq!(two.seq, 1);
    assert_eq!(two.body.totals.rows, 12);
    assert_eq!(two.body.totals.files, 4);
    assert_eq!(two.body.totals.bytes, 20);
    assert_eq!(two.body.next, [(0, 9), (1, 6)].into());
    // Partition 0 was not in the batch, so nothing is known about its end.
    assert_eq!(two.body.progress.keys().copied().collect::<Vec<_>>(), [1]);
    assert_eq!(bench.ledger.read_tail().await.unwrap(), Some(two));
}

#[tokio::test]
async fn the_slower_of_two_runs_keeps_what_still_connects() {
    let bench = test_ledger();
    let quick = draft_of("quick", vec![range_of(0, 0, 5, "q")]);
    let slow = draft_of(
        "slow",
        vec![range_of(0, 0, 7, "s0"), range_of(1, 0, 2, "s1")],
    );
    bench.commit_after(None, &quick).await.unwrap();
    // The slow run read the ledger before the quick one committed.
    let (entry, dropped) = expect_entry(bench.commit_after(None, &slow).await.unwrap());
    assert_eq!(entry.seq, 1);
    assert_eq!(entry.body.next, [(0, 5), (1, 2)].into());
    assert_eq!(dropped.len(), 1);
    for name in ["s0", "s1"] {
        std::fs::write(bench.root.path().join(name), "x").unwrap();
    }
    discard_files(&bench.place, &dropped).await;
    assert!(!bench.root.path().join("s0").exists());
    assert!(bench.root.path().join("s1").exists());
    // Another run has committed all of it.
    let late = draft_of("late", vec![range_of(0, 0, 7, "l")]);
    let mut seen = bench.seen_by_run(None);
    match seen.commit(&late).await.unwrap() {
        CommitOutcome::NothingToCommit { dropped } => {
            assert_eq!(seen.newest().unwrap().seq, 1);
            assert_eq!(dropped.len(), 1);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_run_is_recognized_by_its_id() {
    let bench = test_ledger();
    let mut named = draft_of("nightly", vec![]);
    named.run.named = true;
    named.start.offsets = [(0, 4)].into();
    let (first, _) = expect_entry(bench.commit_after(None, &named).await.unwrap());
    assert_eq!(first.body.next, [(0, 4)].into());
    let mut newest = first;
    for at in 0..70 {
        let next = draft_of("other", vec![range_of(0, 4 + at, 5 + at, "f")]);
        (newest, _) = expect_entry(bench.commit_after(Some(newest), &next).await.unwrap());
    }
    let found = bench
        .seen_by_run(Some(newest.clone()))
        .find_run("nightly")
        .await;
    assert_eq!(found.unwrap().unwrap().seq, 0);
    let found = bench
        .seen_by_run(Some(newest.clone()))
        .find_run("weekly")
        .await;
    assert_eq!(found.unwrap(), None);
    // The same run twice at once: the second sees the first's entry.
    let mut twin = draft_of("nightly", vec![range_of(0, 4, 5, "f")]);
    twin.run.named = true;
    let committed = bench.commit_after(None, &twin).await.unwrap();
    assert!(
        matches!(committed, CommitOutcome::SameRun { .. }),
        "{committed:?}"
    );
}

#[tokio::test]
async fn an_old_batch_is_not_committed() {
    let bench = test_ledger();
    let mut old = draft_of("old", vec![range_of(0, 0, 5, "o")]);
    old.started_at = Utc::now() - TimeDelta::hours(13);
    let error = bench.commit_after(None, &old).await.unwrap_err();
    assert!(
        matches!(error, IngestError::TooOld { hours: 13, .. }),
        "{error}"
    );
    assert_eq!(bench.ledger.read_tail().await.unwrap(), None);
}

#[tokio::test]
async fn an_empty_batch_says_nothing_but_where_a_ledger_begins() {
    let bench = test_ledger();
    let mut empty = draft_of("a", vec![]);
    empty.start.offsets = [(0, 100)].into();
    let (first, _) = expect_entry(bench.commit_after(None, &empty).await.unwrap());
    assert_eq!(first.body.next, [(0, 100)].into());
    let committed = bench.commit_after(Some(first), &empty).await.unwrap();
    assert!(
        matches!(committed, CommitOutcome::NothingToCommit { .. }),
        "{committed:?}"
    );
}

#[tokio::test]
async fn a_hole_is_recorded_and_counted() {
    let bench = test_ledger();
    let (first, _) = expect_entry(
        bench
            .commit_after(None, &draft_of("a", vec![range_of(0, 0, 5, "1")]))
            .await
            .unwrap(),
    );
    let mut lossy = draft_of("b", vec![range_of(0, 8, 9, "2")]);
    lossy.start.holes = vec![Hole {
        partition: 0,
        start: 5,
        end: 8,
    }];
    let (second, _) = expect_entry(bench.commit_after(Some(first), &lossy).await.unwrap());
    assert_eq!(second.body.next, [(0, 9)].into());
    assert_eq!(
        (second.body.totals.holes, second.body.totals.lost_offsets),
        (1, 3)
    );
}

#[tokio::test]
async fn each_entry_of_a_run_names_those_before_it() {
    let bench = test_ledger();
    let mut long = draft_of("nightly", vec![range_of(0, 0, 5, "1")]);
    (long.run.named, long.run_continues) = (true, true);
    let (first, _) = expect_entry(bench.commit_after(None, &long).await.unwrap());
    assert_eq!(first.body.run_entries, [0; 0]);
    let other = draft_of("other", vec![range_of(0, 5, 6, "2")]);
    let (second, _) = expect_entry(bench.commit_after(Some(first), &other).await.unwrap());
    let mut more = draft_of("nightly", vec![range_of(0, 6, 9, "3")]);
    (more.run.named, more.run.entries) = (true, vec![0]);
    let (third, _) = expect_entry(bench.commit_after(Some(second), &more).await.unwrap());
    assert_eq!(third.body.run_entries, [0]);
}

#[tokio::test]
async fn a_late_run_learns_of_its_twin_wherever_that_is_in_the_ledger() {
    let bench = test_ledger();
    let append = async |newest, draft: &BatchDraft| {
        let (entry, _) = expect_entry(bench.commit_after(Some(newest), draft).await.unwrap());
        entry
    };
    let first = draft_of("other", vec![range_of(0, 0, 1, "0")]);
    let (first, _) = expect_entry(bench.commit_after(None, &first).await.unwrap());
    let mut twin = draft_of("weekly", vec![range_of(1, 0, 3, "2")]);
    (twin.run.named, twin.run_continues) = (true, true);
    // Neither the next entry nor the newest one is the twin's.
    let newest = append(
        first.clone(),
        &draft_of("other", vec![range_of(0, 1, 2, "1")]),
    )
    .await;
    let of_twin = append(newest, &twin).await;
    let newest = append(
        of_twin.clone(),
        &draft_of("other", vec![range_of(0, 2, 3, "3")]),
    )
    .await;
    let mut late = draft_of("weekly", vec![range_of(2, 0, 3, "4")]);
    (late.run.named, late.run_continues) = (true, true);
    let of_late = append(first.clone(), &late).await;
    assert_eq!(of_late.seq, newest.seq + 1);
    assert_eq!(of_late.body.run_entries, [of_twin.seq]);

    let mut over = draft_of("weekly", vec![range_of(1, 3, 4, "5")]);
    over.run.named = true;
    let over = append(of_late, &over).await;
    append(
        over.clone(),
        &draft_of("other", vec![range_of(0, 3, 4, "6")]),
    )
    .await;
    match bench.commit_after(Some(first), &late).await.unwrap() {
        CommitOutcome::SameRun { entry } => assert_eq!(entry, over),
        other => panic!("{other:?}"),
    }
}
