//! How the brokers are reached, as options of a command line.

use std::path::PathBuf;

use clap::Args;

use crate::IngestError;
use crate::kafka::KafkaConf;

const DEFAULT_BROKERS: &str = "127.0.0.1:9092";

/// The options of every program that speaks Kafka.
#[derive(Clone, Args)]
pub(crate) struct KafkaOptions {
    /// Kafka brokers to begin with, separated by commas [default: 127.0.0.1:9092]
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "KAFKA_BOOTSTRAP_SERVERS",
        hide_env_values = true
    )]
    bootstrap_servers: Option<String>,

    /// A file of settings for the Kafka client, one `key=value` a line; the
    /// place for passwords
    #[arg(long, value_name = "FILE")]
    kafka_properties: Option<PathBuf>,

    /// A setting for the Kafka client, such as security.protocol=SASL_SSL; may
    /// be given several times, and goes before the file's
    #[arg(long, value_name = "KEY=VALUE")]
    kafka_conf: Vec<String>,
}

impl std::fmt::Debug for KafkaOptions {
    /// Without the settings: they may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaOptions")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .finish_non_exhaustive()
    }
}

impl KafkaOptions {
    /// What was given, `--kafka-conf` before `--bootstrap-servers` before the
    /// file.
    pub(crate) fn conf(&self) -> Result<KafkaConf, IngestError> {
        let mut conf = KafkaConf::new(DEFAULT_BROKERS);
        if let Some(path) = &self.kafka_properties {
            let fail = |problem: String| IngestError::Properties {
                path: path.clone(),
                problem,
            };
            let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
            for line in text.lines().map(str::trim) {
                if !line.is_empty() && !line.starts_with(['#', '!']) {
                    conf.set_pair(line)
                        .map_err(|error| fail(error.to_string()))?;
                }
            }
        }
        if let Some(servers) = &self.bootstrap_servers {
            conf.set("bootstrap.servers", servers)?;
        }
        for pair in &self.kafka_conf {
            conf.set_pair(pair)?;
        }
        Ok(conf)
    }
}
