//! The settings of the consumers: the user's, and those that ingest sets itself.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use sluice_service::kafka::{KafkaSettings, KafkaSettingsError};
use thiserror::Error;

/// Settings that exactly-once depends on, each with what to use instead.
const RESERVED_SETTINGS: &[(&str, &str)] = &[
    ("group.id", "use --group"),
    ("group.instance.id", "members of a group have no names"),
    ("enable.auto.commit", "the ledger decides what is committed"),
    (
        "auto.commit.interval.ms",
        "the ledger decides what is committed",
    ),
    (
        "enable.auto.offset.store",
        "the ledger decides what is committed",
    ),
    ("auto.offset.reset", "use --from-offset"),
    ("isolation.level", "it is always read_committed"),
    ("enable.partition.eof", "it is always on"),
    // Cooperative rebalances would take partitions away one by one, while the ledger
    // is read for all of them at once.
    (
        "group.protocol",
        "groups use the classic protocol; remove the setting",
    ),
    (
        "partition.assignment.strategy",
        "groups divide partitions by range; remove the setting",
    ),
];

/// Settings that cannot be used.
#[derive(Debug, Error)]
pub enum ClientConfigError {
    /// A setting is malformed or reserved.
    #[error(transparent)]
    Settings(#[from] KafkaSettingsError),
    /// librdkafka refuses the settings.
    #[error("the Kafka client refuses the settings: {problem}")]
    Refused {
        /// librdkafka's message.
        problem: String,
    },
}

/// Builds the client's configuration; `group` is the consumer group that offsets
/// are committed to.
pub(super) fn client_config(
    settings: &KafkaSettings,
    group: &str,
) -> Result<ClientConfig, ClientConfigError> {
    settings.refuse_reserved(RESERVED_SETTINGS)?;
    let mut config = ClientConfig::new();
    // A shorter wait for the first bytes, for short batches.
    config
        .set("client.id", "ingest-landing")
        .set("fetch.wait.max.ms", "100")
        // A disk that is slow for a moment must not stop fetching for a second.
        .set("fetch.queue.backoff.ms", "5")
        .set("check.crcs", "true")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.max.ms", "2000")
        // Packets to a wrong address may be dropped: then this decides when it is noticed.
        // The library's default is as long as a whole question may take.
        .set("socket.connection.setup.timeout.ms", "10000");
    for (key, value) in settings.iter() {
        config.set(key, value);
    }
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true");
    // Connections that brokers close are reported at this level.
    config.set_log_level(match settings.get("debug") {
        Some(_) => RDKafkaLogLevel::Debug,
        None => RDKafkaLogLevel::Info,
    });
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exactly_once_rests_on_cannot_be_changed() {
        for (key, instead) in RESERVED_SETTINGS {
            let mut given = KafkaSettings::new("kafka:9092");
            given.set_default(key, "x");
            let error = client_config(&given, "g").unwrap_err().to_string();
            assert!(error.contains(key) && error.contains(instead), "{error}");
        }
        let mut given = KafkaSettings::new("kafka:9092");
        given.set_default("fetch.wait.max.ms", "7");
        let client = client_config(&given, "g").unwrap();
        assert_eq!(client.get("fetch.wait.max.ms"), Some("7"));
        assert_eq!(client.get("isolation.level"), Some("read_committed"));
        assert_eq!(client.get("group.id"), Some("g"));
    }
}
