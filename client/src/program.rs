//! The program submit-job, from arguments to exit code.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory;
use futures::future::BoxFuture;
use sluice_proto::v1::{ErrorKind, JobError, SubmitJobRequest};
use sluice_service::properties;
use sluice_service::shell_help::shell_help;
use sluice_traces::TraceContext;
use tokio::runtime::{Builder, Runtime};

use crate::arguments::{self, Arguments};
use crate::backend::{Backend, executor_hint};
use crate::cli::{Cli, ResultFormat};
use crate::follower::Interrupts;
use crate::invocation::{
    Action, DisplayOptions, Environment, GoldQuery, Invocation, JobQuery, JobSubmission, RunMode,
    UsageError, resolve_invocation,
};
use crate::job_file::LoadedJobFile;
use crate::limits::ClientLimits;
use crate::list_watch::ListWatch;
use crate::local::LocalBackend;
use crate::master::Master;
use crate::report::ResultReporter;
use crate::submit::Submitter;
use crate::top::Top;
use crate::trace::{SubmitTrace, finish_traces};
use crate::{job_file, job_queries, signals, submit};
use sluice_service::console::Console;
use sluice_service::descriptors;

const HELP_HINT: &str =
    "submit-job JOB.sql --help lists the options, and the parameters, which follow the job file";

/// Plans of large jobs recurse deeply.
const LOCAL_STACK_BYTES: usize = 32 * 1024 * 1024;

/// Runs submit-job and returns its exit code (see `docs/exit-codes.md`).
/// `args` begins with the program's name; `local` is the backend of `--master local`.
pub fn run<I>(args: I, local: LocalBackend) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let program = Program {
        environment: Environment {
            master: std::env::var("SLUICE_MASTER").ok(),
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            user: std::env::var("USER")
                .or_else(|_| std::env::var("USERNAME"))
                .unwrap_or_default(),
            caller: TraceContext::from_environment(),
        },
        console: Console::standard(),
        limits: ClientLimits::default(),
        interrupts: signals::interrupts,
        local,
    };
    program.run(args.into_iter().map(Into::into).collect())
}

/// submit-job with its environment, which tests replace.
pub(crate) struct Program<F> {
    pub(crate) environment: Environment,
    pub(crate) console: Console,
    pub(crate) limits: ClientLimits,
    /// Called inside the runtime, and only for submissions, plans, lists that are
    /// repeated and live views. During other queries a signal ends the process as usual.
    pub(crate) interrupts: F,
    pub(crate) local: LocalBackend,
}

/// A job to submit or to plan.
struct JobRun {
    request: SubmitJobRequest,
    mode: RunMode,
    /// Of a local run, in bytes.
    memory: Option<u64>,
}

/// Parsed arguments, or text to print.
enum ParsedArgs {
    Invocation(Box<Invocation>, Option<Box<LoadedJobFile>>),
    /// Help or version.
    Text(String),
}

impl<F> Program<F>
where
    F: FnOnce() -> std::io::Result<Interrupts> + Send + 'static,
{
    pub(crate) fn run(self, args: Vec<OsString>) -> u8 {
        let (args, wants_json) = match utf8_args(args) {
            Ok(args) => {
                let wants_json = wants_json(&args);
                (Ok(args), wants_json)
            }
            Err(error) => (Err(error), false),
        };
        let mut reporter = ResultReporter {
            console: self.console.clone().with_color(false),
            output: if wants_json {
                ResultFormat::Json
            } else {
                ResultFormat::Text
            },
            verbose: false,
            job_file_text: None,
        };
        let parsed = args.and_then(|args| parse_args(&args, &self.environment));
        let (invocation, job_file) = match parsed {
            Ok(ParsedArgs::Invocation(invocation, job_file)) => (*invocation, job_file),
            Ok(ParsedArgs::Text(text)) => {
                reporter.console.print_out(&text);
                return 0;
            }
            Err(error) => return reporter.report_error(&error),
        };
        let display = invocation.display;
        reporter.console = self
            .console
            .clone()
            .with_color(display.allows_color(self.console.err_is_terminal()))
            .with_out_color(display.allows_color(self.console.out_is_terminal()));
        reporter.output = invocation.display.output;
        reporter.verbose = invocation.display.verbose;
        reporter.job_file_text = job_file.as_ref().and_then(|file| file.text.clone());
        match self.dispatch_action(invocation, job_file, &reporter) {
            Ok(code) => code,
            Err(error) => reporter.report_error(&error),
        }
    }

    fn dispatch_action(
        self,
        invocation: Invocation,
        job_file: Option<Box<LoadedJobFile>>,
        reporter: &ResultReporter,
    ) -> Result<u8, JobError> {
        let Invocation {
            master,
            action,
            display,
        } = invocation;
        match action {
            Action::Run(submission, mode) => {
                let job_file = job_file.ok_or_else(|| usage_error(&UsageError::NoJob))?;
                let request = prepare_request(&submission, *job_file, &self.environment.user)?;
                let run = JobRun {
                    request,
                    mode,
                    memory: submission.memory,
                };
                // A plan starts nothing that a trace would show.
                if mode == RunMode::Plan {
                    return self.run_job(master, display, reporter, run, None);
                }
                let (console, caller) = (&reporter.console, self.environment.caller.clone());
                let endpoint = submission.otlp_endpoint;
                let trace = SubmitTrace::begin(endpoint, caller.as_ref(), console);
                let result = self.run_job(master, display, reporter, run, Some(trace));
                finish_traces(console);
                result
            }
            Action::Answer(query) => self.run_gold_query(master, query, reporter),
            Action::Query(query) => self.run_query(master, query, reporter),
        }
    }

    /// Submits or plans.
    fn run_job(
        self,
        master: Master,
        display: DisplayOptions,
        reporter: &ResultReporter,
        run: JobRun,
        trace: Option<SubmitTrace>,
    ) -> Result<u8, JobError> {
        let JobRun {
            request,
            mode,
            memory,
        } = run;
        let Self {
            limits,
            interrupts,
            local,
            ..
        } = self;
        if display.verbose {
            let console = &reporter.console;
            console.print_err(&submit::settings_text(&master.to_string(), &request));
        }
        let runtime = build_runtime(&master)?;
        let executor_hint = executor_hint(&master);
        let reporter = reporter.clone();
        run_on_runtime(
            runtime,
            &master.clone(),
            Box::pin(async move {
                let mut trace = trace;
                let work = async {
                    // Before anything is sent, so that no signal is lost.
                    let mut interrupts = interrupts().map_err(startup_error)?;
                    let backend = Backend {
                        master: &master,
                        local: &local,
                        limits: limits.connection,
                    };
                    let api = backend
                        .connect_client(&request.conf, memory, &reporter.console)
                        .await?;
                    if display.verbose
                        && let Ok(info) = api.server_info().await
                    {
                        let what = if executor_hint.is_some() {
                            "scheduler"
                        } else {
                            "driver"
                        };
                        reporter
                            .console
                            .print_err(&format!("{what:13} {}", info.version));
                    }
                    let submitter = Submitter {
                        api,
                        reporter,
                        display,
                        limits,
                        executor_hint,
                    };
                    match (mode, trace.as_mut()) {
                        (RunMode::Submit(mode), Some(trace)) => {
                            submitter
                                .submit_and_follow(request, mode, &mut interrupts, trace)
                                .await
                        }
                        _ => submitter.show_plan(request).await,
                    }
                };
                let result = work.await;
                if let Some(trace) = &mut trace {
                    trace.end(&result);
                }
                result
            }),
        )
    }

    /// Prints the rows of a query over gold.
    fn run_gold_query(
        self,
        master: Master,
        query: GoldQuery,
        reporter: &ResultReporter,
    ) -> Result<u8, JobError> {
        let Self { limits, local, .. } = self;
        let runtime = build_runtime(&master)?;
        let reporter = reporter.clone();
        run_on_runtime(
            runtime,
            &master.clone(),
            Box::pin(async move {
                let backend = Backend {
                    master: &master,
                    local: &local,
                    limits: limits.connection,
                };
                let client = backend.connect_client(&query.conf, query.memory, &reporter.console);
                let answer = client.await?.run_query(query.into_request()).await?;
                Ok(reporter.report_answer(&answer))
            }),
        )
    }

    /// Runs the commands about existing jobs.
    fn run_query(
        self,
        master: Master,
        query: JobQuery,
        reporter: &ResultReporter,
    ) -> Result<u8, JobError> {
        let Self {
            limits,
            interrupts,
            local,
            ..
        } = self;
        if let JobQuery::Top { .. } = query {
            require_terminal(&reporter.console)?;
        }
        let runtime = build_runtime(&master)?;
        let retry_policy = limits.retry_policy;
        runtime.block_on(async {
            let conf = BTreeMap::new();
            let backend = Backend {
                master: &master,
                local: &local,
                limits: limits.connection,
            };
            let api = backend
                .connect_client(&conf, None, &reporter.console)
                .await?;
            match query {
                JobQuery::Status(id) => job_queries::show_status(&api, reporter, id).await,
                JobQuery::Kill(id) => job_queries::kill_job(&api, reporter, retry_policy, id).await,
                JobQuery::List { watch: None } => job_queries::list_jobs(&api, reporter).await,
                JobQuery::List {
                    watch: Some(interval),
                } => {
                    let mut interrupts = interrupts().map_err(startup_error)?;
                    let list = ListWatch {
                        api: &api,
                        console: &reporter.console,
                        master: master.to_string(),
                        interval,
                        retry_pause: limits.list_pause,
                    };
                    list.repeat_list(&mut interrupts).await
                }
                JobQuery::Top { interval } => {
                    let mut interrupts = interrupts().map_err(startup_error)?;
                    let top = Top {
                        api: Arc::clone(&api),
                        console: reporter.console.clone(),
                        master: master.to_string(),
                        interval,
                    };
                    top.show_on_terminal(&mut interrupts).await
                }
                JobQuery::Logs { id, follow } => {
                    job_queries::print_logs(&api, reporter, id, follow).await
                }
            }
        })
    }
}

/// A live view draws on standard output and reads keys from standard input.
fn require_terminal(console: &Console) -> Result<(), JobError> {
    let stream = match (console.out_is_terminal(), std::io::stdin().is_terminal()) {
        (true, true) => return Ok(()),
        (false, _) => "standard output",
        (true, false) => "standard input",
    };
    Err(usage_error(&UsageError::TopWithoutTerminal { stream }))
}

/// The request for a job that has passed the client's own check.
fn prepare_request(
    submission: &JobSubmission,
    job_file: LoadedJobFile,
    user: &str,
) -> Result<SubmitJobRequest, JobError> {
    let job_file = job_file.parsed?;
    job_file::check_parameters(&job_file, &submission.params)?;
    Ok(submit::build_request(submission, &job_file, user))
}

fn parse_args(args: &[String], environment: &Environment) -> Result<ParsedArgs, JobError> {
    if let Some(text) = shell_help(Cli::command(), args) {
        return match text {
            Ok(text) => Ok(ParsedArgs::Text(text)),
            Err(message) => Err(JobError::new(ErrorKind::Invalid, message)),
        };
    }
    let Arguments {
        cli,
        params,
        job_file,
    } = match arguments::parse_arguments(args) {
        Ok(arguments) => arguments,
        Err(answer) if !answer.use_stderr() => return Ok(ParsedArgs::Text(answer.to_string())),
        Err(error) => return Err(argument_error(&error)),
    };
    let properties = match &cli.properties_file {
        Some(file) => read_properties(file)?,
        None => BTreeMap::new(),
    };
    let invocation = resolve_invocation(cli, params, properties, environment)
        .map_err(|error| usage_error(&error))?;
    Ok(ParsedArgs::Invocation(
        Box::new(invocation),
        job_file.map(Box::new),
    ))
}

fn usage_error(error: &UsageError) -> JobError {
    JobError::new(ErrorKind::Invalid, error.to_string()).with_next_step(HELP_HINT)
}

/// The error of clap: its first paragraph is the message, and its tips are the
/// next step.
fn argument_error(error: &clap::Error) -> JobError {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let tips: Vec<&str> = rest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "))
        .collect();
    let next_step = if tips.is_empty() {
        HELP_HINT.to_owned()
    } else {
        tips.join("\n  ")
    };
    JobError::new(ErrorKind::Invalid, message.trim_end()).with_next_step(next_step)
}

fn read_properties(file: &Path) -> Result<BTreeMap<String, String>, JobError> {
    let invalid = |cause: String| {
        let file = file.display();
        JobError::new(
            ErrorKind::Invalid,
            format!("properties file `{file}`: {cause}"),
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| invalid(error.to_string()))?;
    properties::parse_properties(&text).map_err(|error| invalid(error.to_string()))
}

fn utf8_args(args: Vec<OsString>) -> Result<Vec<String>, JobError> {
    args.into_iter()
        .map(|arg| {
            arg.into_string().map_err(|arg| {
                let arg = arg.to_string_lossy().into_owned();
                JobError::new(ErrorKind::Invalid, format!("argument `{arg}` is not UTF-8"))
            })
        })
        .collect()
}

/// Whether JSON is requested. The arguments may be invalid; errors about them
/// must be JSON too.
fn wants_json(args: &[String]) -> bool {
    let before_params = args.split(|arg| arg == "--").next().unwrap_or(args);
    let mut wants = false;
    for (at, arg) in before_params.iter().enumerate() {
        if let Some(format) = arg.strip_prefix("--output") {
            let next = before_params.get(at + 1).map(String::as_str);
            wants = match format {
                "" => next == Some("json"),
                format => format == "=json",
            };
        }
    }
    wants
}

fn build_runtime(master: &Master) -> Result<Runtime, JobError> {
    descriptors::raise_limit();
    match master {
        Master::Remote(_) => Builder::new_current_thread().enable_all().build(),
        Master::Local(cores) => Builder::new_multi_thread()
            .worker_threads(cores.core_count())
            .thread_stack_size(LOCAL_STACK_BYTES)
            .enable_all()
            .build(),
    }
    .map_err(startup_error)
}

/// How long threads may take to end after the work is finished. A computation
/// that does not release its thread ends with the process.
const THREAD_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// A local driver runs on the runtime's worker threads, which have a large enough
/// stack.
fn run_on_runtime(
    runtime: Runtime,
    master: &Master,
    work: BoxFuture<'static, Result<u8, JobError>>,
) -> Result<u8, JobError> {
    let result = match master {
        Master::Remote(_) => runtime.block_on(work),
        Master::Local(_) => runtime.block_on(async {
            runtime.spawn(work).await.unwrap_or_else(|error| {
                Err(JobError::new(
                    ErrorKind::Internal,
                    format!("the local run failed: {error}"),
                ))
            })
        }),
    };
    runtime.shutdown_timeout(THREAD_SHUTDOWN_TIMEOUT);
    result
}

fn startup_error(error: std::io::Error) -> JobError {
    JobError::new(
        ErrorKind::Internal,
        format!("submit-job cannot start: {error}"),
    )
}
