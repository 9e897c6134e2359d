//! Starts Apache Kafka, where it is installed.

use std::sync::OnceLock;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use sluice_kafka_sandbox::{Broker, Installation};

use crate::cluster::{Cluster, topic_name};

static BROKER: OnceLock<Option<Broker>> = OnceLock::new();

/// Starts a broker for one test; `None`, with a printed notice, where Kafka is
/// not installed.
pub(crate) fn start_broker() -> Option<Broker> {
    let installation = Installation::find().unwrap()?;
    Some(Broker::start(&installation, &[]).unwrap())
}

/// The broker that the tests of this process share; they must not disturb it.
pub(crate) fn shared_broker() -> Option<&'static Broker> {
    BROKER.get_or_init(start_broker).as_ref()
}

impl Cluster for Broker {
    fn name(&self) -> &'static str {
        "Apache Kafka"
    }

    fn address(&self) -> String {
        self.address().to_owned()
    }

    /// Uses the client library, because Kafka's own tool takes a second per topic.
    fn new_topic(&self, partitions: i32) -> String {
        let topic = topic_name();
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", self.address())
            .create()
            .unwrap();
        let wanted = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
        let made = admin.create_topics([&wanted], &AdminOptions::new());
        for result in futures::executor::block_on(made).unwrap() {
            result.unwrap();
        }
        topic
    }
}
