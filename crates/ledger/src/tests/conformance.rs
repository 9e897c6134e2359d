//! What a ledger guarantees on any store.

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use uuid::Uuid;

use super::support::{LedgerFixture, Note, expect_committed, expect_lost, note};
use crate::{Damage, Entry, LedgerError, Snapshot};

/// Runs every check, each in its own folder.
pub(super) async fn conformance(subject: &LedgerFixture) {
    an_empty_ledger_has_no_tail(&subject.child("empty")).await;
    entries_are_read_as_they_were_written(&subject.child("round trip")).await;
    a_taken_number_is_lost(&subject.child("lost")).await;
    gaps_do_not_come_into_being(&subject.child("gap")).await;
    each_number_has_one_winner(&subject.child("concurrent")).await;
    no_hint_leads_astray(&subject.child("hint")).await;
    holes_are_found_out(&subject.child("hole")).await;
    damaged_files_are_named(&subject.child("damage")).await;
    clocks_do_not_matter(&subject.child("clock")).await;
    ranges_are_whole_or_fail(&subject.child("range")).await;
    snapshots_fit_or_are_ignored(&subject.child("snapshot")).await;
}

async fn an_empty_ledger_has_no_tail(subject: &LedgerFixture) {
    let ledger = subject.open();
    assert_eq!(ledger.read_tail().await.unwrap(), None);
    assert_eq!(ledger.read_entry(0).await.unwrap(), None);
    let snapshot = ledger.read_snapshot::<u64>().await.unwrap();
    assert_eq!(snapshot, None);
}

async fn entries_are_read_as_they_were_written(subject: &LedgerFixture) {
    let ledger = subject.open();
    let mut written = Vec::new();
    for number in 0..40 {
        // One large text, and one with characters that JSON escapes.
        let text = match number {
            7 => "x".repeat(1 << 20),
            8 => "\"\\\n\u{0}ü\u{1f600}".to_owned(),
            _ => "w".to_owned(),
        };
        let appended = ledger.append(number, note(&text, number)).await.unwrap();
        written.push(expect_committed(appended));
        assert_eq!(ledger.read_tail().await.unwrap().as_ref(), written.last());
    }
    for ledger in [ledger, subject.open()] {
        assert_eq!(ledger.read_tail().await.unwrap().as_ref(), written.last());
        assert_eq!(ledger.read_entry(8).await.unwrap().as_ref(), written.get(8));
        assert_eq!(ledger.read_entry(40).await.unwrap(), None);
        let read: Vec<_> = ledger.read_range(3..=39).try_collect().await.unwrap();
        assert_eq!(read, written[3..]);
        assert_eq!(ledger.clone().read_tail().await.unwrap().unwrap().seq, 39);
    }
    let ids: std::collections::HashSet<_> = written.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), written.len());
}

async fn a_taken_number_is_lost(subject: &LedgerFixture) {
    let (first, second) = (subject.open(), subject.open());
    let zero = expect_committed(first.append(0, note("a", 0)).await.unwrap());
    assert_eq!(
        expect_lost(second.append(0, note("b", 0)).await.unwrap()),
        zero
    );
    // An entry from an earlier append of the same writer counts as another's too.
    assert_eq!(
        expect_lost(first.append(0, note("a", 0)).await.unwrap()),
        zero
    );
    let one = expect_committed(second.append(1, note("b", 1)).await.unwrap());
    assert_eq!(
        expect_lost(first.append(1, note("a", 1)).await.unwrap()),
        one
    );
    assert_eq!(first.read_tail().await.unwrap(), Some(one));
}

async fn gaps_do_not_come_into_being(subject: &LedgerFixture) {
    let ledger = subject.open();
    let gap = |result: Result<_, LedgerError>| {
        let error: LedgerError = result.map(|_| ()).unwrap_err();
        assert!(matches!(error, LedgerError::Gap { .. }), "{error:?}");
        error.to_string()
    };
    let text = gap(ledger.append(1, note("a", 1)).await);
    assert!(text.contains("it has no entry 0"), "{text}");
    expect_committed(ledger.append(0, note("a", 0)).await.unwrap());
    gap(ledger.append(2, note("a", 2)).await);
    gap(ledger.append(u64::MAX, note("a", 2)).await);
    assert_eq!(ledger.read_tail().await.unwrap().unwrap().seq, 0);
    for seq in 1..3 {
        assert_eq!(subject.get(&subject.entry_path(seq)).await, None);
    }
}

async fn each_number_has_one_winner(subject: &LedgerFixture) {
    const WRITERS: usize = 4;
    const EACH: u64 = 8;
    let writers = (0..WRITERS).map(|writer| {
        let ledger = subject.open();
        tokio::spawn(async move {
            let mut won = Vec::new();
            let mut next = 0;
            while (won.len() as u64) < EACH {
                let body = note(&format!("w{writer}"), won.len() as u64);
                match ledger.append(next, body.clone()).await.unwrap() {
                    crate::AppendOutcome::Committed(entry) => won.push(entry),
                    crate::AppendOutcome::Lost(entry) => assert_ne!(entry.body, body),
                }
                next = ledger.read_tail().await.unwrap().unwrap().seq + 1;
            }
            won
        })
    });
    let mut won: Vec<Entry<Note>> = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        won.extend(writer.await.unwrap());
    }
    won.sort_by_key(|entry| entry.seq);
    let last = WRITERS as u64 * EACH - 1;
    let log: Vec<_> = subject
        .open()
        .read_range(0..=last)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(log, won);
    assert_eq!(subject.open().read_tail().await.unwrap().unwrap().seq, last);
}

async fn no_hint_leads_astray(subject: &LedgerFixture) {
    subject.fill_entries(21).await;
    let hint = subject.path("_hint.json");
    let ahead = format!("{{\"seq\":{}}}", u64::MAX);
    for text in [
        "{\"seq\":20}",
        "{\"seq\":0}",
        "{\"seq\":13}",
        "{\"seq\":21}",
        &ahead,
        "",
        "nonsense",
        "{\"seq\":-1}",
    ] {
        subject.put(&hint, text.to_owned()).await;
        let tail = subject.open().read_tail().await.unwrap().unwrap();
        assert_eq!(tail.seq, 20, "with the hint '{text}'");
    }
    subject.remove(&hint).await;
    assert_eq!(subject.open().read_tail().await.unwrap().unwrap().seq, 20);
    // A process that knows an older tail finds the new one.
    let ledger = subject.open();
    ledger.read_entry(2).await.unwrap();
    assert_eq!(ledger.read_tail().await.unwrap().unwrap().seq, 20);
}

async fn holes_are_found_out(subject: &LedgerFixture) {
    let none = subject.child("first");
    none.fill_entries(3).await;
    none.remove(&none.entry_path(0)).await;
    let missing = |error: LedgerError| match error {
        LedgerError::Missing { seq, found, .. } => (seq, found),
        other => panic!("{other:?}"),
    };
    let error = none.open().read_tail().await.unwrap_err();
    assert_eq!(missing(error), (0, Some(1)));

    let middle = subject.child("middle");
    middle.fill_entries(12).await;
    // A search from 0 probes 7.
    for seq in [7, 8] {
        middle.remove(&middle.entry_path(seq)).await;
    }
    let error = middle.open().read_tail().await.unwrap_err();
    assert!(
        error.to_string().contains("entry 7 of the ledger"),
        "{error}"
    );
    assert_eq!(missing(error), (7, Some(9)));

    // An entry that this process has read cannot disappear.
    let end = subject.child("end");
    end.fill_entries(5).await;
    let ledger = end.open();
    assert_eq!(ledger.read_tail().await.unwrap().unwrap().seq, 4);
    end.remove(&end.entry_path(4)).await;
    assert_eq!(missing(ledger.read_tail().await.unwrap_err()), (4, None));
    let gap = ledger.append(5, note("a", 5)).await.unwrap_err();
    assert!(matches!(gap, LedgerError::Gap { .. }), "{gap:?}");
}

async fn damaged_files_are_named(subject: &LedgerFixture) {
    subject.fill_entries(3).await;
    let path = subject.entry_path(2);
    let whole = subject.get(&path).await.unwrap();
    let first = subject.get(&subject.entry_path(0)).await.unwrap();
    let shown = subject.store_path.location.display_path(&path);
    let ledger = subject.open();
    for bytes in [
        whole.slice(..whole.len() / 2),
        whole.slice(..0),
        vec![0; whole.len()].into(),
        first,
        "<html>".into(),
    ] {
        subject.put(&path, bytes).await;
        for error in [
            ledger.read_entry(2).await.unwrap_err(),
            subject.open().read_tail().await.unwrap_err(),
            ledger.append(2, note("a", 2)).await.unwrap_err(),
            ledger
                .read_range(0..=2)
                .try_collect::<Vec<_>>()
                .await
                .unwrap_err(),
        ] {
            assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(&shown) && text.contains("backup"), "{text}");
        }
    }
    let error = ledger.read_entry(2).await.unwrap_err();
    let LedgerError::Damaged { damage, .. } = error else {
        panic!("{error:?}");
    };
    assert!(matches!(damage, Damage::NotAnEntry(_)), "{damage:?}");

    subject.put(&path, "{\"format\":2,\"new\":true}").await;
    let error = subject.open().read_tail().await.unwrap_err();
    assert!(matches!(error, LedgerError::Format { format: 2, .. }));
    let text = error.to_string();
    assert!(
        text.contains(&shown) && text.contains("a later one"),
        "{text}"
    );

    let other = Entry::new(2, "another kind of ledger").encode().unwrap();
    subject.put(&path, other).await;
    let error = subject.open().read_tail().await.unwrap_err();
    assert!(matches!(error, LedgerError::Body { .. }), "{error:?}");
    assert!(error.to_string().contains(&shown), "{error}");
}

async fn clocks_do_not_matter(subject: &LedgerFixture) {
    let times = [
        "2199-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2038-01-19T03:14:08Z",
    ];
    for (seq, time) in (0..).zip(times) {
        let entry = Entry {
            created_at: time.parse::<DateTime<Utc>>().unwrap(),
            ..Entry::new(seq, note("clock", seq))
        };
        subject
            .put(&subject.entry_path(seq), entry.encode().unwrap())
            .await;
    }
    let ledger = subject.open();
    assert_eq!(ledger.read_tail().await.unwrap().unwrap().seq, 2);
    let entry = expect_committed(ledger.append(3, note("clock", 3)).await.unwrap());
    assert_eq!(subject.open().read_tail().await.unwrap(), Some(entry));
}

async fn ranges_are_whole_or_fail(subject: &LedgerFixture) {
    subject.fill_entries(40).await;
    let ledger = subject.open();
    let read: Vec<_> = ledger.read_range(5..=39).try_collect().await.unwrap();
    let numbers: Vec<_> = read.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (5..40).collect::<Vec<_>>());
    #[allow(
        clippy::reversed_empty_ranges,
        reason = "nothing new is an empty range"
    )]
    let nothing: Vec<_> = ledger.read_range(40..=39).try_collect().await.unwrap();
    assert_eq!(nothing, []);
    let results: Vec<_> = futures::StreamExt::collect(ledger.read_range(38..=60)).await;
    assert_eq!(results.len(), 3, "it ends after the first error");
    assert!(matches!(
        results.last(),
        Some(Err(LedgerError::Missing { seq: 40, .. }))
    ));
}

async fn snapshots_fit_or_are_ignored(subject: &LedgerFixture) {
    let ledger = subject.open();
    let zero = expect_committed(ledger.append(0, note("a", 1)).await.unwrap());
    let one = expect_committed(ledger.append(1, note("a", 2)).await.unwrap());
    ledger.write_snapshot(&one, &vec![1, 2]).await.unwrap();
    let fresh = subject.open();
    let expected = Snapshot {
        seq: 1,
        state: vec![1, 2],
    };
    assert_eq!(fresh.read_snapshot().await.unwrap(), Some(expected));
    // A later version stores another state: replay.
    let other = fresh.read_snapshot::<String>().await.unwrap();
    assert_eq!(other, None);
    // An older one may replace it.
    ledger.write_snapshot(&zero, &vec![1]).await.unwrap();
    let snapshot = fresh.read_snapshot::<Vec<u64>>().await.unwrap();
    assert_eq!(snapshot.unwrap().seq, 0);
    // The tail does not depend on it.
    assert_eq!(subject.open().read_tail().await.unwrap(), Some(one));
    // Snapshots of an earlier ledger in this folder, or of entries that a backup
    // does not have.
    for (seq, id) in [(0, Uuid::new_v4()), (9, zero.id)] {
        let foreign = Entry {
            seq,
            id,
            ..zero.clone()
        };
        ledger.write_snapshot(&foreign, &vec![7]).await.unwrap();
        let snapshot = fresh.read_snapshot::<Vec<u64>>().await.unwrap();
        assert_eq!(snapshot, None);
    }
    for text in ["", "nonsense", "{\"format\":2,\"seq\":0}"] {
        subject.put(&subject.path("_snapshot.json"), text).await;
        let snapshot = fresh.read_snapshot::<Vec<u64>>().await.unwrap();
        assert_eq!(snapshot, None);
    }
}
