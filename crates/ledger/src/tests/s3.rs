//! A ledger on the S3 server that `SLUICE_TEST_S3` names (for example
//! `http://127.0.0.1:5000`). Without it, the tests are skipped with a message, and
//! fail in CI.
//!
//! The server must check and write in one step. Moto alone does not, so
//! `tests/s3/server.py` runs it with one request at a time.

#![allow(clippy::print_stderr, reason = "a skipped test must be seen")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluice_fault_store::FaultyStore;
use sluice_storage::{StoreErrorKind, StoreOptions, StorePath, Stores};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::conformance::conformance;
use super::faults::{fixture_over, recoverable_faults};
use super::support::{LedgerFixture, expect_committed, note};

/// A folder in a new bucket.
async fn bucket() -> Option<StorePath> {
    let Ok(endpoint) = std::env::var("SLUICE_TEST_S3") else {
        let message = "set SLUICE_TEST_S3 to the URL of an S3 server to test against it";
        assert!(std::env::var_os("SLUICE_CI").is_none(), "{message}");
        eprintln!("SKIPPED: {message}");
        return None;
    };
    let bucket = format!("b{}", Uuid::new_v4().simple());
    let host = endpoint.strip_prefix("http://").expect("an http:// URL");
    let mut stream = TcpStream::connect(host).await.expect("the server answers");
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

fn place(endpoint: &str, url: &str) -> StorePath {
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
    stores.open(&stores.parse_location(url).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_s3_conforms() {
    if let Some(place) = bucket().await {
        conformance(&LedgerFixture::new(place)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_a_faulty_s3_conforms() {
    if let Some(place) = bucket().await {
        let faulty = FaultyStore::new(Arc::clone(&place.store), recoverable_faults());
        conformance(&fixture_over(faulty, |store| StorePath { store, ..place })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_an_error_at_once() {
    let Some(StorePath { .. }) = bucket().await else {
        return;
    };
    let endpoint = std::env::var("SLUICE_TEST_S3").unwrap();
    let nowhere = LedgerFixture::new(place(&endpoint, "s3://no-such-bucket-here/_ledger"));
    let error = nowhere.open().read_tail().await.unwrap_err();
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
    assert!(!error.is_outcome_unknown());
}

/// One request, with its body.
async fn request(client: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
            if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
                return bytes;
            }
        }
        let read = client.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "half a request: {text}");
    }
}

/// A proxy that forwards the first put-if-absent but answers it with a 500, so that
/// the client retries it by itself. Also counts these requests.
async fn losing_proxy(server: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let creates = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&creates);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let request = request(&mut client).await;
            let text = String::from_utf8_lossy(&request);
            let (line, rest) = text.split_once("\r\n").unwrap();
            let create = rest.to_ascii_lowercase().contains("\r\nif-none-match: *");
            let mut upstream = TcpStream::connect(&server).await.unwrap();
            let request = format!("{line}\r\nConnection: close\r\n{rest}");
            upstream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer).await.unwrap();
            if create && seen.fetch_add(1, Ordering::SeqCst) == 0 {
                answer =
                    b"HTTP/1.1 500 Lost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec();
            }
            client.write_all(&answer).await.unwrap();
        }
    });
    (url, creates)
}

/// S3 clients retry by themselves: the write that "already exists" is ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_the_client_repeats_is_ours() {
    let Some(direct) = bucket().await else {
        return;
    };
    let server = std::env::var("SLUICE_TEST_S3").unwrap();
    let server = server.strip_prefix("http://").unwrap().to_owned();
    let (url, creates) = losing_proxy(server).await;
    let lossy = LedgerFixture::new(place(&url, direct.url().as_str()));
    let entry = expect_committed(lossy.open().append(0, note("a", 0)).await.unwrap());
    // The client sent the second one by itself, and got 412.
    assert_eq!(creates.load(Ordering::SeqCst), 2);
    let tail = LedgerFixture::new(direct).open().read_tail().await.unwrap();
    assert_eq!(tail, Some(entry));
}
