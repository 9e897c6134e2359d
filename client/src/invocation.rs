//! What submit-job is to do: merges and checks command line, properties file and
//! environment, without side effects.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

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
}

/// What submit-job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Run(JobSubmission, RunMode),
    Query(JobQuery),
}

/// What happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunMode {
    Submit(DeployMode),
    /// The job is planned only.
    Plan,
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
    let action = match JobQuery::from_options(&cli) {
        Some(query) => {
            query.check(&master)?;
            Action::Query(query)
        }
        None => {
            let mode = run_mode(&cli, own.deploy_mode, &master)?;
            Action::Run(job_submission(cli, own, params, conf)?, mode)
        }
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
        refresh: cli.refresh,
        full_refresh: cli.full_refresh,
        full_refresh_all: cli.full_refresh_all,
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
mod tests {
    use clap::Parser;

    use super::*;

    fn with(
        line: &str,
        properties: &[(&str, &str)],
        master: Option<&str>,
    ) -> Result<Invocation, String> {
        let words = std::iter::once("submit-job").chain(line.split_whitespace());
        let properties = properties
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let environment = Environment {
            master: master.map(str::to_owned),
            ..Environment::default()
        };
        resolve_invocation(
            Cli::try_parse_from(words).unwrap(),
            BTreeMap::new(),
            properties,
            &environment,
        )
        .map_err(|error| error.to_string())
    }

    fn submission(invocation: Invocation) -> (JobSubmission, DeployMode) {
        match invocation.action {
            Action::Run(submission, RunMode::Submit(mode)) => (submission, mode),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_nearer_word_wins() {
        let properties = [
            ("sluice.master", "sluice://file:1"),
            ("a", "file"),
            ("b", "file"),
        ];
        let master = |line: &str, properties: &[_], env| {
            with(line, properties, env).unwrap().master.to_string()
        };
        assert_eq!(master("j.sql", &[], None), "local[*]");
        assert_eq!(master("j.sql", &[], Some("")), "local[*]");
        assert_eq!(
            master("j.sql", &[], Some("sluice://env:1")),
            "sluice://env:1"
        );
        assert_eq!(
            master("j.sql", &properties, Some("local")),
            "sluice://file:1"
        );
        let conf = "--conf sluice.master=sluice://conf:1 --conf a=x --conf a=y=z";
        assert_eq!(
            master(&format!("{conf} j.sql"), &properties, None),
            "sluice://conf:1"
        );
        let all = with(
            &format!("{conf} --master sluice://flag:1 j.sql"),
            &properties,
            None,
        );
        let all = all.unwrap();
        assert_eq!(all.master.to_string(), "sluice://flag:1");
        let (submission, mode) = submission(all);
        assert_eq!(mode, DeployMode::Client);
        assert_eq!(submission.conf["a"], "y=z");
        assert_eq!(submission.conf["b"], "file");
        assert!(!submission.conf.contains_key("sluice.master"));
    }

    #[test]
    fn submit_jobs_own_settings_may_come_from_a_file() {
        let properties = [
            ("sluice.master", "sluice://h:1"),
            ("sluice.name", "nightly"),
            ("sluice.deploy_mode", "Cluster"),
            ("sluice.timeout", "1h 30m"),
        ];
        let (from_file, mode) = submission(with("dir/my.job.sql", &properties, None).unwrap());
        assert_eq!(mode, DeployMode::Cluster);
        assert_eq!(from_file.name, "nightly");
        assert_eq!(from_file.timeout, Some(Duration::from_secs(5400)));
        assert!(from_file.conf.is_empty());
        let line = "--deploy-mode client --timeout 5s --name day dir/my.job.sql";
        let (from_line, mode) = submission(with(line, &properties, None).unwrap());
        assert_eq!(mode, DeployMode::Client);
        assert_eq!(from_line.name, "day");
        assert_eq!(from_line.timeout, Some(Duration::from_secs(5)));
        let (plain, _) = submission(with("dir/my.job.sql", &[], None).unwrap());
        assert_eq!((plain.name.as_str(), plain.memory), ("my.job", None));
        let small = with("--memory 64MB j.sql", &[("sluice.memory", "1GB")], None);
        assert_eq!(submission(small.unwrap()).0.memory, Some(64 << 20));
    }

    #[test]
    fn datasets_to_refresh_are_lists() {
        let named = |line: &str| {
            let (job, _) = submission(with(line, &[], None).unwrap());
            (job.refresh, job.full_refresh, job.full_refresh_all)
        };
        let list = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        assert_eq!(named("j.sql"), (vec![], vec![], false));
        assert_eq!(
            named("--refresh a,b --refresh c --full-refresh d j.sql"),
            (list(&["a", "b", "c"]), list(&["d"]), false)
        );
        assert_eq!(named("--full-refresh-all j.sql"), (vec![], vec![], true));
        // An empty list does not stand for all datasets.
        assert_eq!(named("--refresh= j.sql").0, list(&[""]));
    }

    #[test]
    fn a_list_may_be_repeated() {
        let watch = |line: &str| {
            let master = Some("sluice://h:1");
            match with(line, &[], master).unwrap().action {
                Action::Query(JobQuery::List { watch }) => watch,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(watch("--list"), None);
        for (line, millis) in [
            ("--list --watch", 2_000),
            ("--watch --list", 2_000),
            ("--list --watch 5", 5_000),
            ("--list --watch=0.5", 500),
            ("--watch 1m --list", 60_000),
        ] {
            assert_eq!(watch(line), Some(Duration::from_millis(millis)), "{line}");
        }
    }

    #[test]
    fn a_live_view_has_an_interval() {
        for (line, millis) in [("--top", 1_000), ("--top 5", 5_000), ("--top=0.5", 500)] {
            let invocation = with(line, &[], Some("sluice://h:1")).unwrap();
            let interval = Duration::from_millis(millis);
            let query = JobQuery::Top { interval };
            assert_eq!(invocation.action, Action::Query(query), "{line}");
        }
    }

    #[test]
    fn colours_depend_on_the_stream_unless_the_option_says_otherwise() {
        for (option, no_color, on_terminal, elsewhere) in [
            ("", false, true, false),
            ("--color auto", false, true, false),
            ("--color always", false, true, true),
            ("--color never", false, false, false),
            ("", true, false, false),
            ("--color auto", true, false, false),
            ("--color always", true, true, true),
        ] {
            let words = ["submit-job", "j.sql"]
                .into_iter()
                .chain(option.split_whitespace());
            let environment = Environment {
                no_color,
                ..Environment::default()
            };
            let cli = Cli::try_parse_from(words).unwrap();
            let display = DisplayOptions::new(&cli, &environment);
            assert_eq!(
                (display.allows_color(true), display.allows_color(false)),
                (on_terminal, elsewhere),
                "{option}, NO_COLOR {no_color}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (line, properties, part) in [
            ("", &[][..], "no job file given"),
            ("--plan", &[], "no job file given"),
            ("--follow j.sql", &[], "`--follow` needs `--logs ID`"),
            ("j.sql --watch", &[], "`--watch` needs `--list`"),
            ("--watch 5 --status a", &[], "submit-job --list --watch"),
            (
                "--list --watch --output json",
                &[],
                "`--output json` is one document",
            ),
            ("--list --watch", &[], "`--list` needs a scheduler"),
            ("--top", &[], "`--top` needs a scheduler"),
            (
                "--top --output json",
                &[],
                "`--output json` is one document",
            ),
            ("--conf x j.sql", &[], "setting `x` is not KEY=VALUE"),
            ("--conf =x j.sql", &[], "is not KEY=VALUE"),
            (
                "--master yarn j.sql",
                &[],
                "master `yarn` is not understood",
            ),
            ("--deploy-mode cluster j.sql", &[], "needs a cluster"),
            ("--status a", &[], "`--status` needs a scheduler"),
            ("--master local --kill a", &[], "`--kill` needs a scheduler"),
            ("--list", &[], "`--list` needs a scheduler"),
            ("--logs a --follow", &[], "`--logs` needs a scheduler"),
            ("--name= j.sql", &[], "the name must not be empty"),
            (
                "--submission-id= j.sql",
                &[],
                "the submission id must not be empty",
            ),
            ("--status=", &[], "the id must not be empty"),
            (
                "--master sluice://h:1 --memory 1GB j.sql",
                &[],
                "each executor has an option `--memory`",
            ),
            ("j.sql", &[("sluice.memory", "much")], "sluice.memory"),
            ("j.sql", &[("sluice.timeout", "0s")], "must be above zero"),
            ("j.sql", &[("sluice.timeout", "soon")], "such as 90s"),
            (
                "j.sql",
                &[("sluice.deploy_mode", "here")],
                "allowed are client and cluster",
            ),
        ] {
            let error = with(line, properties, None).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn clap_refuses_actions_that_exclude_each_other() {
        for line in [
            "--list --status a",
            "--plan --kill a",
            "--full-refresh-all --refresh a j.sql",
            "--full-refresh-all --full-refresh a j.sql",
            "--status a j.sql",
            "--timeout never j.sql",
            "--deploy-mode here j.sql",
            "--output xml j.sql",
            "--list --watch j.sql",
            "--list --watch 0",
            "--list --watch -1",
            "--list --watch=soon",
            "--list --watch 1 2",
            "--list --top",
            "--top j.sql",
            "--top 0",
        ] {
            let words = std::iter::once("submit-job").chain(line.split_whitespace());
            let error = Cli::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
