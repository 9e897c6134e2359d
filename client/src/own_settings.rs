//! The settings that submit-job itself reads; all others go to the driver.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::ValueEnum;
use sluice_service::value_parsers::{parse_bytes, parse_positive_duration};
use thiserror::Error;

use crate::cli::{Cli, DeployMode};

const MASTER_KEY: &str = "sluice.master";
const NAME_KEY: &str = "sluice.name";
const DEPLOY_MODE_KEY: &str = "sluice.deploy_mode";
const TIMEOUT_KEY: &str = "sluice.timeout";
const MEMORY_KEY: &str = "sluice.memory";

/// A value that a setting cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("setting `{key}`: `{given}` is not understood, {expected}")]
pub(crate) struct BadSetting {
    key: &'static str,
    given: String,
    expected: String,
}

/// What submit-job itself reads, as one source sets it.
#[derive(Default)]
pub(crate) struct OwnSettings {
    pub(crate) master: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) deploy_mode: Option<DeployMode>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) memory: Option<u64>,
}

impl OwnSettings {
    pub(crate) fn from_options(cli: &Cli) -> Self {
        Self {
            master: cli.master.clone(),
            name: cli.name.clone(),
            deploy_mode: cli.deploy_mode,
            timeout: cli.timeout,
            memory: cli.memory,
        }
    }

    /// Takes the settings of submit-job out of those for the driver.
    pub(crate) fn take_from(conf: &mut BTreeMap<String, String>) -> Result<Self, BadSetting> {
        let allowed_modes = |given: &str| {
            DeployMode::from_str(given, true)
                .map_err(|_| "allowed are client and cluster".to_owned())
        };
        Ok(Self {
            master: conf.remove(MASTER_KEY),
            name: conf.remove(NAME_KEY),
            deploy_mode: take_setting(conf, DEPLOY_MODE_KEY, allowed_modes)?,
            timeout: take_setting(conf, TIMEOUT_KEY, parse_positive_duration)?,
            memory: take_setting(conf, MEMORY_KEY, parse_bytes)?,
        })
    }

    /// Only the master, as the environment sets it.
    pub(crate) fn from_master(master: Option<String>) -> Self {
        Self {
            master: master.filter(|master| !master.is_empty()),
            ..Self::default()
        }
    }

    /// Takes from `lower` what is not set here.
    pub(crate) fn or(self, lower: Self) -> Self {
        Self {
            master: self.master.or(lower.master),
            name: self.name.or(lower.name),
            deploy_mode: self.deploy_mode.or(lower.deploy_mode),
            timeout: self.timeout.or(lower.timeout),
            memory: self.memory.or(lower.memory),
        }
    }
}

fn take_setting<T>(
    conf: &mut BTreeMap<String, String>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, BadSetting> {
    let Some(given) = conf.remove(key) else {
        return Ok(None);
    };
    match parse(&given) {
        Ok(value) => Ok(Some(value)),
        Err(expected) => Err(BadSetting {
            key,
            given,
            expected,
        }),
    }
}
