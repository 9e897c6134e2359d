//! The program submit-job, from arguments to exit code.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use futures::future::BoxFuture;
use sluice_proto::v1::{ErrorKind, JobError, SubmitJobRequest};
use sluice_service::properties;
use tokio::runtime::{Builder, Runtime};

use crate::api::{JobApi, LocalBackend, LocalBackendOptions};
use crate::cli::{Cli, ColorWhen, DeployMode, ResultFormat};
use crate::follower::{FollowLimits, Interrupts};
use crate::invocation::{
    Action, DisplayOptions, Environment, Invocation, JobSubmission, resolve_invocation,
};
use crate::master::Master;
use crate::remote::RemoteApi;
use crate::report::ResultReporter;
use crate::submit::Submitter;
use crate::{argument_split, job_file, job_queries, signals, submit};
use sluice_service::console::Console;

/// Plans of large jobs recurse deeply.
const LOCAL_STACK_BYTES: usize = 32 * 1024 * 1024;

/// Runs submit-job and returns its exit code (see `docs/exit-codes.md`).
/// `args` begins with the program's name; `local` is the backend of `--master local`.
pub fn run<I>(args: I, local: Arc<dyn LocalBackend>) -> u8
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
        },
        console: Console::standard(),
        limits: FollowLimits::default(),
        interrupts: signals::interrupts,
        local,
    };
    program.run(args.into_iter().map(Into::into).collect())
}

/// submit-job with its environment, which tests replace.
pub(crate) struct Program<F> {
    pub(crate) environment: Environment,
    pub(crate) console: Console,
    pub(crate) limits: FollowLimits,
    /// Called inside the runtime, and only for submissions and plans. During
    /// queries a signal ends the process as usual.
    pub(crate) interrupts: F,
    pub(crate) local: Arc<dyn LocalBackend>,
}

/// Parsed arguments, or text to print.
enum ParsedArgs {
    Invocation(Box<Invocation>),
    /// Help or version.
    Text(String),
}

/// A job that has passed the client's own check.
struct PreparedJob {
    request: SubmitJobRequest,
    mode: Option<DeployMode>,
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
        let parsed = args.and_then(|args| parse_args(args, &self.environment));
        let invocation = match parsed {
            Ok(ParsedArgs::Invocation(invocation)) => *invocation,
            Ok(ParsedArgs::Text(text)) => {
                reporter.console.print_out(&text);
                return 0;
            }
            Err(error) => return reporter.report_error(&error),
        };
        let color = match invocation.display.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => self.console.err_is_terminal(),
        };
        reporter.console = self.console.clone().with_color(color);
        reporter.output = invocation.display.output;
        reporter.verbose = invocation.display.verbose;
        match self.dispatch_action(invocation, &mut reporter) {
            Ok(code) => code,
            Err(error) => reporter.report_error(&error),
        }
    }

    fn dispatch_action(
        self,
        invocation: Invocation,
        reporter: &mut ResultReporter,
    ) -> Result<u8, JobError> {
        let Invocation {
            master,
            action,
            display,
        } = invocation;
        let user = &self.environment.user;
        match action {
            Action::Submit { submission, mode } => {
                let request = prepare_request(&submission, user, reporter)?;
                self.run_job(
                    master,
                    display,
                    reporter,
                    PreparedJob {
                        request,
                        mode: Some(mode),
                    },
                )
            }
            Action::Plan(submission) => {
                let request = prepare_request(&submission, user, reporter)?;
                let ready = PreparedJob {
                    request,
                    mode: None,
                };
                self.run_job(master, display, reporter, ready)
            }
            question => self.run_query(master, question, reporter),
        }
    }

    /// Submits or plans.
    fn run_job(
        self,
        master: Master,
        display: DisplayOptions,
        reporter: &ResultReporter,
        ready: PreparedJob,
    ) -> Result<u8, JobError> {
        let Self {
            limits,
            interrupts,
            local,
            ..
        } = self;
        let PreparedJob { request, mode } = ready;
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
                // Before anything is sent, so that no signal is lost.
                let mut interrupts = interrupts().map_err(startup_error)?;
                let api = connect_api(&master, &local, &request.conf).await?;
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
                match mode {
                    Some(mode) => {
                        submitter
                            .submit_and_follow(request, mode, &mut interrupts)
                            .await
                    }
                    None => submitter.show_plan(request).await,
                }
            }),
        )
    }

    /// Runs the commands about existing jobs.
    fn run_query(
        self,
        master: Master,
        question: Action,
        reporter: &ResultReporter,
    ) -> Result<u8, JobError> {
        let runtime = build_runtime(&master)?;
        let retry_policy = self.limits.retry_policy;
        runtime.block_on(async {
            let api = connect_api(&master, &self.local, &BTreeMap::new()).await?;
            match question {
                Action::Status(id) => job_queries::show_status(&*api, reporter, id).await,
                Action::Kill(id) => job_queries::kill_job(&api, reporter, retry_policy, id).await,
                Action::Logs { id, follow } => {
                    job_queries::print_logs(&*api, reporter, id, follow).await
                }
                Action::List | Action::Submit { .. } | Action::Plan(_) => {
                    job_queries::list_jobs(&*api, reporter).await
                }
            }
        })
    }
}

/// Reads and checks the job file.
fn prepare_request(
    submission: &JobSubmission,
    user: &str,
    reporter: &mut ResultReporter,
) -> Result<SubmitJobRequest, JobError> {
    let job = job_file::read_job_file(&submission.file)?;
    reporter.job_file_text = Some(job.text.clone());
    job_file::check_job_file(&job, &submission.params)?;
    Ok(submit::build_request(submission, &job, user))
}

fn parse_args(args: Vec<String>, environment: &Environment) -> Result<ParsedArgs, JobError> {
    let invalid = |error: &dyn std::error::Error| {
        JobError::new(ErrorKind::Invalid, error.to_string())
            .with_next_step("submit-job --help lists the options")
    };
    let (program, rest) = match args.split_first() {
        Some((program, rest)) => (program.clone(), rest),
        None => ("submit-job".to_owned(), &[][..]),
    };
    let split = argument_split::split_arguments(rest).map_err(|error| invalid(&error))?;
    let words = std::iter::once(program).chain(split.options);
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(answer) if !answer.use_stderr() => return Ok(ParsedArgs::Text(answer.to_string())),
        Err(error) => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            return Err(JobError::new(ErrorKind::Invalid, text));
        }
    };
    let properties = match &cli.properties_file {
        Some(file) => read_properties(file)?,
        None => BTreeMap::new(),
    };
    let invocation = resolve_invocation(cli, split.params, properties, environment)
        .map_err(|error| invalid(&error))?;
    Ok(ParsedArgs::Invocation(Box::new(invocation)))
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

async fn connect_api(
    master: &Master,
    local: &Arc<dyn LocalBackend>,
    conf: &BTreeMap<String, String>,
) -> Result<Arc<dyn JobApi>, JobError> {
    match master {
        Master::Remote(addresses) => {
            let api = RemoteApi::connect(addresses.clone()).await?;
            Ok(Arc::new(api))
        }
        Master::Local(cores) => {
            let options = LocalBackendOptions {
                cores: cores.core_count(),
                conf: conf.clone(),
            };
            local.start_driver(options).await
        }
    }
}

fn executor_hint(master: &Master) -> Option<String> {
    match master {
        Master::Local(_) => None,
        Master::Remote(addresses) => addresses.first().map(|address| {
            format!("executor --scheduler {address} --vcores 1 --work-dir /tmp/sluice-executor")
        }),
    }
}

fn startup_error(error: std::io::Error) -> JobError {
    JobError::new(
        ErrorKind::Internal,
        format!("submit-job cannot start: {error}"),
    )
}
