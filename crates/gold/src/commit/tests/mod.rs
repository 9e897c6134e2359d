mod append;
mod prepared;
mod races;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::append::append_schema;
use super::*;
use crate::test_table::{Setup, committed_version, info, spec};

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_created_replaced_and_readable_by_deltalake() {
    let t = Setup::new();
    assert!(t.table.load_snapshot().await.unwrap().is_none());
    let first = t.file("a", Some("2024/01 ü%")).await;
    let outcome = t.replace("a", std::slice::from_ref(&first)).await.unwrap();
    let created = CommitOutcome::Committed {
        version: 0,
        created: true,
        removed_files: 0,
        attempts: 1,
    };
    assert_eq!(outcome, created);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.version, 0);
    assert_eq!(snapshot.description.as_deref(), Some("a test"));
    assert_eq!(snapshot.partition_by, ["day"]);
    assert_eq!((snapshot.reader_version, snapshot.writer_version), (1, 2));
    assert_eq!(snapshot.schema, crate::delta_schema(&spec().schema));
    assert_eq!(snapshot.files[0].path, first.path);
    assert_eq!(
        snapshot.files[0].partition_values["day"].as_deref(),
        Some("2024/01 ü%")
    );
    let files = snapshot.files.iter();
    t.table
        .verify_files(files.map(|file| (file.path.as_str(), file.size)))
        .await
        .unwrap();

    let second = [t.file("b", None).await, t.file("b", Some("x")).await];
    let outcome = t.replace("b", &second).await.unwrap();
    let replaced = CommitOutcome::Committed {
        version: 1,
        created: false,
        removed_files: 1,
        attempts: 1,
    };
    assert_eq!(outcome, replaced);
    let mut paths: Vec<_> = second.iter().map(|file| file.path.clone()).collect();
    paths.sort();
    assert_eq!(t.content().await, paths);

    let url = url::Url::from_directory_path(t.folder.path().join("my table")).unwrap();
    let theirs = deltalake_core::open_table(url).await.unwrap();
    assert_eq!(theirs.version(), Some(1));
    let mut uris: Vec<_> = theirs.get_file_uris().unwrap().collect();
    uris.sort();
    assert_eq!(uris.len(), 2);
    for (uri, path) in uris.iter().zip(&paths) {
        assert!(uri.ends_with(path.as_str()), "{uri} is not {path}");
    }
    // The first version's file is still there for readers of that version.
    let old = t.folder.path().join("my table").join(&first.path);
    assert!(old.exists(), "{}", old.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replace_may_change_columns_and_partitions() {
    let t = Setup::new();
    let file = t.file("a", Some("1")).await;
    committed_version(t.replace("a", &[file]).await);
    let mut wider = spec();
    wider.schema = Arc::new(Schema::new(vec![Field::new(
        "w",
        DataType::Utf8View,
        false,
    )]));
    wider.partition_by.clear();
    let mut file = t.file("b", None).await;
    file.partition_values.clear();
    committed_version(t.table.commit_replace(&wider, &[file], &info("b")).await);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.schema.field(0).name(), "w");
    assert!(snapshot.partition_by.is_empty());
    assert_eq!(snapshot.files.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_txn_number_is_taken_once() {
    let t = Setup::new();
    let numbered = |number: i64| CommitInfo {
        txn: Some(("job:a".to_owned(), number)),
        ..info("a")
    };
    let commit = async |number: i64| {
        let file = t.file("a", None).await;
        t.table
            .commit_replace(&spec(), &[file], &numbered(number))
            .await
            .unwrap()
    };
    assert!(matches!(
        commit(3).await,
        CommitOutcome::Committed { version: 0, .. }
    ));
    assert_eq!(
        commit(3).await,
        CommitOutcome::AlreadyCommitted { version: 0 }
    );
    assert_eq!(
        commit(2).await,
        CommitOutcome::AlreadyCommitted { version: 0 }
    );
    assert!(matches!(
        commit(4).await,
        CommitOutcome::Committed { version: 1, .. }
    ));
}
