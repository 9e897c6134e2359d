//! The settings of a Kafka client, as every Kafka program of Sluice takes them:
//! brokers, a properties file, single settings. They are passed to the client
//! library unchanged, except for those that the program sets itself. The library
//! decides which settings exist.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::path::PathBuf;

use clap::Args;
use thiserror::Error;

use crate::properties::{self, PropertiesError};
use crate::secrets::{REDACTED, Secrets, is_secret_name};

const BROKERS: &str = "bootstrap.servers";
const DEFAULT_BROKERS: &str = "127.0.0.1:9092";

/// The options of every Kafka program.
#[derive(Debug, Clone, Default, Args)]
pub struct KafkaOptions {
    /// Kafka brokers to connect to first, separated by commas [default: 127.0.0.1:9092]
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "KAFKA_BOOTSTRAP_SERVERS",
        hide_env_values = true
    )]
    pub bootstrap_servers: Option<String>,

    /// A file of settings for the Kafka client, one `key=value` per line; passwords
    /// belong here
    #[arg(long, value_name = "FILE")]
    pub kafka_properties: Option<PathBuf>,

    /// A setting for the Kafka client, such as security.protocol=SASL_SSL; may be
    /// given several times, and overrides the file
    #[arg(long, value_name = "KEY=VALUE")]
    pub kafka_conf: Vec<KeyValue>,
}

/// A setting given as `KEY=VALUE`. Its `Debug` output shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyValue {
    key: String,
    value: String,
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum KafkaSettingsError {
    /// A file that cannot be read.
    #[error("cannot read the properties file {path}: {source}; check the path given with --kafka-properties", path = path.display())]
    Read {
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A file that is not a properties file.
    #[error("properties file {path}, {source}", path = path.display())]
    Properties {
        path: PathBuf,
        /// The line in question.
        #[source]
        source: PropertiesError,
    },
    /// Two values for one setting.
    #[error("--kafka-conf {key} is given twice; remove one")]
    Duplicate { key: String },
    /// The list of brokers is empty.
    #[error(
        "the list of brokers is empty; give HOST:PORT with --bootstrap-servers or \
         KAFKA_BOOTSTRAP_SERVERS, or unset the variable"
    )]
    NoBrokers,
    /// A setting that only the program itself may set.
    #[error("the setting {key} cannot be given here: {instead}")]
    Reserved {
        key: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// A setting with another value than the program depends on.
    #[error("the setting {key} must be {value} here; remove it")]
    Fixed {
        key: String,
        /// The value that the program sets.
        value: String,
    },
}

/// The settings of a Kafka client. Their `Debug` output shows no secret.
#[derive(Clone, Default)]
pub struct KafkaSettings {
    values: BTreeMap<String, String>,
    secrets: Secrets,
}

impl KafkaOptions {
    /// The settings given, in order of precedence: `--kafka-conf`,
    /// `--bootstrap-servers`, the file.
    ///
    /// # Errors
    /// See [`KafkaSettingsError`].
    pub fn load_settings(&self) -> Result<KafkaSettings, KafkaSettingsError> {
        let mut values = match &self.kafka_properties {
            None => BTreeMap::new(),
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| KafkaSettingsError::Read {
                        path: path.clone(),
                        source,
                    })?;
                properties::parse_properties(&text).map_err(|source| {
                    KafkaSettingsError::Properties {
                        path: path.clone(),
                        source,
                    }
                })?
            }
        };
        if let Some(brokers) = &self.bootstrap_servers {
            values.insert(BROKERS.to_owned(), brokers.clone());
        }
        let mut single_settings = BTreeMap::new();
        for KeyValue { key, value } in &self.kafka_conf {
            match single_settings.entry(key.clone()) {
                Entry::Vacant(free) => free.insert(value.clone()),
                Entry::Occupied(_) => {
                    return Err(KafkaSettingsError::Duplicate { key: key.clone() });
                }
            };
        }
        values.extend(single_settings);
        values
            .entry(BROKERS.to_owned())
            .or_insert_with(|| DEFAULT_BROKERS.to_owned());
        if values
            .get(BROKERS)
            .is_some_and(|brokers| brokers.trim().is_empty())
        {
            return Err(KafkaSettingsError::NoBrokers);
        }
        Ok(KafkaSettings {
            secrets: Secrets::from_pairs(values.clone()),
            values,
        })
    }
}

impl KafkaSettings {
    /// Settings that only name the brokers.
    pub fn new(bootstrap_servers: &str) -> Self {
        let mut settings = Self::default();
        settings.set_default(BROKERS, bootstrap_servers);
        settings
    }

    /// The brokers that the client connects to first.
    pub fn bootstrap_servers(&self) -> &str {
        self.get(BROKERS).unwrap_or(DEFAULT_BROKERS)
    }

    /// The value of a setting.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// All settings in the order of their keys, for the client library only: secrets
    /// are not redacted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Sets a value unless the user has given one.
    pub fn set_default(&mut self, key: &str, value: &str) {
        self.values
            .entry(key.to_owned())
            .or_insert_with(|| value.to_owned());
    }

    /// Sets a value that the user must not change.
    ///
    /// # Errors
    /// When the user has given another value.
    pub fn set_fixed(&mut self, key: &str, value: &str) -> Result<(), KafkaSettingsError> {
        match self.values.get(key) {
            Some(given) if given != value => Err(KafkaSettingsError::Fixed {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
            _ => {
                self.values.insert(key.to_owned(), value.to_owned());
                Ok(())
            }
        }
    }

    /// Refuses settings that users must not set. Each comes with what to do instead.
    ///
    /// # Errors
    /// When the user has given one of them.
    pub fn refuse_reserved(&self, ours: &[(&str, &'static str)]) -> Result<(), KafkaSettingsError> {
        match ours.iter().find(|(key, _)| self.values.contains_key(*key)) {
            Some((key, instead)) => Err(KafkaSettingsError::Reserved {
                key: (*key).to_owned(),
                instead,
            }),
            None => Ok(()),
        }
    }

    /// The secrets among the settings, to redact them from all output.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The value of a setting as it may be printed.
    pub fn displayed_value<'a>(key: &str, value: &'a str) -> &'a str {
        if is_secret_name(key) { REDACTED } else { value }
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(key, value)| (key, Self::displayed_value(key, value))),
            )
            .finish()
    }
}

impl std::str::FromStr for KeyValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok(Self {
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
            }),
            _ => Err("write KEY=VALUE".to_owned()),
        }
    }
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value } = self;
        write!(f, "{key}={}", KafkaSettings::displayed_value(key, value))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        kafka: KafkaOptions,
    }

    fn options(args: &[&str]) -> KafkaOptions {
        let mut options = Program::try_parse_from(std::iter::once(&"program").chain(args))
            .unwrap()
            .kafka;
        if !args.contains(&"--bootstrap-servers") {
            // The environment of the test may set it.
            options.bootstrap_servers = None;
        }
        options
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_more_particular_wins() {
        assert_eq!(
            options(&[]).load_settings().unwrap().bootstrap_servers(),
            "127.0.0.1:9092"
        );
        let file = file("bootstrap.servers=a:1\nlinger.ms=7\nacks=1");
        let path = file.path().to_str().unwrap();
        let mut args = vec!["--kafka-properties", path];
        assert_eq!(
            options(&args).load_settings().unwrap().bootstrap_servers(),
            "a:1"
        );
        args.extend(["--bootstrap-servers", "b:2,c:3"]);
        let settings = options(&args).load_settings().unwrap();
        assert_eq!(settings.bootstrap_servers(), "b:2,c:3");
        args.extend(["--kafka-conf", "linger.ms=50"]);
        args.extend(["--kafka-conf", "bootstrap.servers = d:4"]);
        let mut settings = options(&args).load_settings().unwrap();
        assert_eq!(settings.bootstrap_servers(), "d:4");
        settings.set_default("linger.ms", "5");
        settings.set_default("batch.size", "9");
        let all: Vec<_> = settings.iter().collect();
        assert_eq!(
            all,
            [
                ("acks", "1"),
                ("batch.size", "9"),
                ("bootstrap.servers", "d:4"),
                ("linger.ms", "50")
            ]
        );
    }

    #[test]
    fn promises_are_not_for_setting() {
        let mut settings = options(&["--kafka-conf", "acks=1"])
            .load_settings()
            .unwrap();
        assert_eq!(
            settings.set_fixed("acks", "all").unwrap_err().to_string(),
            "the setting acks must be all here; remove it"
        );
        assert_eq!(
            settings
                .refuse_reserved(&[("group.id", "use --group"), ("acks", "they are all")])
                .unwrap_err()
                .to_string(),
            "the setting acks cannot be given here: they are all"
        );
        settings
            .refuse_reserved(&[("group.id", "use --group")])
            .unwrap();
        settings.set_fixed("acks", "1").unwrap();
        settings.set_fixed("enable.idempotence", "true").unwrap();
        assert_eq!(settings.get("enable.idempotence"), Some("true"));
    }

    #[test]
    fn slips_are_named() {
        let twice = options(&["--kafka-conf", "a=1", "--kafka-conf", "a=1"]);
        assert_eq!(
            twice.load_settings().unwrap_err().to_string(),
            "--kafka-conf a is given twice; remove one"
        );
        for wrong in ["a", "=1", ""] {
            let parsed = Program::try_parse_from(["program", "--kafka-conf", wrong]);
            assert!(
                parsed
                    .err()
                    .unwrap()
                    .to_string()
                    .contains("write KEY=VALUE")
            );
        }
        let file = file("acks");
        let path = file.path().to_str().unwrap().to_owned();
        assert_eq!(
            options(&["--kafka-properties", &path])
                .load_settings()
                .unwrap_err()
                .to_string(),
            format!("properties file {path}, line 1: `acks` has no value; write `acks=VALUE`")
        );
        let missing = options(&["--kafka-properties", "/nowhere/x"]).load_settings();
        assert!(
            missing
                .unwrap_err()
                .to_string()
                .starts_with("cannot read the properties file /nowhere/x: ")
        );
    }

    #[test]
    fn nothing_prints_a_secret() {
        let file = file("ssl.key.password=file-secret\n");
        let path = file.path().to_str().unwrap();
        let options = options(&[
            "--kafka-properties",
            path,
            "--kafka-conf",
            "sasl.password=flag-secret",
            "--kafka-conf",
            "sasl.username=sluice",
        ]);
        let settings = options.load_settings().unwrap();
        for text in [format!("{options:?}"), format!("{settings:?}")] {
            assert!(!text.contains("-secret"), "{text}");
            assert!(text.contains("sluice"), "{text}");
        }
        assert_eq!(settings.get("sasl.password"), Some("flag-secret"));
        assert_eq!(
            settings
                .secrets()
                .redact("flag-secret, file-secret, sluice"),
            "[redacted], [redacted], sluice"
        );
    }
}
