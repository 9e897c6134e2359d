use crate::log::checkpoint::is_checkpoint_due;
use crate::test_table::{Setup, committed_version, info, spec};

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_changes_nothing_but_what_is_read() {
    let t = Setup::new();
    for n in 0..4 {
        let file = t.file("a", Some(&n.to_string())).await;
        committed_version(t.replace("a", &[file]).await);
    }
    let before = t.content().await;
    t.table.write_checkpoint().await.unwrap();
    let log = t.folder.path().join("my table/_delta_log");
    assert!(log.join("_last_checkpoint").exists());
    assert!(log.join("00000000000000000003.checkpoint.parquet").exists());
    // The checkpoint replaces the entries.
    for n in 0..3 {
        std::fs::remove_file(log.join(format!("{n:020}.json"))).unwrap();
    }
    assert_eq!(t.content().await, before);
    let file = t.file("a", None).await;
    assert_eq!(
        committed_version(t.replace("a", std::slice::from_ref(&file)).await),
        4
    );
    assert_eq!(t.content().await, [file.path]);

    assert!(!is_checkpoint_due(0, &spec()));
    assert!(!is_checkpoint_due(49, &spec()));
    assert!(is_checkpoint_due(50, &spec()));
    let mut often = spec();
    often
        .properties
        .insert("delta.checkpointInterval".to_owned(), "3".to_owned());
    assert!(is_checkpoint_due(3, &often));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_deleted_and_made_anew_is_not_mistaken_for_the_old_one() {
    let t = Setup::new();
    for _ in 0..3 {
        let file = t.file("a", None).await;
        committed_version(t.replace("a", &[file]).await);
    }
    std::fs::remove_dir_all(t.folder.path().join("my table")).unwrap();
    assert!(t.table.load_snapshot().await.unwrap().is_none());
    let file = t.file("b", None).await;
    assert_eq!(committed_version(t.replace("b", &[file]).await), 0);
}

/// Our replay and `deltalake`'s must return the same table.
#[tokio::test(flavor = "multi_thread")]
async fn both_readers_agree() {
    let t = Setup::new();
    for n in 0..4 {
        let files = [t.file("a", Some("x%/y ü")).await, t.file("a", None).await];
        let mut spec = spec();
        spec.properties.insert("n".to_owned(), n.to_string());
        committed_version(t.table.commit_replace(&spec, &files, &info("a")).await);
        let ours = t.table.load_snapshot().await.unwrap().unwrap();
        let theirs = crate::Snapshot::load(t.table.log_store(), None)
            .await
            .unwrap()
            .unwrap();
        let mut files = theirs.files.clone();
        files.sort_by(|a, b| a.raw_path.cmp(&b.raw_path));
        assert_eq!(ours.files, files);
        let theirs = crate::Snapshot {
            files,
            txns: ours.txns.clone(),
            ..theirs
        };
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}

/// What reading the log says after its files were changed.
async fn error_after(change: impl Fn(&std::path::Path)) -> String {
    let t = Setup::new();
    for _ in 0..2 {
        let file = t.file("a", None).await;
        committed_version(t.replace("a", &[file]).await);
    }
    let log = t.folder.path().join("my table/_delta_log");
    change(&log);
    let error = t.open_again().load_snapshot().await.unwrap_err();
    assert_eq!(error.store_kind(), None, "{error}");
    error.to_string()
}

const FIRST: &str = "00000000000000000000.json";
const SECOND: &str = "00000000000000000001.json";

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_log_is_named_with_its_file() {
    let error = error_after(|log| std::fs::write(log.join(FIRST), "not json\n").unwrap()).await;
    assert!(
        error.starts_with(
            "the log of table 'my table' cannot be read: line 1 of \
             _delta_log/00000000000000000000.json is not JSON ("
        ),
        "{error}"
    );
    assert!(error.ends_with("to have it created anew"), "{error}");

    let truncated = |log: &std::path::Path| {
        let text = std::fs::read_to_string(log.join(SECOND)).unwrap();
        std::fs::write(log.join(SECOND), &text[..text.len() - 20]).unwrap();
    };
    let error = error_after(truncated).await;
    assert!(
        error.contains("_delta_log/00000000000000000001.json is not JSON (EOF"),
        "{error}"
    );

    let error = error_after(|log| std::fs::remove_file(log.join(FIRST)).unwrap()).await;
    assert!(
        error.contains("the entry of version 0 is missing"),
        "{error}"
    );

    let error = error_after(|log| std::fs::write(log.join(FIRST), "{}\n").unwrap()).await;
    assert!(error.contains("cannot be read: "), "{error}");

    let checkpoint = |log: &std::path::Path| {
        std::fs::write(log.join("00000000000000000001.checkpoint.parquet"), "x").unwrap();
    };
    let error = error_after(checkpoint).await;
    assert!(error.contains("cannot be read: "), "{error}");
    assert!(
        !error.contains("clone3") && !error.contains('\n'),
        "{error}"
    );
}
