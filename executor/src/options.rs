//! The executor's options.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use sluice_service::address::HostPort;
use sluice_service::logs::LogOptions;
use sluice_service::trace_options::TraceOptions;
use sluice_service::value_parsers;

/// The prefix of the executor's environment variables.
pub const ENVIRONMENT_PREFIX: &str = "SLUICE_EXECUTOR";

/// Runs the tasks of a Sluice cluster.
///
/// Every option can also come from the environment and from a TOML file; the
/// command line wins over the environment, the environment over the file. S3
/// is reached with the usual AWS_* variables.
#[derive(Debug, Clone, Parser)]
#[command(name = "executor", version = sluice_service::VERSION)]
pub struct Options {
    /// A TOML file with options; its keys are the long flags without dashes.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The address of the scheduler's gRPC port.
    #[arg(long, value_name = "HOST:PORT")]
    pub scheduler: HostPort,
    /// How long to wait for the scheduler at the start; forever when not given.
    #[arg(long, value_name = "DURATION", value_parser = value_parsers::parse_duration)]
    pub connect_timeout: Option<Duration>,
    /// How many tasks run at a time; as many as there are cores (container
    /// limits included) when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub vcores: Option<u16>,
    /// The memory that the operators of all tasks may hold together; they
    /// spill to disk beyond it. The process may hold one and a half times as
    /// much and 100 MB. When not given, 70 % of the machine's or the
    /// container's memory, and with fewer --vcores than cores as much less.
    #[arg(long, value_name = "SIZE", value_parser = value_parsers::parse_bytes)]
    pub memory: Option<u64>,
    /// The folder for shuffled, staged and spilled data. It belongs to one
    /// executor; what an earlier one left there is removed at the start.
    #[arg(long, value_name = "DIR", default_value = "./sluice-work")]
    pub work_dir: PathBuf,
    /// Where to listen: this port receives tasks, the next one serves shuffle
    /// data. Port 0 takes two free ports.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub bind: HostPort,
    /// The host under which the scheduler and other executors reach this one;
    /// when not given, the address that --bind names, or the one that leads
    /// to the scheduler when --bind names all of them.
    #[arg(long, value_name = "HOST")]
    pub advertise_host: Option<String>,
    /// Where to serve /healthz, /readyz and /metrics over HTTP; off when not
    /// given.
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<HostPort>,
    /// How often to send a heartbeat to the scheduler; well below the
    /// scheduler's --executor-timeout.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = value_parsers::parse_positive_duration)]
    pub heartbeat_interval: Duration,
    /// After SIGTERM or SIGINT: how long running tasks, and jobs that need data
    /// of this executor, may take to finish.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value_parsers::parse_duration)]
    pub drain_timeout: Duration,
    /// Shuffled and staged data that was not written to for this long is
    /// removed, in case the scheduler never requested its removal.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = value_parsers::parse_duration)]
    pub shuffle_ttl: Duration,
    #[command(flatten)]
    pub log: LogOptions,
    #[command(flatten)]
    pub traces: TraceOptions,
}

impl Options {
    /// The heartbeat's interval, at least a tenth of a second.
    pub(crate) fn effective_heartbeat_interval(&self) -> Duration {
        self.heartbeat_interval.max(Duration::from_millis(100))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    const NOWHERE: &str = "SLUICE_EXECUTOR_TEST_NOWHERE";

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        let arguments = std::iter::once("executor").chain(arguments.iter().copied());
        sluice_service::options::load_options(NOWHERE, arguments.map(OsString::from))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_scheduler_is_needed_and_nothing_leaves_loopback() {
        assert!(parse(&[]).unwrap_err().contains("--scheduler"));
        let options = parse(&["--scheduler", "h:50050"]).unwrap();
        assert_eq!(options.bind.to_string(), "127.0.0.1:0");
        assert_eq!(options.heartbeat_interval, Duration::from_secs(1));
        assert_eq!(
            (options.vcores, options.memory, options.http),
            (None, None, None)
        );
    }

    #[test]
    fn wrong_values_say_what_is_right() {
        let with =
            |flag: &str, value: &str| parse(&["--scheduler", "h:1", flag, value]).unwrap_err();
        assert!(with("--vcores", "0").contains("1..=1024"));
        assert!(with("--memory", "lots").contains("512MB or 2GiB"));
        assert!(with("--bind", "nowhere").contains("HOST:PORT"));
        assert!(with("--heartbeat-interval", "soon").contains("such as 90s"));
        assert!(with("--heartbeat-interval", "0s").contains("above zero"));
        assert!(with("--log-format", "xml").contains("text, json"));
    }

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = std::fs::read_to_string(path).unwrap();
        let table = sluice_service::option_reference::options_table(
            &crate::clap_command(),
            ENVIRONMENT_PREFIX,
        );
        let wanted =
            sluice_service::option_reference::replace_section(&page, "executor options", &table);
        if std::env::var_os("SLUICE_UPDATE_DOCS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        } else {
            assert!(
                page == wanted,
                "run SLUICE_UPDATE_DOCS=1 cargo test -p sluice-executor"
            );
        }
        assert!(wanted.contains("`SLUICE_EXECUTOR_WORK_DIR`"));
    }
}
