//! The options of `from_json`, `to_json`, `from_csv` and `to_csv`, which come as pairs of
//! texts after the other arguments.

use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::datetime::pattern::Pattern;

/// How JSON and CSV are read or written.
#[derive(Debug)]
pub(super) struct JsonOptions {
    pub(super) date_format: Option<Pattern>,
    pub(super) timestamp_format: Option<Pattern>,
    /// Whether a malformed text is an error.
    pub(super) fail_fast: bool,
    /// Whether fields that are NULL are written.
    pub(super) keep_nulls: bool,
    /// What is between the values of a line of CSV.
    pub(super) separator: char,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            date_format: None,
            timestamp_format: None,
            fail_fast: false,
            keep_nulls: false,
            separator: ',',
        }
    }
}

/// What the options are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
    ReadCsv,
    WriteCsv,
}

impl Direction {
    const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadCsv)
    }

    const fn is_csv(self) -> bool {
        matches!(self, Self::ReadCsv | Self::WriteCsv)
    }

    /// The names of the options, for messages.
    const fn options(self) -> &'static str {
        match self {
            Self::Read => "dateFormat, timestampFormat and mode (PERMISSIVE or FAILFAST)",
            Self::Write => "dateFormat, timestampFormat and ignoreNullFields",
            Self::ReadCsv => "sep, dateFormat, timestampFormat and mode (PERMISSIVE or FAILFAST)",
            Self::WriteCsv => "sep, dateFormat and timestampFormat",
        }
    }
}

impl JsonOptions {
    /// The options that are the arguments from position `first` on.
    pub(super) fn read(args: &Arguments<'_>, first: usize, direction: Direction) -> Result<Self> {
        let mut options = Self::default();
        for at in (first..args.count()).step_by(2) {
            let (names, values) = (args.text(at)?, args.text(at + 1)?);
            let (Some(name), Some(value)) = (names.get(0), values.get(0)) else {
                return Err(DataFusionError::Plan(format!(
                    "the options of {} must be text constants",
                    args.name()
                )));
            };
            options.set(args.name(), name, value, direction)?;
        }
        Ok(options)
    }

    fn set(&mut self, function: &str, name: &str, value: &str, direction: Direction) -> Result<()> {
        let pattern = |pattern: &str| {
            let parsed = match direction.reads() {
                true => Pattern::to_parse(pattern),
                false => Pattern::to_format(pattern),
            };
            parsed.map(Some).map_err(DataFusionError::Plan)
        };
        let mut letters = value.chars();
        match (name.to_ascii_lowercase().as_str(), letters.next()) {
            ("dateformat", _) => self.date_format = pattern(value)?,
            ("timestampformat", _) => self.timestamp_format = pattern(value)?,
            ("mode", _) if direction.reads() && value.eq_ignore_ascii_case("permissive") => {}
            ("mode", _) if direction.reads() && value.eq_ignore_ascii_case("failfast") => {
                self.fail_fast = true;
            }
            ("sep" | "delimiter", Some(separator))
                if direction.is_csv() && letters.next().is_none() =>
            {
                self.separator = separator;
            }
            ("ignorenullfields", _) if direction == Direction::Write => {
                self.keep_nulls = value.eq_ignore_ascii_case("false");
            }
            _ => {
                return Err(DataFusionError::Plan(format!(
                    "{function} has no option '{name}' = '{value}'; its options are {}",
                    direction.options()
                )));
            }
        }
        Ok(())
    }
}
