//! The session's time zone, and zones as text.
//!
//! datafusion-spark's `to_utc_timestamp` uses the offset of the local time read
//! as UTC, which is an hour off near a change (datafusion #24049). Ours are those of
//! [`Zone`].

use std::fmt::Write as _;

use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};

pub(crate) use sluice_values::TimeZone as Zone;

/// The session's zone.
pub(crate) fn session_zone(config: &ConfigOptions) -> Result<Zone> {
    match config.execution.time_zone.as_deref() {
        None | Some("UTC") => Ok(Zone::UTC),
        Some(name) => parse_zone(name),
    }
}

/// The zone of a name such as `Europe/Rome`, `GMT+2`, `+02:00`, `Z`, `PST`.
pub(crate) fn parse_zone(name: &str) -> Result<Zone> {
    Zone::find(name).ok_or_else(|| {
        DataFusionError::Execution(format!(
            "'{name}' is not a time zone; write a name such as 'Europe/Rome', or an offset such as \
             '+02:00'"
        ))
    })
}

/// The zone's short name at an instant, such as `CET`.
pub(crate) fn zone_abbreviation(zone: Zone, instant: i64) -> Option<String> {
    match zone {
        Zone::UTC => Some("UTC".to_owned()),
        Zone::Fixed(offset) => Some(format_offset(offset.into(), OffsetForm::Colons)),
        Zone::Named(_) => zone.abbreviation_at(instant),
    }
}

/// The zone's id, as Java prints it.
pub(crate) fn zone_id(zone: Zone) -> String {
    match zone {
        Zone::UTC => "Z".to_owned(),
        Zone::Fixed(offset) => format_offset(offset.into(), OffsetForm::Colons),
        Zone::Named(zone) => zone.name().to_owned(),
    }
}

/// How an offset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffsetForm {
    /// `+02`, with minutes where they are not zero.
    Hours,
    /// `+0200`.
    Plain,
    /// `+02:00`.
    Colons,
    /// `+0200`, with seconds where they are not zero.
    PlainSeconds,
    /// `+02:00`, with seconds where they are not zero.
    ColonSeconds,
}

/// An offset in seconds, as text.
pub(crate) fn format_offset(seconds: i64, form: OffsetForm) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let rest = seconds.abs();
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    let mut text = format!("{sign}{hours:02}");
    let colon = match form {
        OffsetForm::Colons | OffsetForm::ColonSeconds => ":",
        _ => "",
    };
    if form != OffsetForm::Hours || minutes != 0 {
        let _ = write!(text, "{colon}{minutes:02}");
    }
    let with_seconds = matches!(form, OffsetForm::PlainSeconds | OffsetForm::ColonSeconds);
    if with_seconds && seconds != 0 {
        let _ = write!(text, "{colon}{seconds:02}");
    }
    text
}
