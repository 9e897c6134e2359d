//! A ledger in memory.

use std::sync::Arc;

use object_store::memory::InMemory;

use super::conformance::conformance;
use super::support::{Subject, bucket_place};

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_in_memory_conforms() {
    conformance(&Subject::new(bucket_place(Arc::new(InMemory::new())))).await;
}
