//! A ledger in memory.

use std::sync::Arc;

use object_store::memory::InMemory;

use super::conformance::conformance;
use super::support::{LedgerFixture, bucket_path};

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_in_memory_conforms() {
    conformance(&LedgerFixture::new(bucket_path(Arc::new(InMemory::new())))).await;
}
