//! Commits and listings on the S3 server that `SLUICE_TEST_S3` names (for example
//! moto on `http://127.0.0.1:5000`). Without it, the tests are skipped with a
//! message.

#![allow(clippy::print_stderr, reason = "a skipped test must say so")]

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use sluice_storage::{ListRules, Location, StoreErrorKind, StoreOptions, Stores, list_source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use crate::{CommitInfo, CommitOutcome, DataFile, DataFileName, FileStats, GoldTable, TableSpec};

async fn bucket() -> Option<(Stores, String)> {
    let Ok(endpoint) = std::env::var("SLUICE_TEST_S3") else {
        eprintln!("SKIPPED: set SLUICE_TEST_S3 to the URL of an S3 server to test against it");
        return None;
    };
    let bucket = format!("b{}", Uuid::new_v4().simple());
    let host = endpoint.strip_prefix("http://").expect("an http:// URL");
    let mut stream = tokio::net::TcpStream::connect(host)
        .await
        .expect("the server answers");
    let request = format!(
        "PUT /{bucket} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.split(' ').nth(1), Some("200"), "{answer}");
    let mut options = StoreOptions::new();
    for (key, value) in [
        ("sluice.s3.endpoint", endpoint.as_str()),
        ("sluice.s3.region", "us-east-1"),
        ("sluice.s3.access_key_id", "test"),
        ("sluice.s3.secret_access_key", "test"),
        ("sluice.s3.allow_http", "true"),
    ] {
        options.set(key, value).unwrap();
    }
    Some((Stores::new(options), bucket))
}

fn info(job: &str) -> CommitInfo {
    CommitInfo {
        job_id: job.to_owned(),
        job_name: "test".to_owned(),
        engine: "sluice/0.1.0".to_owned(),
        commit_id: Uuid::new_v4(),
        txn: None,
    }
}

async fn file(table: &GoldTable, job: &str) -> DataFile {
    let path = DataFileName::new(job, 0).unwrap().to_string();
    let full = table.location().join(&path).unwrap();
    table
        .store_path()
        .store
        .put(full.path(), "data".into())
        .await
        .unwrap();
    DataFile {
        path,
        size: 4,
        modification_time_ms: 1,
        partition_values: Vec::new(),
        stats: FileStats::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_on_s3_exclude_each_other() {
    let Some((stores, bucket)) = bucket().await else {
        return;
    };
    let root = stores
        .parse_location(&format!("s3a://{bucket}/gold zone"))
        .unwrap();
    let spec = TableSpec {
        name: "t".to_owned(),
        schema: Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, true)])),
        partition_by: Vec::new(),
        properties: Default::default(),
        comment: None,
    };
    let writer = async |job: &'static str| {
        let table = GoldTable::open(&stores, &root, "t").unwrap();
        for _ in 0..4 {
            let adds = [file(&table, job).await];
            let outcome = table
                .commit_replace(&spec, &adds, &info(job))
                .await
                .unwrap();
            assert!(
                matches!(outcome, CommitOutcome::Committed { .. }),
                "{outcome:?}"
            );
        }
    };
    tokio::join!(writer("a"), writer("b"));
    let table = GoldTable::open(&stores, &root, "t").unwrap();
    let snapshot = table.load_snapshot().await.unwrap().unwrap();
    assert_eq!((snapshot.version, snapshot.files.len()), (7, 1));
    let files = snapshot.files.iter();
    table
        .verify_files(files.map(|file| (file.path.as_str(), file.size)))
        .await
        .unwrap();
    table.write_checkpoint().await.unwrap();
    let lost = file(&table, "a").await;
    let cleanup = table
        .cleanup_uncommitted("a", &HashSet::new())
        .await
        .unwrap();
    assert_eq!((cleanup.deleted_files, cleanup.kept_files), (1, 4));
    assert!(table.verify_files([(lost.path.as_str(), 4)]).await.is_err());
    let fresh = GoldTable::open(&stores, &root, "t").unwrap();
    assert_eq!(
        fresh.load_snapshot().await.unwrap().unwrap().files,
        snapshot.files
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_on_s3_are_listed_and_missing_ones_found_out() {
    let Some((stores, bucket)) = bucket().await else {
        return;
    };
    let root: Location = stores.parse_location(&format!("s3://{bucket}")).unwrap();
    let store = stores.open(&root).unwrap().store;
    for name in [
        "in/a.json",
        "in/_ledger/1.json",
        "in/day=1/b.json",
        "in/deep/c.json",
    ] {
        store.put(&Path::from(name), "{}".into()).await.unwrap();
    }
    let count = async |text: &str| {
        let source = stores
            .parse_source(&format!("s3://{bucket}/{text}"))
            .unwrap();
        let listing = list_source(&stores, &source, &ListRules::default()).await;
        listing
            .map(|listing| listing.files.len())
            .map_err(|error| error.kind())
    };
    assert_eq!(count("in").await, Ok(2));
    assert_eq!(count("in/a.json").await, Ok(1));
    assert_eq!(count("in/*/*.json").await, Ok(2));
    assert_eq!(count("none").await, Err(StoreErrorKind::NotFound));
    let missing_bucket = stores.parse_source("s3://no-such-bucket-here/x").unwrap();
    let error = list_source(&stores, &missing_bucket, &ListRules::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound, "{error:?}");
}
