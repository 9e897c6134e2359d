//! The settings of a job: `SET` statements of the job file and `--conf` at submit.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::error::Result as EngineResult;
use datafusion::prelude::SessionConfig;
use sluice_jobfile::{Job, TimeZone, parse_min_shared_size, parse_target_file_size};
use sluice_service::value_parsers::parse_positive_duration;

/// The target size of a data file when a job does not set one.
const DEFAULT_TARGET_FILE_SIZE: u64 = 256 * 1024 * 1024;
/// What equal parts of a query read at least to be computed once.
const DEFAULT_MIN_SHARED_SIZE: u64 = 16 * 1024 * 1024;
/// How long a step may go without a task starting or ending.
const DEFAULT_TASK_TIMEOUT: Duration = Duration::from_secs(600);
/// How many attempts a step gets.
const DEFAULT_MAX_ATTEMPTS: u32 = 4;

/// A setting, for the reference page and for suggestions.
#[derive(Debug, Clone, Copy)]
pub struct SettingInfo {
    pub key: &'static str,
    /// The default, as the user would write it.
    pub default: &'static str,
    pub help: &'static str,
}

/// The settings of a job. Keys that begin with `datafusion.execution.` or
/// `datafusion.optimizer.` go to the engine.
pub const JOB_SETTINGS: &[SettingInfo] = &[
    SettingInfo {
        key: "sluice.target_file_size",
        default: "256MB",
        help: "target size of a data file",
    },
    SettingInfo {
        key: "sluice.min_shared_size",
        default: "16MB",
        help: "equal parts of a query that read as much are computed once",
    },
    SettingInfo {
        key: "sluice.shuffle_partitions",
        default: "by input size",
        help: "partitions of every step",
    },
    SettingInfo {
        key: "sluice.session_timezone",
        default: "UTC",
        help: "time zone of timestamps that name none, also spark.sql.session.timeZone",
    },
    SettingInfo {
        key: "sluice.task_timeout",
        default: "10m",
        help: "a step in which no task starts or ends for this long is retried",
    },
    SettingInfo {
        key: "sluice.max_attempts",
        default: "4",
        help: "number of attempts that a step gets",
    },
];

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No setting has this name.
    #[error("unknown setting '{key}'; {hint}")]
    Unknown {
        key: String,
        /// The nearest known setting, or all of them.
        hint: String,
    },
    /// The value is not valid for the setting.
    #[error("setting '{key}' cannot be '{value}': {expected}")]
    InvalidValue {
        key: String,
        value: String,
        /// Which values are valid.
        expected: &'static str,
    },
}

/// The settings of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// In bytes.
    pub target_file_size: u64,
    /// What equal parts of a query read at least to be computed once, in bytes.
    pub min_shared_size: u64,
    /// Partitions of every step; chosen by input size when not set.
    pub shuffle_partitions: Option<usize>,
    /// How long a step may go without a task starting or ending.
    pub task_timeout: Duration,
    /// How many attempts a step gets.
    pub max_attempts: u32,
    engine_settings: BTreeMap<String, String>,
}

impl JobSettings {
    /// The settings of `job`, overridden by those given at submit.
    ///
    /// # Errors
    /// The first setting that is unknown or has an invalid value.
    pub fn new(
        job: &Job,
        submitted: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        let mut settings = Self {
            target_file_size: DEFAULT_TARGET_FILE_SIZE,
            min_shared_size: DEFAULT_MIN_SHARED_SIZE,
            shuffle_partitions: None,
            task_timeout: DEFAULT_TASK_TIMEOUT,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            engine_settings: BTreeMap::new(),
        };
        for setting in &job.settings {
            settings.apply_setting(&setting.key, &setting.value)?;
        }
        for (key, value) in submitted {
            settings.apply_setting(&key.to_ascii_lowercase(), &value)?;
        }
        // Reject unknown engine keys before anything runs.
        settings
            .session_config()
            .map_err(|error| SettingError::Unknown {
                key: "datafusion.*".to_owned(),
                hint: error.strip_backtrace(),
            })?;
        Ok(settings)
    }

    /// The settings of the engine, which may change what queries give.
    pub(crate) const fn engine_settings(&self) -> &BTreeMap<String, String> {
        &self.engine_settings
    }

    fn apply_setting(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        let invalid_value = |expected| SettingError::InvalidValue {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        };
        match key {
            "sluice.target_file_size" => {
                self.target_file_size = parse_target_file_size(value).map_err(invalid_value)?;
            }
            "sluice.min_shared_size" => {
                self.min_shared_size = parse_min_shared_size(value).map_err(invalid_value)?;
            }
            "sluice.shuffle_partitions" => {
                let count = value
                    .parse()
                    .ok()
                    .filter(|count| (1..=10_000).contains(count));
                self.shuffle_partitions =
                    Some(count.ok_or_else(|| invalid_value("a whole number from 1 to 10000"))?);
            }
            "sluice.session_timezone"
            | "spark.sql.session.timezone"
            | "datafusion.execution.time_zone" => {
                if TimeZone::find(value).is_none() {
                    return Err(invalid_value(
                        "the name of a time zone, such as Europe/Rome, UTC or +02:00",
                    ));
                }
                self.engine_settings.insert(
                    "datafusion.execution.time_zone".to_owned(),
                    value.to_owned(),
                );
            }
            "sluice.task_timeout" => {
                self.task_timeout = parse_positive_duration(value)
                    .map_err(|_| invalid_value("a duration such as 90s or 10m"))?;
            }
            "sluice.max_attempts" => {
                let count = value.parse().ok().filter(|count| (1..=100).contains(count));
                self.max_attempts =
                    count.ok_or_else(|| invalid_value("a whole number from 1 to 100"))?;
            }
            key if key.starts_with("datafusion.execution.")
                || key.starts_with("datafusion.optimizer.") =>
            {
                self.engine_settings
                    .insert(key.to_owned(), value.to_owned());
            }
            key => {
                let names = JOB_SETTINGS.iter().map(|known| known.key);
                let hint = sluice_jobfile::suggest_or_list(key, "the settings are", names);
                return Err(SettingError::Unknown {
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
        for (key, value) in &self.engine_settings {
            config.options_mut().set(key, value)?;
        }
        Ok(config)
    }
}
