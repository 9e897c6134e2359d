//! What the client library reports by callbacks: the group's rebalances, its log and its
//! errors.

use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError as Client;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client_log::ClientLog;

/// What happened to a group member since the last look.
#[derive(Debug, Default)]
struct GroupMembership {
    /// Newly assigned partitions, which have no offset yet.
    assigned: Option<Vec<i32>>,
    /// Whether partitions were revoked.
    revoked: bool,
}

/// Records the group's rebalances; the polling thread acts on them.
pub(crate) struct GroupContext {
    membership: Mutex<GroupMembership>,
    pub(super) client_log: ClientLog,
}

impl GroupContext {
    pub(super) fn new(bootstrap_servers: &str) -> Self {
        Self {
            membership: Mutex::default(),
            client_log: ClientLog::new(bootstrap_servers),
        }
    }

    /// The partitions that the group has assigned since the last call.
    pub(super) fn take_assignment(&self) -> Option<Vec<i32>> {
        self.membership.lock().assigned.take()
    }

    /// Whether the group has revoked partitions since the last call.
    pub(super) fn take_revocation(&self) -> bool {
        std::mem::take(&mut self.membership.lock().revoked)
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client_log.on_log(level as i32, facility, message);
    }

    fn error(&self, error: Client, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            self.client_log.on_error(reason);
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let mut membership = self.membership.lock();
        if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let elements = partitions.elements();
            membership.assigned = Some(elements.iter().map(|e| e.partition()).collect());
            // Nothing is fetched until the offsets are known from the ledger:
            // the group's own offsets are never read.
            if let Err(error) = consumer.assign(&TopicPartitionList::new()) {
                tracing::warn!(%error, "the group's assignment cannot be accepted");
            }
        } else {
            membership.revoked = true;
            membership.assigned = None;
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "the revoked partitions cannot be released");
            }
        }
    }
}
