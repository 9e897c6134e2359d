//! The trace that a step's tasks belong to, on its way to the executors.
//!
//! It travels as a setting of the step's session, as all that Ballista sends along
//! with a task. An executor of a version that does not know the setting leaves it out.

use std::any::Any;

use datafusion::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::SessionConfig;

/// The setting, without its prefix.
const TRACEPARENT: &str = "traceparent";

/// The setting `sluice.traceparent`. It is no `extensions_options`: their settings are
/// listed without the prefix, and what Ballista sends of them is not understood.
#[derive(Debug, Clone, Default)]
struct TaskTrace {
    /// The W3C traceparent of the step; empty for none.
    traceparent: String,
}

impl ConfigExtension for TaskTrace {
    const PREFIX: &'static str = "sluice";
}

impl ExtensionOptions for TaskTrace {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if key != TRACEPARENT {
            let message = format!("unknown setting sluice.{key}");
            return Err(DataFusionError::Configuration(message));
        }
        value.clone_into(&mut self.traceparent);
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        vec![ConfigEntry {
            key: format!("{}.{TRACEPARENT}", Self::PREFIX),
            value: Some(self.traceparent.clone()),
            description: "the span that tasks are parts of",
        }]
    }
}

/// Has the tasks of this session belong to the trace of `traceparent`.
pub fn with_traceparent(config: SessionConfig, traceparent: String) -> SessionConfig {
    config.with_option_extension(TaskTrace { traceparent })
}

/// Lets a session read the setting. Those that neither send nor read it do without.
pub fn accept_traceparent(config: SessionConfig) -> SessionConfig {
    config.with_option_extension(TaskTrace::default())
}

/// What the setting says, if anything.
pub fn find_traceparent(config: &SessionConfig) -> Option<&str> {
    let trace = config.options().extensions.get::<TaskTrace>()?;
    Some(trace.traceparent.as_str()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use ballista_core::extension::SessionConfigHelperExt;

    use super::*;
    use crate::session::base_config;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn the_trace_of_a_step_reaches_its_tasks() {
        let sent = with_traceparent(base_config(), PARENT.to_owned()).to_key_value_pairs();
        let received = accept_traceparent(base_config()).update_from_key_value_pair(&sent);
        assert_eq!(find_traceparent(&received), Some(PARENT));
        let unaware = base_config().update_from_key_value_pair(&sent);
        assert_eq!(find_traceparent(&unaware), None);
    }

    #[test]
    fn without_a_trace_nothing_is_sent() {
        let sent = base_config().to_key_value_pairs();
        assert!(!sent.iter().any(|pair| pair.key.starts_with("sluice")));
        let received = accept_traceparent(base_config()).update_from_key_value_pair(&sent);
        assert_eq!(find_traceparent(&received), None);
    }
}
