//! The brokers that a test runs against. Tests that must hold with any kind of
//! broker take a [`Cluster`].

use std::sync::atomic::{AtomicU32, Ordering};

/// Brokers with topics for tests.
pub(crate) trait Cluster: Sync {
    /// The name in the tests' output.
    fn name(&self) -> &'static str;

    /// The bootstrap servers.
    fn address(&self) -> String;

    /// Creates a topic and returns its name.
    fn new_topic(&self, partitions: i32) -> String;
}

static TOPICS: AtomicU32 = AtomicU32::new(0);

/// A name that no other topic has.
pub(crate) fn topic_name() -> String {
    format!("topic_{}", TOPICS.fetch_add(1, Ordering::Relaxed))
}
