//! librdkafka's mock cluster: one broker in this process, in memory only.

use std::sync::OnceLock;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::cluster::{Cluster, topic_name};

/// A mock cluster that all tests of this process share.
pub(crate) struct MockBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

// SAFETY: the mock cluster's calls go through its own queue to its own thread.
unsafe impl Sync for MockBroker {}
// SAFETY: as above.
unsafe impl Send for MockBroker {}

static MOCK: OnceLock<MockBroker> = OnceLock::new();

pub(crate) fn mock_broker() -> &'static MockBroker {
    MOCK.get_or_init(|| MockBroker {
        cluster: MockCluster::new(1).unwrap(),
    })
}

impl Cluster for MockBroker {
    fn name(&self) -> &'static str {
        "mock broker"
    }

    fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    fn new_topic(&self, partitions: i32) -> String {
        let topic = topic_name();
        self.create_topic(&topic, partitions);
        topic
    }
}

impl MockBroker {
    /// Creates a topic of this name.
    pub(crate) fn create_topic(&self, topic: &str, partitions: i32) {
        self.cluster.create_topic(topic, partitions, 1).unwrap();
    }
}
