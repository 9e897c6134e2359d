//! Logs: one line per event on stderr, as text or JSON, without secrets.

use std::io::{IsTerminal, Write};

use clap::{Args, ValueEnum};
use sluice_traces::{Exporting, STORE_TARGET};
use thiserror::Error;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::log_filter::WithoutExpected;
use crate::secrets::Secrets;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    /// One JSON object per line.
    Json,
}

/// The options that every process has for its logs.
#[derive(Debug, Clone, Args)]
pub struct LogOptions {
    /// How log lines on stderr look.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace, or directives by
    /// module such as `info,sluice_executor=debug`.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log_level: String,
}

/// Why logging cannot start.
#[derive(Debug, Error)]
pub enum LogError {
    /// The level is neither a level nor directives.
    #[error("`{level}` is not a log level: {source}; use error, warn, info, debug or trace")]
    Level {
        level: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Modules whose level a plain level lowers: libraries that log every task of
/// every job at `info`.
const QUIET_MODULES: &[&str] = &[
    "ballista_core",
    "ballista_executor",
    "ballista_scheduler",
    "datafusion",
    "datafusion_datasource",
    "h2",
    "hyper",
    "hyper_util",
    "object_store",
    "opentelemetry",
    "opentelemetry-otlp",
    "opentelemetry_sdk",
    "reqwest",
    "tonic",
    "tower",
];

/// The filter directives for `--log-level`.
fn filter_directives(level: &str) -> String {
    match level.to_ascii_lowercase().as_str() {
        plain @ ("info" | "debug") => {
            let quiet = if plain == "info" { "warn" } else { "info" };
            std::iter::once(plain.to_owned())
                .chain(
                    QUIET_MODULES
                        .iter()
                        .map(|module| format!("{module}={quiet}")),
                )
                .collect::<Vec<_>>()
                .join(",")
        }
        _ => level.to_owned(),
    }
}

/// Starts logging for this process, with the `log` records of libraries included, and
/// the spans of object stores if traces are exported. If a logger is installed already,
/// it stays.
///
/// # Errors
/// When the level cannot be parsed.
pub fn init_logging(
    options: &LogOptions,
    secrets: &Secrets,
    exporting: Option<&Exporting>,
) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter_directives(&options.log_level)).map_err(|source| {
        LogError::Level {
            level: options.log_level.clone(),
            source,
        }
    })?;
    match exporting {
        Some(exporting) => start_with_traces(options, filter, secrets, exporting),
        None => start_lines(options, filter, secrets),
    }
    Ok(())
}

fn start_lines(options: &LogOptions, filter: EnvFilter, secrets: &Secrets) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(RedactingWriter(secrets.clone()));
    let level = &options.log_level;
    // A failure means that a logger exists, as with several tests in one process.
    let _ = match options.log_format {
        LogFormat::Text => builder
            .with_ansi(std::io::stderr().is_terminal())
            .map_event_format(|lines| WithoutExpected::new(lines, level))
            .try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .map_event_format(|lines| WithoutExpected::new(lines, level))
            .try_init(),
    };
}

/// [`start_lines`], with a second consumer of what libraries report. Its spans do not
/// show in lines.
fn start_with_traces(
    options: &LogOptions,
    mut filter: EnvFilter,
    secrets: &Secrets,
    exporting: &Exporting,
) {
    // A constant of our own is a valid directive.
    if let Ok(no_spans) = format!("{STORE_TARGET}=off").parse() {
        filter = filter.add_directive(no_spans);
    }
    let level = &options.log_level;
    let lines =
        tracing_subscriber::fmt::layer::<Registry>().with_writer(RedactingWriter(secrets.clone()));
    let lines = match options.log_format {
        LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal())
            .map_event_format(|lines| WithoutExpected::new(lines, level))
            .boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .map_event_format(|lines| WithoutExpected::new(lines, level))
            .boxed(),
    };
    // As above: a logger that exists stays.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(exporting.store_spans())
        .try_init();
}

/// Makes writers to stderr that pass whole lines through [`Secrets::redact`].
struct RedactingWriter(Secrets);

impl<'a> MakeWriter<'a> for RedactingWriter {
    type Writer = RedactedLine<'a, std::io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactedLine {
            secrets: &self.0,
            inner: std::io::stderr(),
        }
    }
}

/// Redacts each write. The subscriber writes each event with one call, so a secret
/// is never split over two writes.
struct RedactedLine<'a, W> {
    secrets: &'a Secrets,
    inner: W,
}

impl<W: Write> Write for RedactedLine<'_, W> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.inner.write_all(self.secrets.redact(text).as_bytes())?,
            Err(_) => self.inner.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_level_quiets_the_libraries_and_directives_are_kept() {
        assert!(filter_directives("INFO").starts_with("info,ballista_core=warn,"));
        assert!(filter_directives("debug").contains("h2=info"));
        assert_eq!(filter_directives("warn"), "warn");
        assert_eq!(filter_directives("info,x=trace"), "info,x=trace");
        for level in ["info", "debug", "warn", "info,x=trace"] {
            EnvFilter::try_new(filter_directives(level)).unwrap();
        }
    }

    #[test]
    fn a_wrong_level_is_refused() {
        let options = LogOptions {
            log_format: LogFormat::Text,
            log_level: "info,x=loud".to_owned(),
        };
        let error = init_logging(&options, &Secrets::default(), None).unwrap_err();
        assert!(error.to_string().contains("is not a log level"));
    }

    #[test]
    fn lines_are_redacted_on_their_way() {
        let secrets = Secrets::from_pairs([("MY_TOKEN".to_owned(), "s3cr3t-value".to_owned())]);
        let mut line = RedactedLine {
            secrets: &secrets,
            inner: Vec::new(),
        };
        let text = b"the token is s3cr3t-value\n";
        assert_eq!(line.write(text).unwrap(), text.len());
        assert_eq!(line.inner, b"the token is [redacted]\n");
    }
}
