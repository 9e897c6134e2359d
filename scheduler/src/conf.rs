//! The settings of a job: `SET` statements of the job file and `--conf` at submit.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::error::Result as EngineResult;
use datafusion::prelude::SessionConfig;
use sluice_jobfile::{Job, parse_size};

/// The target size of a data file when a job does not set one.
const TARGET_FILE_SIZE: u64 = 256 * 1024 * 1024;
/// How long a step may go without a task starting or ending.
const TASK_TIMEOUT: Duration = Duration::from_secs(600);
/// How many attempts a step gets.
const MAX_ATTEMPTS: u32 = 4;

/// A setting, for the reference page and for suggestions.
#[derive(Debug, Clone, Copy)]
pub struct ConfKey {
    pub key: &'static str,
    /// The default, as the user would write it.
    pub default: &'static str,
    pub about: &'static str,
}

/// The settings of a job. Keys that begin with `datafusion.execution.` or
/// `datafusion.optimizer.` go to the engine.
pub const CONF_KEYS: &[ConfKey] = &[
    ConfKey {
        key: "sluice.target_file_size",
        default: "256MB",
        about: "target size of a data file",
    },
    ConfKey {
        key: "sluice.shuffle_partitions",
        default: "by input size",
        about: "partitions of every step",
    },
    ConfKey {
        key: "sluice.session_timezone",
        default: "UTC",
        about: "time zone of timestamps that name none; only UTC is supported",
    },
    ConfKey {
        key: "sluice.task_timeout",
        default: "10m",
        about: "a step in which no task starts or ends for this long is retried",
    },
    ConfKey {
        key: "sluice.max_attempts",
        default: "4",
        about: "number of attempts that a step gets",
    },
];

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfError {
    /// No setting has this name.
    #[error("unknown setting '{key}'; {hint}")]
    Unknown {
        key: String,
        /// The nearest known setting, or all of them.
        hint: String,
    },
    /// The value is not valid for the setting.
    #[error("setting '{key}' cannot be '{value}': {expected}")]
    Value {
        key: String,
        value: String,
        /// Which values are valid.
        expected: &'static str,
    },
}

/// The settings of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobConf {
    /// In bytes.
    pub target_file_size: u64,
    /// Partitions of every step; chosen by input size when not set.
    pub shuffle_partitions: Option<usize>,
    /// How long a step may go without a task starting or ending.
    pub task_timeout: Duration,
    /// How many attempts a step gets.
    pub max_attempts: u32,
    engine: BTreeMap<String, String>,
}

impl JobConf {
    /// The settings of `job`, overridden by those given at submit.
    ///
    /// # Errors
    /// The first setting that is unknown or has an invalid value.
    pub fn new(
        job: &Job,
        submitted: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfError> {
        let mut conf = Self {
            target_file_size: TARGET_FILE_SIZE,
            shuffle_partitions: None,
            task_timeout: TASK_TIMEOUT,
            max_attempts: MAX_ATTEMPTS,
            engine: BTreeMap::new(),
        };
        for setting in &job.settings {
            conf.set(&setting.key, &setting.value)?;
        }
        for (key, value) in submitted {
            conf.set(&key.to_ascii_lowercase(), &value)?;
        }
        // Reject unknown engine keys before anything runs.
        conf.session_config().map_err(|error| ConfError::Unknown {
            key: "datafusion.*".to_owned(),
            hint: error.strip_backtrace(),
        })?;
        Ok(conf)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfError> {
        let wrong = |expected| ConfError::Value {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        };
        match key {
            "sluice.target_file_size" => {
                self.target_file_size = parse_size(value)
                    .filter(|size| *size >= 1024 * 1024)
                    .ok_or_else(|| wrong("a size of at least 1MB, such as 128MB"))?;
            }
            "sluice.shuffle_partitions" => {
                let count = value
                    .parse()
                    .ok()
                    .filter(|count| (1..=10_000).contains(count));
                self.shuffle_partitions =
                    Some(count.ok_or_else(|| wrong("a whole number from 1 to 10000"))?);
            }
            "sluice.session_timezone" => {
                if !["utc", "z", "etc/utc", "+00:00", "+0000"]
                    .contains(&value.to_ascii_lowercase().as_str())
                {
                    return Err(wrong("UTC is the only session time zone that is supported"));
                }
            }
            "sluice.task_timeout" => {
                let duration = humantime::parse_duration(value)
                    .ok()
                    .filter(|d| !d.is_zero());
                self.task_timeout =
                    duration.ok_or_else(|| wrong("a duration such as 90s or 10m"))?;
            }
            "sluice.max_attempts" => {
                let count = value.parse().ok().filter(|count| (1..=100).contains(count));
                self.max_attempts = count.ok_or_else(|| wrong("a whole number from 1 to 100"))?;
            }
            key if key.starts_with("datafusion.execution.")
                || key.starts_with("datafusion.optimizer.") =>
            {
                self.engine.insert(key.to_owned(), value.to_owned());
            }
            key => {
                let names = CONF_KEYS.iter().map(|known| known.key);
                let hint = sluice_jobfile::suggest_or_list(key, "the settings are", names);
                return Err(ConfError::Unknown {
                    key: key.to_owned(),
                    hint,
                });
            }
        }
        Ok(())
    }

    /// The session configuration of this job.
    ///
    /// # Errors
    /// When the engine does not know a setting or rejects its value.
    pub fn session_config(&self) -> EngineResult<SessionConfig> {
        let mut config = sluice_engine::session::base_config();
        for (key, value) in &self.engine {
            config.options_mut().set(key, value)?;
        }
        Ok(config)
    }
}
