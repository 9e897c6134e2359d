use std::collections::HashSet;

use crate::test_table::{Setup, committed_version};

#[tokio::test(flavor = "multi_thread")]
async fn clean_up_takes_only_what_no_commit_names() {
    let t = Setup::new();
    let committed = t.file("job-1", Some("a/b ü")).await;
    committed_version(t.replace("job-1", std::slice::from_ref(&committed)).await);
    let lost = [
        t.file("job-1", Some("a/b ü")).await,
        t.file("job-1", None).await,
    ];
    let other = t.file("job-1-2", None).await;
    let root = t.folder.path().join("my table");
    let temporary = root.join(format!("{}#12345", lost[1].path));
    std::fs::write(&temporary, "x").unwrap();
    std::fs::write(root.join("readme.txt"), "x").unwrap();

    // Another job replaced the table meanwhile: our file is a tombstone now, but
    // a reader may still be reading it.
    committed_version(t.replace("job-9", &[]).await);
    let cleanup = t
        .table
        .cleanup_uncommitted("job-1", &HashSet::new())
        .await
        .unwrap();
    assert_eq!((cleanup.deleted_files, cleanup.deleted_bytes), (2, 8));
    assert_eq!((cleanup.deleted_temporaries, cleanup.kept_files), (1, 1));
    assert!(root.join(&committed.path).exists());
    assert!(root.join(&other.path).exists());
    assert!(root.join("readme.txt").exists());
    assert!(!temporary.exists());
    assert!(lost.iter().all(|file| !root.join(&file.path).exists()));

    // With the committed files, only their partitions are listed.
    let lost = [
        t.file("job-1", Some("a/b ü")).await,
        t.file("job-1", Some("other")).await,
    ];
    let known = HashSet::from([committed.path.clone()]);
    let cleanup = t.table.cleanup_uncommitted("job-1", &known).await.unwrap();
    assert_eq!((cleanup.deleted_files, cleanup.kept_files), (1, 1));
    assert!(!root.join(&lost[0].path).exists());
    assert!(root.join(&lost[1].path).exists());
    let cleanup = t.table.cleanup_uncommitted("job-1", &known).await.unwrap();
    assert_eq!((cleanup.deleted_files, cleanup.kept_files), (0, 1));
    // A table that was never created.
    let empty = Setup::new();
    let cleanup = empty
        .table
        .cleanup_uncommitted("job-1", &known)
        .await
        .unwrap();
    assert_eq!(cleanup, crate::CleanupSummary::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_verified_before_and_after() {
    let t = Setup::new();
    let mut file = t.file("a", Some("x y")).await;
    t.table
        .verify_files([(file.path.as_str(), 4)])
        .await
        .unwrap();
    file.size = 5;
    let error = t
        .table
        .verify_files([(file.path.as_str(), 5)])
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("4 bytes instead of 5"),
        "{error}"
    );
    let error = t.table.verify_files([("none", 5)]).await.unwrap_err();
    assert!(error.to_string().contains("it is missing"), "{error}");
}
