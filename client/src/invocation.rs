//! What submit-job is to do: merges and checks command line, properties file and
//! environment, without side effects.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sluice_jobfile::GOLD_VARIABLE;
use sluice_proto::v1::RunQueryRequest;
use sluice_traces::TraceContext;
use thiserror::Error;

use crate::cli::{Cli, ColorWhen, DeployMode, ResultFormat};
use crate::master::{Master, MasterError};
use crate::own_settings::{BadSetting, OwnSettings};

/// Used when no master is set, as in spark-submit.
const DEFAULT_MASTER: &str = "local[*]";

/// Values from the environment of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `SLUICE_MASTER`.
    pub(crate) master: Option<String>,
    /// Whether `NO_COLOR` is set to anything but the empty text.
    pub(crate) no_color: bool,
    /// Who runs submit-job; for display only.
    pub(crate) user: String,
    /// The span of the process that started submit-job.
    pub(crate) caller: Option<TraceContext>,
}

/// What submit-job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Run(JobSubmission, RunMode),
    /// Print the rows of a query over gold.
    Answer(GoldQuery),
    Query(JobQuery),
}

/// What happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunMode {
    Submit(DeployMode),
    /// The job is planned only.
    Plan,
}

/// A query over gold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GoldQuery {
    pub(crate) text: String,
    /// The folder of the tables.
    pub(crate) gold: String,
    pub(crate) conf: BTreeMap<String, String>,
    pub(crate) timeout: Option<Duration>,
    /// Of a local run, in bytes.
    pub(crate) memory: Option<u64>,
}

impl GoldQuery {
    pub(crate) fn into_request(self) -> RunQueryRequest {
        let limit = self.timeout.map_or(0, |limit| limit.as_millis());
        RunQueryRequest {
            query: self.text,
            gold: self.gold,
            conf: self.conf.into_iter().collect(),
            timeout_ms: u64::try_from(limit).unwrap_or(u64::MAX),
        }
    }
}

/// A command about existing jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JobQuery {
    Status(String),
    Kill(String),
    /// The list of jobs; repeated at this interval, if there is one.
    List {
        watch: Option<Duration>,
    },
    /// A live view, refreshed at this interval.
    Top {
        interval: Duration,
    },
    Logs {
        id: String,
        follow: bool,
    },
}

impl JobQuery {
    /// The query that the options ask for, if they do.
    fn from_options(cli: &Cli) -> Option<Self> {
        if let Some(id) = &cli.status {
            Some(Self::Status(id.clone()))
        } else if let Some(id) = &cli.kill {
            Some(Self::Kill(id.clone()))
        } else if let Some(id) = &cli.logs {
            Some(Self::Logs {
                id: id.clone(),
                follow: cli.follow,
            })
        } else if let Some(interval) = cli.top {
            Some(Self::Top { interval })
        } else {
            cli.list.then_some(Self::List { watch: cli.watch })
        }
    }

    const fn option(&self) -> &'static str {
        match self {
            Self::Status(_) => "--status",
            Self::Kill(_) => "--kill",
            Self::List { .. } => "--list",
            Self::Logs { .. } => "--logs",
            Self::Top { .. } => "--top",
        }
    }

    fn check(&self, master: &Master) -> Result<(), UsageError> {
        if let Self::Status(id) | Self::Kill(id) | Self::Logs { id, .. } = self {
            require_nonempty("id", id)?;
        }
        match master {
            Master::Remote(_) => Ok(()),
            Master::Local(_) => Err(UsageError::NeedsScheduler {
                option: self.option(),
            }),
        }
    }
}

/// A job to submit or plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobSubmission {
    pub(crate) name: String,
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) conf: BTreeMap<String, String>,
    /// Set by the user; otherwise one is generated.
    pub(crate) submission_id: Option<String>,
    pub(crate) timeout: Option<Duration>,
    /// Of a local run, in bytes.
    pub(crate) memory: Option<u64>,
    /// Where to export the trace to, if the option says so.
    pub(crate) otlp_endpoint: Option<String>,
    pub(crate) refresh: Vec<String>,
    pub(crate) full_refresh: Vec<String>,
    pub(crate) full_refresh_all: bool,
}

/// How results and progress are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DisplayOptions {
    pub(crate) output: ResultFormat,
    pub(crate) progress: bool,
    pub(crate) verbose: bool,
    pub(crate) color: ColorWhen,
}

impl DisplayOptions {
    const fn new(cli: &Cli, environment: &Environment) -> Self {
        Self {
            output: cli.output,
            progress: !cli.no_progress,
            verbose: cli.verbose,
            color: match cli.color {
                ColorWhen::Auto if environment.no_color => ColorWhen::Never,
                when => when,
            },
        }
    }

    /// Whether a stream of submit-job has colours. Every part that writes colours
    /// follows this.
    pub(crate) const fn allows_color(self, stream_is_terminal: bool) -> bool {
        match self.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => stream_is_terminal,
        }
    }
}

/// A complete, checked invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub(crate) master: Master,
    pub(crate) action: Action,
    pub(crate) display: DisplayOptions,
}

/// Arguments that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum UsageError {
    #[error(transparent)]
    Master(#[from] MasterError),
    #[error("no job file given; try `submit-job JOB.sql` or `submit-job --help`")]
    NoJob,
    #[error("setting `{given}` is not KEY=VALUE")]
    MalformedSetting { given: String },
    #[error(transparent)]
    BadSetting(#[from] BadSetting),
    #[error(
        "`--memory` and `sluice.memory` are for `--master local`; on a cluster, each executor \
         has an option `--memory`"
    )]
    MemoryOfCluster,
    #[error("the deploy mode `cluster` needs a cluster; give `--master sluice://HOST:PORT`")]
    ClusterWithoutCluster,
    #[error(
        "`{option}` needs a scheduler, and a local run has none; \
         give `--master sluice://HOST:PORT` or set SLUICE_MASTER"
    )]
    NeedsScheduler { option: &'static str },
    #[error("`-e` needs the folder of the tables; add `--gold FOLDER`")]
    QueryWithoutGold,
    #[error("`-e` takes `--gold FOLDER` and no other parameter; `{given}` is none of a query")]
    ParameterOfQuery { given: String },
    #[error("`--follow` needs `--logs ID`")]
    FollowWithoutLogs,
    #[error("`--watch` needs `--list`; write `submit-job --list --watch`")]
    WatchWithoutList,
    #[error(
        "`--watch` repeats a list for people, and `--output json` is one document; \
         repeat `submit-job --list --output json` instead"
    )]
    WatchAsJson,
    #[error(
        "`--top` is a live view for people, and `--output json` is one document; \
         use `submit-job --list --output json`"
    )]
    TopAsJson,
    #[error(
        "`--top` draws on a terminal, and {stream} is none; \
         use `submit-job --list --watch`, which only writes lines"
    )]
    TopWithoutTerminal { stream: &'static str },
    #[error("the {what} must not be empty")]
    Empty { what: &'static str },
}

/// Merges all sources. In order of precedence: the command line, `--conf`, the
/// properties file, the environment.
pub(crate) fn resolve_invocation(
    cli: Cli,
    params: BTreeMap<String, String>,
    properties: BTreeMap<String, String>,
    environment: &Environment,
) -> Result<Invocation, UsageError> {
    let mut conf = properties;
    add_conf_options(&mut conf, &cli.conf)?;
    let own = OwnSettings::from_options(&cli)
        .or(OwnSettings::take_from(&mut conf)?)
        .or(OwnSettings::from_master(environment.master.clone()));
    let master: Master = own.master.as_deref().unwrap_or(DEFAULT_MASTER).parse()?;
    if own.memory.is_some() && matches!(master, Master::Remote(_)) {
        return Err(UsageError::MemoryOfCluster);
    }
    // clap does not report this when there is a job file, which excludes --logs.
    if cli.follow && cli.logs.is_none() {
        return Err(UsageError::FollowWithoutLogs);
    }
    if cli.watch.is_some() {
        require_watchable_list(&cli)?;
    }
    if cli.top.is_some() && cli.output == ResultFormat::Json {
        return Err(UsageError::TopAsJson);
    }
    let display = DisplayOptions::new(&cli, environment);
    let action = if let Some(query) = JobQuery::from_options(&cli) {
        query.check(&master)?;
        Action::Query(query)
    } else if let Some(text) = &cli.execute {
        Action::Answer(gold_query(text, own, params, conf)?)
    } else {
        let mode = run_mode(&cli, own.deploy_mode, &master)?;
        Action::Run(job_submission(cli, own, params, conf)?, mode)
    };
    Ok(Invocation {
        master,
        action,
        display,
    })
}

/// Adds the settings of `--conf KEY=VALUE`, which replace those of the file.
fn add_conf_options(
    conf: &mut BTreeMap<String, String>,
    options: &[String],
) -> Result<(), UsageError> {
    for given in options {
        let (key, value) = given.split_once('=').unwrap_or((given, ""));
        if key.trim().is_empty() || !given.contains('=') {
            // The text may contain a secret after a mistyped key: show only the key.
            return Err(UsageError::MalformedSetting {
                given: key.to_owned(),
            });
        }
        conf.insert(key.trim().to_owned(), value.to_owned());
    }
    Ok(())
}

fn run_mode(
    cli: &Cli,
    deploy_mode: Option<DeployMode>,
    master: &Master,
) -> Result<RunMode, UsageError> {
    if cli.plan {
        return Ok(RunMode::Plan);
    }
    match (master, deploy_mode.unwrap_or(DeployMode::Client)) {
        (Master::Local(_), DeployMode::Cluster) => Err(UsageError::ClusterWithoutCluster),
        (_, mode) => Ok(RunMode::Submit(mode)),
    }
}

fn job_submission(
    cli: Cli,
    own: OwnSettings,
    params: BTreeMap<String, String>,
    conf: BTreeMap<String, String>,
) -> Result<JobSubmission, UsageError> {
    let file = cli.job.ok_or(UsageError::NoJob)?;
    let name = own.name.unwrap_or_else(|| job_name_from(&file));
    require_nonempty("name", &name)?;
    if let Some(id) = &cli.submission_id {
        require_nonempty("submission id", id)?;
    }
    Ok(JobSubmission {
        name,
        params,
        conf,
        submission_id: cli.submission_id,
        timeout: own.timeout,
        memory: own.memory,
        otlp_endpoint: cli.otlp_endpoint,
        refresh: cli.refresh,
        full_refresh: cli.full_refresh,
        full_refresh_all: cli.full_refresh_all,
    })
}

fn gold_query(
    text: &str,
    own: OwnSettings,
    mut params: BTreeMap<String, String>,
    conf: BTreeMap<String, String>,
) -> Result<GoldQuery, UsageError> {
    require_nonempty("query", text)?;
    let gold = params.remove(GOLD_VARIABLE);
    if let Some((given, _)) = params.pop_first() {
        return Err(UsageError::ParameterOfQuery { given });
    }
    Ok(GoldQuery {
        text: text.to_owned(),
        gold: gold.ok_or(UsageError::QueryWithoutGold)?,
        conf,
        timeout: own.timeout,
        memory: own.memory,
    })
}

/// What `--watch` repeats must be a list for people.
fn require_watchable_list(cli: &Cli) -> Result<(), UsageError> {
    match (cli.list, cli.output) {
        (false, _) => Err(UsageError::WatchWithoutList),
        (true, ResultFormat::Json) => Err(UsageError::WatchAsJson),
        (true, ResultFormat::Text) => Ok(()),
    }
}

fn require_nonempty(what: &'static str, text: &str) -> Result<(), UsageError> {
    match text.trim() {
        "" => Err(UsageError::Empty { what }),
        _ => Ok(()),
    }
}

fn job_name_from(file: &Path) -> String {
    file.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
