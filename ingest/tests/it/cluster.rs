//! Which brokers a test runs against: what must hold with any of them is tested
//! by code that is given a [`Cluster`].

use std::sync::atomic::{AtomicU32, Ordering};

/// Brokers with topics for tests.
pub(crate) trait Cluster: Sync {
    /// As it is called in what the tests print.
    fn name(&self) -> &'static str;

    /// The bootstrap servers.
    fn address(&self) -> String;

    /// A new topic.
    fn topic(&self, partitions: i32) -> String;
}

static TOPICS: AtomicU32 = AtomicU32::new(0);

/// A name that no other topic has.
pub(crate) fn topic_name() -> String {
    format!("topic_{}", TOPICS.fetch_add(1, Ordering::Relaxed))
}
