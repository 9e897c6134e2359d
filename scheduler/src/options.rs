//! The scheduler's options.

use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use sluice_engine::job::DEFAULT_MAX_COLUMNS;
use sluice_service::address::HostPort;
use sluice_service::logs::LogOptions;
use sluice_service::trace_options::TraceOptions;
use sluice_service::value_parsers;

/// The prefix of the scheduler's environment variables.
pub const ENVIRONMENT_PREFIX: &str = "SLUICE_SCHEDULER";

/// Plans jobs and has executors run them.
///
/// Every option can also come from the environment and from a TOML file; the
/// command line wins over the environment, the environment over the file. S3
/// is reached with the usual AWS_* variables.
#[derive(Debug, Clone, Parser)]
#[command(name = "scheduler", version = sluice_service::VERSION)]
pub struct Options {
    /// A TOML file with options; its keys are the long flags without dashes.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where executors and submit-job reach the scheduler (gRPC). Port 0 takes
    /// a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    pub bind: HostPort,
    /// Where to serve the web pages, the JSON API, /healthz, /readyz and /metrics
    /// over HTTP. Port 0 takes a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub http: HostPort,
    /// Names under which browsers reach the web pages and the JSON API, separated by
    /// commas. IP addresses, localhost and this machine's own name need not be given;
    /// requests for other names are refused, because a foreign site could have
    /// directed its own name here. A name that a reverse proxy reports in
    /// X-Forwarded-Host is checked when this is given.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = parse_host_name)]
    pub web_host: Vec<String>,
    /// The folder for the records of jobs; it belongs to one scheduler.
    #[arg(long, value_name = "DIR", default_value = "./sluice-state")]
    pub state_dir: PathBuf,
    /// An executor that has been silent for this long is given up and its
    /// tasks run elsewhere. One whose connection breaks is given up at once.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = value_parsers::parse_duration)]
    pub executor_timeout: Duration,
    /// When the last executor is lost, how long running jobs wait for another
    /// one before they fail. Jobs that have not begun wait forever.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = value_parsers::parse_duration)]
    pub no_executor_timeout: Duration,
    /// With fewer executors, /readyz says that the scheduler is not ready.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub min_executors: usize,
    /// The longest that a job may run when its submission sets no limit; no
    /// limit when not given.
    #[arg(long, value_name = "DURATION", value_parser = value_parsers::parse_duration)]
    pub job_timeout: Option<Duration>,
    /// How many jobs run at a time; more of them wait.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = parse_positive)]
    pub max_concurrent_jobs: usize,
    /// How many jobs may wait; further ones are refused. Their texts together may
    /// have 32 MiB.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = parse_positive)]
    pub max_queued_jobs: usize,
    /// How long the scheduler may compute on the plan of a job, or of one of its
    /// steps, before the job fails. What it waits for does not count.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = value_parsers::parse_duration)]
    pub planning_timeout: Duration,
    /// The memory that this process may hold: above it, plans fail and jobs are
    /// refused. When not given, 70 % of the machine's or the container's memory.
    #[arg(long, value_name = "SIZE", value_parser = value_parsers::parse_bytes)]
    pub memory: Option<u64>,
    /// The most columns of a source or a query, also where its relations are
    /// joined.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_COLUMNS, value_parser = parse_positive)]
    pub max_columns: usize,
    /// After SIGTERM or SIGINT: how long running jobs may take to finish
    /// before they are recorded as interrupted.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value_parsers::parse_duration)]
    pub drain_timeout: Duration,
    #[command(flatten)]
    pub log: LogOptions,
    #[command(flatten)]
    pub traces: TraceOptions,
}

fn parse_positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("give a whole number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn parse_host_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("give the name of a host, without port and path, such as etl.example.org".to_owned())
    }
}

impl Options {
    /// The time after which a silent executor is given up. Heartbeats come every
    /// second, so a timeout below 1.5 s would give up healthy executors.
    pub fn effective_executor_timeout(&self) -> Duration {
        self.executor_timeout.max(Duration::from_millis(1500))
    }
}

/// The options as a clap command, for the reference page.
pub fn clap_command() -> clap::Command {
    Options::command()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        let arguments = std::iter::once("scheduler").chain(arguments.iter().copied());
        sluice_service::options::load_options(
            "SLUICE_SCHEDULER_TEST_NOWHERE",
            arguments.map(OsString::from),
        )
        .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_needed_and_nothing_leaves_loopback() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.bind.to_string(), "127.0.0.1:50050");
        assert_eq!(options.http.to_string(), "127.0.0.1:8080");
        assert_eq!(options.executor_timeout, Duration::from_secs(5));
        assert_eq!(options.job_timeout, None);
    }

    #[test]
    fn names_of_the_pages_are_separated_by_commas() {
        assert!(parse(&[]).unwrap().web_host.is_empty());
        let options = parse(&["--web-host", "etl.example.org,etl", "--web-host", "proxy"]).unwrap();
        assert_eq!(options.web_host, ["etl.example.org", "etl", "proxy"]);
        for wrong in ["", "etl:8080", "http://etl", "etl/sluice"] {
            let error = parse(&["--web-host", wrong]).unwrap_err();
            assert!(error.contains("without port and path"), "{error}");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        assert!(
            parse(&["--max-concurrent-jobs", "0"])
                .unwrap_err()
                .contains("at least 1")
        );
        assert!(
            parse(&["--executor-timeout", "soon"])
                .unwrap_err()
                .contains("such as")
        );
        let short = parse(&["--executor-timeout", "100ms"]).unwrap();
        assert_eq!(
            short.effective_executor_timeout(),
            Duration::from_millis(1500)
        );
    }

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = std::fs::read_to_string(path).unwrap();
        let table =
            sluice_service::option_reference::options_table(&clap_command(), ENVIRONMENT_PREFIX);
        let wanted =
            sluice_service::option_reference::replace_section(&page, "scheduler options", &table);
        if std::env::var_os("SLUICE_UPDATE_DOCS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        } else {
            assert!(
                page == wanted,
                "run SLUICE_UPDATE_DOCS=1 cargo test -p sluice-scheduler"
            );
        }
        assert!(wanted.contains("`SLUICE_SCHEDULER_STATE_DIR`"));
    }
}
