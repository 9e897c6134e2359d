//! On an S3 server that `SLUICE_TEST_S3` names (`http://127.0.0.1:5000`).
//! Skipped, loudly, without one, and an error in CI.
//!
//! The server must check and write in one step: moto alone does not, so it is
//! run by `tests/s3/server.py`, one request at a time.

#![allow(clippy::print_stderr, reason = "a skipped test must be seen")]

use std::sync::Arc;

use sluice_faults::FaultyStore;
use sluice_store::{Place, StoreErrorKind, StoreOptions, Stores};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::conformance::conformance;
use super::faults::{hiccups, over};
use super::support::{Subject, note};

/// A folder in a new bucket.
async fn bucket() -> Option<Place> {
    let Ok(endpoint) = std::env::var("SLUICE_TEST_S3") else {
        let message = "set SLUICE_TEST_S3 to the URL of an S3 server to test against it";
        assert!(std::env::var_os("SLUICE_CI").is_none(), "{message}");
        eprintln!("SKIPPED: {message}");
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
    let status = answer.lines().next().unwrap_or_default();
    assert!(status.ends_with("200 OK"), "{answer}");
    Some(place(
        &endpoint,
        &format!("s3://{bucket}/landing zone/_ledger"),
    ))
}

fn place(endpoint: &str, url: &str) -> Place {
    let mut options = StoreOptions::new();
    for (key, value) in [
        ("sluice.s3.endpoint", endpoint),
        ("sluice.s3.region", "us-east-1"),
        ("sluice.s3.access_key_id", "test"),
        ("sluice.s3.secret_access_key", "test"),
        ("sluice.s3.allow_http", "true"),
    ] {
        options.set(key, value).unwrap();
    }
    let stores = Stores::new(options);
    stores.open(&stores.location(url).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_s3_conforms() {
    if let Some(place) = bucket().await {
        conformance(&Subject::new(place)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_a_faulty_s3_conforms() {
    if let Some(place) = bucket().await {
        let faulty = FaultyStore::new(Arc::clone(&place.store), hiccups());
        conformance(&over(faulty, |store| Place { store, ..place })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_an_error_at_once() {
    let Some(Place { .. }) = bucket().await else {
        return;
    };
    let endpoint = std::env::var("SLUICE_TEST_S3").unwrap();
    let nowhere = Subject::new(place(&endpoint, "s3://no-such-bucket-here/_ledger"));
    let error = nowhere.open().tail().await.unwrap_err();
    assert_eq!(
        error.store_kind(),
        Some(StoreErrorKind::NotFound),
        "{error:?}"
    );
    let error = nowhere.open().append(0, note("a", 0)).await.unwrap_err();
    assert_eq!(
        error.store_kind(),
        Some(StoreErrorKind::NotFound),
        "{error:?}"
    );
    assert!(!error.outcome_unknown());
}
