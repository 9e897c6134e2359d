//! How the brokers are reached: librdkafka's settings, checked and redacted.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use sluice_process::secrets::{REDACTED, is_secret_name};
use thiserror::Error;

/// Settings that exactly-once rests on, each with what to use instead.
const OURS: &[(&str, &str)] = &[
    ("group.id", "use --group"),
    ("group.instance.id", "it makes no sense here"),
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
    ("enable.partition.eof", "ingest needs it"),
];

/// librdkafka's settings as a user gave them. `Debug` shows no secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KafkaConf {
    settings: BTreeMap<String, String>,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfError {
    /// Not of the form `key=value`.
    #[error("`{text}` is no setting; write --kafka-conf KEY=VALUE")]
    NotASetting {
        /// What stands before the first `=`; never a value.
        text: String,
    },
    /// A setting that ingest makes itself.
    #[error("the setting `{key}` cannot be changed: {instead}")]
    Ours {
        /// The setting.
        key: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// librdkafka refuses it.
    #[error("librdkafka does not take the settings: {problem}")]
    Refused {
        /// What it says.
        problem: String,
    },
}

impl KafkaConf {
    /// Only the brokers' addresses.
    pub fn new(bootstrap_servers: &str) -> Self {
        Self {
            settings: [("bootstrap.servers".to_owned(), bootstrap_servers.to_owned())].into(),
        }
    }

    /// Takes a setting; a later one wins.
    ///
    /// # Errors
    /// [`ConfError::Ours`] for what ingest sets itself.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfError> {
        if let Some((key, instead)) = OURS.iter().find(|(ours, _)| *ours == key) {
            return Err(ConfError::Ours {
                key: (*key).to_owned(),
                instead,
            });
        }
        self.settings.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    /// Takes a setting of the form `key=value`.
    ///
    /// # Errors
    /// When it has another form, or ingest sets it itself.
    pub fn set_pair(&mut self, pair: &str) -> Result<(), ConfError> {
        match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => self.set(key.trim(), value.trim()),
            _ => Err(ConfError::NotASetting {
                text: pair.split('=').next().unwrap_or_default().to_owned(),
            }),
        }
    }

    /// A setting.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// The brokers' addresses.
    pub fn bootstrap_servers(&self) -> &str {
        self.get("bootstrap.servers").unwrap_or_default()
    }

    /// The settings whose values must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.settings
            .iter()
            .filter(|(key, _)| is_secret(key))
            // A name that says so to whoever looks for secrets by name.
            .map(|(key, value)| (format!("{key}.secret"), value.clone()))
    }

    /// The client's configuration; `group` is where offsets are committed.
    pub(crate) fn client(&self, group: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        // Waiting less for the first bytes, for short windows; reading ahead
        // far enough for a fsync's time.
        config
            .set("client.id", "ingest-landing")
            .set("fetch.wait.max.ms", "100")
            .set("check.crcs", "true")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "2000");
        for (key, value) in &self.settings {
            config.set(key, value);
        }
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true");
        config
    }
}

/// Whether librdkafka's setting of this name holds a secret.
fn is_secret(key: &str) -> bool {
    let names_a_file = key.ends_with("location");
    !names_a_file
        && (is_secret_name(key)
            || key == "ssl.key.pem"
            || key == "sasl.oauthbearer.config"
            || key == "sasl.jaas.config")
}

impl fmt::Debug for KafkaConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.settings.iter().map(|(key, value)| {
            let value = if is_secret(key) { REDACTED } else { value };
            (key, value)
        });
        f.debug_map().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let mut conf = KafkaConf::new("kafka:9092");
        for pair in [
            "sasl.username=ann",
            "sasl.password=hunter2",
            "ssl.key.password=hunter2",
            "ssl.key.pem=hunter2",
            "sasl.oauthbearer.client.secret=hunter2",
            "ssl.key.location=/etc/key.pem",
        ] {
            conf.set_pair(pair).unwrap();
        }
        let shown = format!("{conf:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            shown.contains("ann") && shown.contains("/etc/key.pem"),
            "{shown}"
        );
        assert_eq!(conf.secrets().count(), 4);
        let secrets = sluice_process::secrets::Secrets::from_pairs(conf.secrets());
        assert_eq!(secrets.redact("with hunter2"), "with [redacted]");
        let error = conf.set_pair("=hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn what_exactly_once_rests_on_cannot_be_changed() {
        let mut conf = KafkaConf::new("kafka:9092");
        for (key, _) in OURS {
            let error = conf.set(key, "x").unwrap_err();
            assert!(matches!(error, ConfError::Ours { .. }), "{key}");
        }
        conf.set("fetch.wait.max.ms", "7").unwrap();
        let client = conf.client("g");
        assert_eq!(client.get("fetch.wait.max.ms"), Some("7"));
        assert_eq!(client.get("isolation.level"), Some("read_committed"));
    }
}
