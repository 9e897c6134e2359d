use std::path::Path as FsPath;

use chrono::Utc;
use sluice_ledger::AppendOutcome;
use sluice_storage::StoreOptions;
use uuid::Uuid;

use super::*;
use crate::entry::{
    CloseReason, ENTRY_VERSION, LandedRange, LandingEntry, StoredFile, TopicTotals,
};

const LINE: &str = "{\"n\":1}\n";

/// Creates a topic's folder in which each `landed` file is named by one entry and
/// the `orphans` by none, or continues it.
async fn topic(folder: &FsPath, landed: &[&str], orphans: &[&str]) {
    std::fs::create_dir_all(folder).unwrap();
    for name in landed.iter().chain(orphans) {
        std::fs::write(folder.join(name), LINE).unwrap();
    }
    let stores = Stores::new(StoreOptions::new());
    let location = stores.parse_location(folder.to_str().unwrap()).unwrap();
    let landing = TopicLanding::open(stores.open(&location).unwrap()).unwrap();
    let newest = landing.newest_entry().await.unwrap();
    for (seq, name) in (0..).zip(landed) {
        if newest.as_ref().is_some_and(|newest| newest.seq >= seq) {
            continue;
        }
        let parsed = LandingFileName::parse(name).unwrap();
        let batch = LandingEntry {
            version: ENTRY_VERSION,
            batch_id: Uuid::now_v7(),
            run_id: "run".to_owned(),
            run_continues: false,
            run_entries: Vec::new(),
            topic: "t".to_owned(),
            cluster_id: None,
            topic_id: None,
            started_at: Utc::now(),
            closed_by: CloseReason::CaughtUp,
            ranges: vec![LandedRange {
                partition: parsed.partition,
                start: parsed.start,
                end: parsed.end,
                rows: 1,
                rejects: 0,
                runs: None,
                file: Some(StoredFile {
                    path: (*name).to_owned(),
                    bytes: LINE.len() as u64,
                    checksum: "xxh3-64:0000000000000000".to_owned(),
                }),
                rejected: None,
                event_time: None,
                events_ahead: 0,
            }],
            holes: Vec::new(),
            next: [(parsed.partition, parsed.end)].into(),
            totals: TopicTotals::default(),
            event_time_field: None,
            progress: Default::default(),
        };
        let appended = landing.ledger().append(seq, batch).await.unwrap();
        assert!(matches!(appended, AppendOutcome::Committed(_)));
    }
}

async fn list(source: &str) -> Result<Vec<String>, LandedFilesError> {
    let stores = Stores::new(StoreOptions::new());
    let source = stores.parse_source(source).unwrap();
    let listing = list_landed(&stores, &source, &ListRules::default()).await?;
    Ok(names(&listing))
}

fn names(listing: &Listing) -> Vec<String> {
    let name = |file: &SourceFile| file.path.filename().unwrap().to_owned();
    listing.files.iter().map(name).collect()
}

const LANDED: &[&str] = &["t-0-0-1-aa.json", "t-0-1-2-bb.json"];
const ORPHANS: &[&str] = &["t-0-1-3-cc.json", "t-1-0-1-dd.json"];

#[tokio::test]
async fn what_no_entry_names_has_not_landed() {
    let root = tempfile::tempdir().unwrap();
    let path = |below: &str| root.path().join(below).to_str().unwrap().to_owned();
    topic(&root.path().join("t"), LANDED, ORPHANS).await;
    // Files that ingest did not write are kept.
    std::fs::write(root.path().join("t/by-hand.json"), LINE).unwrap();
    let all = ["by-hand.json", "t-0-0-1-aa.json", "t-0-1-2-bb.json"];
    for source in [path("t"), path("t/*.json"), path("*/*.json"), path("*")] {
        assert_eq!(list(&source).await.unwrap(), all, "{source}");
    }
    let error = list(&path("t/t-1*")).await.unwrap_err();
    assert!(
        matches!(error, LandedFilesError::Nothing { files: 1, .. }),
        "{error}"
    );
    // A file that is the source itself is kept.
    assert_eq!(
        list(&path("t/t-1-0-1-dd.json")).await.unwrap(),
        ["t-1-0-1-dd.json"]
    );
}

#[tokio::test]
async fn a_folder_without_a_ledger_is_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("t");
    topic(&folder, &[], ORPHANS).await;
    assert_eq!(list(folder.to_str().unwrap()).await.unwrap(), ORPHANS);
}

#[tokio::test]
async fn what_landed_must_be_there_and_whole() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("t");
    topic(&folder, LANDED, ORPHANS).await;
    let source = folder.to_str().unwrap();
    std::fs::write(folder.join(LANDED[1]), "{").unwrap();
    let error = list(source).await.unwrap_err();
    assert!(
        matches!(
            error,
            LandedFilesError::Size {
                seq: 1,
                found: 1,
                expected: 8,
                ..
            }
        ),
        "{error}"
    );
    std::fs::remove_file(folder.join(LANDED[0])).unwrap();
    let error = list(source).await.unwrap_err();
    assert!(
        matches!(error, LandedFilesError::Missing { seq: 0, .. }),
        "{error}"
    );
    std::fs::write(folder.join("_ledger/00000000000000000001.json"), "").unwrap();
    let error = list(source).await.unwrap_err();
    assert!(matches!(error, LandedFilesError::Ledger(_)), "{error}");
    assert_eq!(error.store_kind(), None);
}

/// Batches of two files are committed while a job lists the folder.
#[tokio::test]
async fn what_lands_while_the_folder_is_listed_is_not_missing() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("t");
    topic(&folder, &LANDED[..1], &[]).await;
    let stores = Stores::new(StoreOptions::new());
    let rules = ListRules::default();
    for source in ["t", "t/*.json", "*/*.json"] {
        let path = root.path().join(source).to_str().unwrap().to_owned();
        let source = stores.parse_source(&path).unwrap();
        let list = async || list_with_folders(&stores, &source, &rules, Some(LEDGER_FOLDER)).await;
        let mut stale = list().await.unwrap();
        stale
            .0
            .files
            .retain(|file| file.path.filename() == Some(LANDED[0]));
        if !folder.join(LANDED[1]).exists() {
            topic(&folder, LANDED, ORPHANS).await;
        }
        let listing = retain_landed(stale, &list).await.unwrap();
        assert_eq!(names(&listing), LANDED, "{path}");
    }
}

#[tokio::test]
async fn a_folder_that_appears_while_others_are_listed_belongs_to_the_next_job() {
    let root = tempfile::tempdir().unwrap();
    topic(&root.path().join("a"), &LANDED[..1], &[]).await;
    let stores = Stores::new(StoreOptions::new());
    let path = root.path().join("*/*.json").to_str().unwrap().to_owned();
    let source = stores.parse_source(&path).unwrap();
    let rules = ListRules::default();
    let list = async || list_with_folders(&stores, &source, &rules, Some(LEDGER_FOLDER)).await;
    let mut stale = list().await.unwrap();
    stale.0.files.clear();
    topic(&root.path().join("b"), &[], ORPHANS).await;
    let first = list().await.unwrap();
    stale.0.files.extend(
        first
            .0
            .files
            .iter()
            .filter(|file| file.path.as_ref().contains("/a/"))
            .cloned(),
    );
    topic(&root.path().join("a"), LANDED, &[]).await;
    let listing = retain_landed(stale, &list).await.unwrap();
    assert_eq!(names(&listing), LANDED);
}
