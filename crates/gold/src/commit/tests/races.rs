//! Commits with faults of the store, and with other writers.

use std::collections::HashSet;
use std::io::ErrorKind;

use sluice_fault_store::Fault;
use sluice_storage::StoreErrorKind;

use super::super::*;
use crate::files::file_names::DataFileName;
use crate::test_table::{Setup, WRITE_AND_READ_FAIL, committed_version, overtaken};

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_unknown_fate_is_found_in_the_log() {
    for (at, faults) in [
        (0, &[Fault::LostAnswer][..]),
        (0, &[Fault::SentTwice]),
        (0, &[Fault::FalseConflict]),
        (0, &[Fault::LostRequest]),
        (
            0,
            &[Fault::LostRequest, Fault::LostRequest, Fault::LostAnswer],
        ),
        (0, &[WRITE_AND_READ_FAIL, Fault::LostAnswer]),
        (1, &[Fault::LostAnswer]),
        (1, &[Fault::SentTwice]),
        (1, &[Fault::FalseConflict]),
        (1, &[Fault::LostRequest, Fault::SentTwice]),
    ] {
        let t = Setup::new();
        for n in 0..at {
            let file = t.file(&format!("before{n}"), None).await;
            committed_version(t.replace("before", &[file]).await);
        }
        t.faults.set_faults(faults.iter().cloned());
        let file = t.file("a", None).await;
        let committed = committed_version(t.replace("a", std::slice::from_ref(&file)).await);
        assert_eq!(committed, at, "{faults:?}");
        assert_eq!(t.content().await, [file.path], "{faults:?}");
        assert_eq!(
            t.versions() as u64,
            at + 1,
            "{faults:?}: one entry for one commit"
        );
        assert_eq!(t.faults.faults_left(), 0, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_is_built_anew_on_the_winners_version() {
    let t = Setup::new();
    let before = t.file("before", None).await;
    committed_version(t.replace("before", &[before]).await);
    t.faults.set_faults([overtaken(), overtaken()]);
    let file = t.file("a", None).await;
    let outcome = t.replace("a", std::slice::from_ref(&file)).await.unwrap();
    let CommitOutcome::Committed {
        version, attempts, ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((version, attempts), (3, 3));
    assert_eq!(t.content().await, [file.path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_too_many_lost_races_it_is_a_conflict() {
    let t = Setup::new();
    let before = t.file("before", None).await;
    committed_version(t.replace("before", std::slice::from_ref(&before)).await);
    t.faults.set_faults(vec![overtaken(); 100]);
    let file = t.file("a", None).await;
    let outcome = t.replace("a", &[file]).await.unwrap();
    assert!(
        matches!(
            outcome,
            CommitOutcome::Conflict {
                attempts: MAX_ATTEMPTS,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(t.content().await, [before.path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_an_error_of_its_kind_and_commits_nothing() {
    let t = Setup::new();
    t.faults
        .set_faults([Fault::Refused(ErrorKind::StorageFull)]);
    let file = t.file("a", None).await;
    let error = t.replace("a", &[file]).await.unwrap_err();
    assert_eq!(error.store_kind(), Some(StoreErrorKind::NoSpace));
    assert!(!error.is_outcome_unknown());
    assert!(
        error.to_string().contains("no space left: free some space"),
        "{error}"
    );
    assert_eq!(t.versions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_reading_back_fails_too_the_outcome_is_unknown() {
    let t = Setup::new();
    t.faults
        .set_faults(vec![WRITE_AND_READ_FAIL; MAX_ATTEMPTS as usize]);
    let file = t.file("a", None).await;
    let error = t.replace("a", &[file]).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(error.store_kind(), Some(StoreErrorKind::Unreachable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_at_once_each_commit_whole_versions() {
    let t = Setup::new();
    let (a, b) = tokio::join!(
        async {
            for _ in 0..5 {
                let files = [t.file("a", Some("1")).await, t.file("a", Some("2")).await];
                committed_version(t.replace("a", &files).await);
            }
        },
        async {
            for _ in 0..5 {
                let files = [t.file("b", Some("1")).await, t.file("b", Some("2")).await];
                committed_version(t.replace("b", &files).await);
            }
        },
    );
    let ((), ()) = (a, b);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.version, 9, "ten commits, ten versions");
    assert_eq!(
        snapshot.files.len(),
        2,
        "the last commit's files and no others"
    );
    let jobs: HashSet<_> = snapshot
        .files
        .iter()
        .map(|file| {
            DataFileName::parse(file.path.rsplit('/').next().unwrap())
                .unwrap()
                .job_id
        })
        .collect();
    assert_eq!(jobs.len(), 1);
}
