//! The program submit-job, from arguments to exit code.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use futures::future::BoxFuture;
use sluice_service::properties;
use sluice_proto::v1::{ErrorKind, JobError, SubmitJobRequest};
use tokio::runtime::{Builder, Runtime};

use crate::api::{JobApi, LocalBackend, LocalOptions};
use crate::cli::{Cli, ColorWhen, DeployMode, OutputFormat};
use crate::follow::{Interrupts, Limits};
use crate::invocation::{Action, Display, Environment, Invocation, Submission, resolve};
use crate::master::Master;
use crate::remote::RemoteApi;
use crate::report::Reporter;
use crate::submit::Submitter;
use crate::{jobtext, query, signals, split, submit};
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
        limits: Limits::default(),
        interrupts: signals::interrupts,
        local,
    };
    program.run(args.into_iter().map(Into::into).collect())
}

/// submit-job with its environment, which tests replace.
pub(crate) struct Program<F> {
    pub(crate) environment: Environment,
    pub(crate) console: Console,
    pub(crate) limits: Limits,
    /// Called inside the runtime, and only for submissions and plans. During
    /// queries a signal ends the process as usual.
    pub(crate) interrupts: F,
    pub(crate) local: Arc<dyn LocalBackend>,
}

/// Parsed arguments, or text to print.
enum Parsed {
    Invocation(Box<Invocation>),
    /// Help or version.
    Text(String),
}

/// A job that has passed the client's own check.
struct Ready {
    request: SubmitJobRequest,
    mode: Option<DeployMode>,
}

impl<F> Program<F>
where
    F: FnOnce() -> std::io::Result<Interrupts> + Send + 'static,
{
    pub(crate) fn run(self, args: Vec<OsString>) -> u8 {
        let (args, wants_json) = match texts(args) {
            Ok(args) => {
                let wants_json = wants_json(&args);
                (Ok(args), wants_json)
            }
            Err(error) => (Err(error), false),
        };
        let mut reporter = Reporter {
            console: self.console.clone().colored(false),
            output: if wants_json {
                OutputFormat::Json
            } else {
                OutputFormat::Text
            },
            verbose: false,
            text: None,
        };
        let parsed = args.and_then(|args| parse(args, &self.environment));
        let invocation = match parsed {
            Ok(Parsed::Invocation(invocation)) => *invocation,
            Ok(Parsed::Text(text)) => {
                reporter.console.out(&text);
                return 0;
            }
            Err(error) => return reporter.error(&error),
        };
        let color = match invocation.display.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => self.console.err_is_terminal(),
        };
        reporter.console = self.console.clone().colored(color);
        reporter.output = invocation.display.output;
        reporter.verbose = invocation.display.verbose;
        match self.act(invocation, &mut reporter) {
            Ok(code) => code,
            Err(error) => reporter.error(&error),
        }
    }

    fn act(self, invocation: Invocation, reporter: &mut Reporter) -> Result<u8, JobError> {
        let Invocation {
            master,
            action,
            display,
        } = invocation;
        let user = &self.environment.user;
        match action {
            Action::Submit { submission, mode } => {
                let request = ready(&submission, user, reporter)?;
                self.job(
                    master,
                    display,
                    reporter,
                    Ready {
                        request,
                        mode: Some(mode),
                    },
                )
            }
            Action::Plan(submission) => {
                let request = ready(&submission, user, reporter)?;
                let ready = Ready {
                    request,
                    mode: None,
                };
                self.job(master, display, reporter, ready)
            }
            question => self.ask(master, question, reporter),
        }
    }

    /// Submits or plans.
    fn job(
        self,
        master: Master,
        display: Display,
        reporter: &Reporter,
        ready: Ready,
    ) -> Result<u8, JobError> {
        let Self {
            limits,
            interrupts,
            local,
            ..
        } = self;
        let Ready { request, mode } = ready;
        if display.verbose {
            let console = &reporter.console;
            console.err(&submit::settings(&master.to_string(), &request));
        }
        let runtime = runtime(&master)?;
        let executor_hint = executor_hint(&master);
        let reporter = reporter.clone();
        block_on(
            runtime,
            &master.clone(),
            Box::pin(async move {
                // Before anything is sent, so that no signal is lost.
                let mut interrupts = interrupts().map_err(cannot_start)?;
                let api = connect(&master, &local, &request.conf).await?;
                if display.verbose
                    && let Ok(info) = api.info().await
                {
                    let what = if executor_hint.is_some() {
                        "scheduler"
                    } else {
                        "driver"
                    };
                    reporter.console.err(&format!("{what:13} {}", info.version));
                }
                let submitter = Submitter {
                    api,
                    reporter,
                    display,
                    limits,
                    executor_hint,
                };
                match mode {
                    Some(mode) => submitter.submit(request, mode, &mut interrupts).await,
                    None => submitter.plan(request).await,
                }
            }),
        )
    }

    /// Runs the commands about existing jobs.
    fn ask(self, master: Master, question: Action, reporter: &Reporter) -> Result<u8, JobError> {
        let runtime = runtime(&master)?;
        let patience = self.limits.patience;
        runtime.block_on(async {
            let api = connect(&master, &self.local, &BTreeMap::new()).await?;
            match question {
                Action::Status(id) => query::status(&*api, reporter, id).await,
                Action::Kill(id) => query::kill(&api, reporter, patience, id).await,
                Action::Logs { id, follow } => query::logs(&*api, reporter, id, follow).await,
                Action::List | Action::Submit { .. } | Action::Plan(_) => {
                    query::list(&*api, reporter).await
                }
            }
        })
    }
}

/// Reads and checks the job file.
fn ready(
    submission: &Submission,
    user: &str,
    reporter: &mut Reporter,
) -> Result<SubmitJobRequest, JobError> {
    let job = jobtext::read(&submission.file)?;
    reporter.text = Some(job.text.clone());
    jobtext::check(&job, &submission.params)?;
    Ok(submit::request(submission, &job, user))
}

fn parse(args: Vec<String>, environment: &Environment) -> Result<Parsed, JobError> {
    let invalid = |error: &dyn std::error::Error| {
        JobError::new(ErrorKind::Invalid, error.to_string())
            .with_next_step("submit-job --help lists the options")
    };
    let (program, rest) = match args.split_first() {
        Some((program, rest)) => (program.clone(), rest),
        None => ("submit-job".to_owned(), &[][..]),
    };
    let split = split::split(rest).map_err(|error| invalid(&error))?;
    let words = std::iter::once(program).chain(split.options);
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(answer) if !answer.use_stderr() => return Ok(Parsed::Text(answer.to_string())),
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
    let invocation =
        resolve(cli, split.params, properties, environment).map_err(|error| invalid(&error))?;
    Ok(Parsed::Invocation(Box::new(invocation)))
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
    properties::parse(&text).map_err(|error| invalid(error.to_string()))
}

fn texts(args: Vec<OsString>) -> Result<Vec<String>, JobError> {
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

fn runtime(master: &Master) -> Result<Runtime, JobError> {
    match master {
        Master::Remote(_) => Builder::new_current_thread().enable_all().build(),
        Master::Local(cores) => Builder::new_multi_thread()
            .worker_threads(cores.resolve())
            .thread_stack_size(LOCAL_STACK_BYTES)
            .enable_all()
            .build(),
    }
    .map_err(cannot_start)
}

/// How long threads may take to end after the work is finished. A computation
/// that does not release its thread ends with the process.
const THREADS_END: Duration = Duration::from_secs(2);

/// A local driver runs on the runtime's worker threads, which have a large enough
/// stack.
fn block_on(
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
    runtime.shutdown_timeout(THREADS_END);
    result
}

async fn connect(
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
            let options = LocalOptions {
                cores: cores.resolve(),
                conf: conf.clone(),
            };
            local.start(options).await
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

fn cannot_start(error: std::io::Error) -> JobError {
    JobError::new(
        ErrorKind::Internal,
        format!("submit-job cannot start: {error}"),
    )
}
