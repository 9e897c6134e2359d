use std::collections::HashSet;
use std::path::Path;

use sluice_storage::{StoreErrorKind, StoreOptions, Stores};

use crate::table::GoldTables;
use crate::test_table::{Setup, committed_version};

fn write(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "x").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_table_may_have_our_files_and_hidden_ones() {
    let t = Setup::new();
    assert_eq!(
        t.table.check_target(false).await.unwrap(),
        Default::default()
    );
    t.file("job-1", Some("1")).await;
    let folder = t.folder.path().join("my table");
    for name in ["_SUCCESS", ".part.crc", "_temporary/a.parquet"] {
        write(&folder.join(name));
    }
    assert_eq!(
        t.table.check_target(false).await.unwrap(),
        Default::default()
    );
    for name in ["a.parquet", "b/c.parquet", "d.csv", "e"] {
        write(&folder.join(name));
    }
    let found = t.table.check_target(false).await.unwrap();
    assert_eq!((found.version, found.foreign_files), (None, 4));
    assert_eq!(found.first_foreign_files.len(), 3);

    let file = t.file("job-1", None).await;
    committed_version(t.replace("job-1", &[file]).await);
    let found = t.table.check_target(false).await.unwrap();
    assert_eq!((found.version, found.foreign_files), (Some(0), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_replaced_is_refused() {
    let t = Setup::new();
    let file = t.file("a", None).await;
    committed_version(t.replace("a", &[file]).await);
    let log = t.folder.path().join("my table/_delta_log");
    let line = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":5}}"#;
    std::fs::write(log.join("00000000000000000001.json"), line).unwrap();
    let error = t.table.check_target(false).await.unwrap_err().to_string();
    assert!(error.contains("writer version 5"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_place_of_the_folder_is_named() {
    let t = Setup::new();
    write(&t.folder.path().join("my table"));
    let error = t.table.check_target(false).await.unwrap_err();
    assert_eq!(error.store_kind(), Some(StoreErrorKind::Other));
    let chain: Vec<String> =
        std::iter::successors(Some(&error as &dyn std::error::Error), |error| {
            error.source()
        })
        .map(ToString::to_string)
        .collect();
    assert!(
        chain.iter().any(|text| text.contains("is not a folder")),
        "{chain:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tables_are_found_with_their_last_commit() {
    let t = Setup::new();
    let file = t.file("a", None).await;
    committed_version(t.replace("a", &[file]).await);
    let root = t.folder.path();
    let log = "_delta_log/00000000000000000003.json";
    let info = r#"{"commitInfo":{"timestamp":7,"engineInfo":"delta-rs:1","operation":"WRITE"}}"#;
    for name in ["made", "b", "a", ".hidden/x"] {
        write(&root.join(name).join(log));
        std::fs::write(root.join(name).join(log), info).unwrap();
    }
    write(&root.join("c").join(log));
    write(&root.join("no table/x.parquet"));
    write(&root.join("file"));

    let tables = GoldTables::new(Stores::new(StoreOptions::new()));
    let made = HashSet::from(["made"]);
    let found = tables.find_other_tables(t.root(), &made).await.unwrap();
    let names: Vec<&str> = found.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "my table"]);
    assert_eq!(found[0].committed_ms, 7);
    assert_eq!(found[0].engine.as_deref(), Some("delta-rs:1"));
    assert_eq!(found[0].job_name, None);
    // Without a commit info, the entry's own time.
    assert!(found[2].committed_ms > 1_000);
    assert_eq!(found[3].job_name.as_deref(), Some("test"));
    assert!(found[3].location.ends_with("my table"));
}
