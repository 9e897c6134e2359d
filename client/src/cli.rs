//! The options of the command line, defined with clap.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "doc comments are help texts here, with brackets of their own"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser, ValueEnum};
use sluice_service::trace_options::check_endpoint;
use sluice_service::value_parsers::{parse_bytes, parse_positive_duration};

use crate::watch_interval::parse_watch_interval;

pub(crate) const EXAMPLES: &str = "\
Parameters are the variables that the job file declares. They follow JOB.sql as \
--NAME VALUE or --NAME=VALUE; options may be anywhere. `submit-job JOB.sql --help` \
lists the parameters of JOB.sql.

Examples:
  Run a job in this process, on all cores:
    submit-job --master 'local[*]' jobs/landing_to_gold.sql --landing data/landing --gold data/gold
  Run it on a cluster and wait for its end (Ctrl-C cancels the job):
    submit-job --master sluice://127.0.0.1:50050 jobs/landing_to_gold.sql --landing data/landing --gold data/gold
  Show what it would do:
    submit-job --plan jobs/landing_to_gold.sql --landing data/landing --gold data/gold
  Look at its tables:
    submit-job -e 'SELECT * FROM daily_revenue LIMIT 5' --gold data/gold
  Submit it without waiting, and check its status later:
    submit-job --master sluice://h1:50050,h2:50050 --deploy-mode cluster JOB.sql
    submit-job --master sluice://h1:50050,h2:50050 --status ID

Exit codes:
  0 succeeded   1 failed   2 invalid arguments, job or parameters   3 data quality
  4 no scheduler reachable   5 killed   6 timed out   7 interrupted   8 no such job
  9 landing or gold cannot be read or written";

/// Submits a SQL job file to a Sluice cluster, or runs it in this process
#[derive(Debug, Parser)]
#[command(
    name = "submit-job",
    version,
    disable_help_subcommand = true,
    after_help = EXAMPLES,
    override_usage = "submit-job [OPTIONS] JOB.sql [--PARAMETER VALUE]...\n       \
                      submit-job [OPTIONS] -e QUERY --gold FOLDER\n       \
                      submit-job [OPTIONS] --status ID | --kill ID | --logs ID [--follow] | --list [--watch] | --top",
    group(ArgGroup::new("action").args(["status", "kill", "list", "logs", "top", "plan", "execute"]).multiple(false)),
)]
pub(crate) struct Cli {
    /// The SQL job file
    #[arg(value_name = "JOB.sql", conflicts_with_all = ["status", "kill", "list", "logs", "top", "execute"])]
    pub(crate) job: Option<PathBuf>,

    /// Parameters after a separate `--`
    #[arg(hide = true)]
    pub(crate) separated: Vec<String>,

    /// Where the driver runs: sluice://HOST:PORT[,HOST:PORT...], local, local[N] or local[*]
    /// [environment: SLUICE_MASTER] [default: local[*]]
    #[arg(long, value_name = "MASTER")]
    pub(crate) master: Option<String>,

    /// Wait until the job has ended, or exit once it is accepted [default: client]
    #[arg(long, value_name = "MODE", value_enum)]
    pub(crate) deploy_mode: Option<DeployMode>,

    /// Name of the job [default: the job file's name without its extension]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// A setting of this run; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) conf: Vec<String>,

    /// A file of settings, one `key value` or `key=value` a line
    #[arg(long, value_name = "FILE")]
    pub(crate) properties_file: Option<PathBuf>,

    /// An id chosen by you: submitting it twice runs one job
    #[arg(long, value_name = "ID")]
    pub(crate) submission_id: Option<String>,

    /// Cancel the job after this time, such as 90s, 15m or 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    pub(crate) timeout: Option<Duration>,

    /// With --master local: the memory that operators may hold before they spill to disk.
    /// The process may hold one and a half times as much and 100 MB [default: 70 % of the
    /// machine's or the container's memory]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) memory: Option<u64>,

    /// Where to export the OpenTelemetry trace of the job to, by OTLP over HTTP, such as
    /// http://collector:4318; of a local run all of it, otherwise the part of submit-job
    /// [environment: OTEL_EXPORTER_OTLP_ENDPOINT] [default: no export]
    #[arg(long, value_name = "URL", value_parser = check_endpoint)]
    pub(crate) otlp_endpoint: Option<String>,

    /// Refresh only these datasets: streaming tables get what is new, materialized views
    /// are computed; the others stay as they are
    #[arg(long, value_name = "DATASETS", value_delimiter = ',')]
    pub(crate) refresh: Vec<String>,

    /// Compute these datasets from all of their input, and replace their tables
    #[arg(long, value_name = "DATASETS", value_delimiter = ',')]
    pub(crate) full_refresh: Vec<String>,

    /// Compute all datasets from all of their input
    #[arg(long, conflicts_with_all = ["refresh", "full_refresh"])]
    pub(crate) full_refresh_all: bool,

    /// Show what the job would do: statements, inputs, steps
    #[arg(long)]
    pub(crate) plan: bool,

    /// Print the rows of a query over the tables of the folder --gold, all at the versions
    /// that the last job published; at most 10000 rows
    #[arg(
        short = 'e',
        value_name = "QUERY",
        conflicts_with_all = [
            "deploy_mode", "name", "submission_id", "otlp_endpoint", "refresh", "full_refresh",
            "full_refresh_all",
        ]
    )]
    pub(crate) execute: Option<String>,

    /// Show one job, by its id or its submission id
    #[arg(long, value_name = "ID")]
    pub(crate) status: Option<String>,

    /// Cancel a job and wait until it has ended
    #[arg(long, value_name = "ID")]
    pub(crate) kill: Option<String>,

    /// Show the latest jobs
    #[arg(long)]
    pub(crate) list: bool,

    /// With --list: repeat the list at this interval until Ctrl-C, such as 5, 0.5 or 1m
    /// [default: 2 seconds]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "2",
        allow_negative_numbers = true,
        value_parser = parse_watch_interval
    )]
    pub(crate) watch: Option<Duration>,

    /// Show the cluster and its jobs live on the terminal, with keys to look at a job, to
    /// read its log and to kill it; refreshed at this interval, such as 5, 0.5 or 1m
    /// [default: 1 second]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "1",
        allow_negative_numbers = true,
        value_parser = parse_watch_interval
    )]
    pub(crate) top: Option<Duration>,

    /// Show a job's log
    #[arg(long, value_name = "ID")]
    pub(crate) logs: Option<String>,

    /// With --logs: continue until the job has ended
    #[arg(long, requires = "logs")]
    pub(crate) follow: bool,

    /// How the result is printed on standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(crate) output: ResultFormat,

    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,

    /// When to use colour: in errors and warnings, which are on standard error, and in
    /// --logs, --list and --top, which are on standard output
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(crate) color: ColorWhen,

    /// Show the effective settings and all of the driver's log
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// How long submit-job waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeployMode {
    /// Until the job has ended.
    Client,
    /// Until the job is accepted.
    Cluster,
}

/// The format of standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultFormat {
    /// Tables for people.
    Text,
    /// Exactly one JSON document.
    Json,
}

/// When a stream has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// If it is a terminal, unless `NO_COLOR` is set.
    Auto,
    Always,
    Never,
}
