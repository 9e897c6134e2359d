//! Runs the program, from its arguments to its exit code.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use chrono::Utc;
use clap::Parser;
use serde_json::json;
use sluice_service::format::{count, grouped};
use sluice_service::kafka::KafkaSettings;
use sluice_service::signals::Stop;
use sluice_proto::json as proto_json;
use sluice_proto::v1::JobError;
use tokio::runtime::Builder;

use crate::cli::{Cli, OutputFormat};
use crate::client::{self, Context};
use crate::error::ProduceError;
use crate::plan::{BULK_DAYS, Plan, PlanError, time};
use crate::progress::Progress;
use crate::report::Summary;
use crate::send::Sender;
use crate::tally::Sent;
use crate::topic::{Finder, Topic};
use sluice_service::console::Console;

/// Runs produce-events and returns its exit code (see `docs/exit-codes.md`).
/// `args` begins with the program's name.
pub fn run<I>(args: I) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let program = Program {
        console: Console::standard(),
        limits: Limits::default(),
        stop: Stop::on_signals,
    };
    program.run(args)
}

/// How long each phase may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For finding a broker and the topic.
    pub(crate) patience: Duration,
    /// For acknowledgements after a signal. Less than the ten seconds after
    /// which `docker stop` kills the process.
    pub(crate) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            grace: Duration::from_secs(8),
        }
    }
}

/// produce-events with its console, limits and signals, which tests replace.
pub(crate) struct Program<F> {
    pub(crate) console: Console,
    pub(crate) limits: Limits,
    /// Starts to listen for signals; called inside the runtime.
    pub(crate) stop: F,
}

impl<F> Program<F>
where
    F: FnOnce() -> std::io::Result<Stop>,
{
    pub(crate) fn run<I>(self, args: I) -> u8
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let console = self.console.clone();
        let cli = match Cli::try_parse_from(&args) {
            Ok(cli) => cli,
            Err(answer) if !answer.use_stderr() => {
                console.out(&answer.to_string());
                return 0;
            }
            Err(error) => {
                let text = error.to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                let error = ProduceError::Arguments(text.trim_end().to_owned());
                return tell(&console, wants_json(&args), &error.job_error());
            }
        };
        let json = cli.output == OutputFormat::Json;
        self.produce(&cli)
            .unwrap_or_else(|error| tell(&console, json, &error.job_error()))
    }

    fn produce(self, cli: &Cli) -> Result<u8, ProduceError> {
        let plan = Plan::new(cli, Utc::now(), || u64::from(rand::random::<u32>()))?;
        let settings = client::settings(cli.kafka.settings()?)?;
        if settings.bootstrap_servers().trim().is_empty() {
            return Err(PlanError::NoBroker.into());
        }
        let console = self.console.keeping(settings.secrets());
        let start = |error: std::io::Error| ProduceError::Start(error.to_string());
        // The worker thread listens for signals while this thread sends.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(start)?;
        let limits = self.limits;
        runtime.block_on(async {
            // Before anything is sent, so that no signal is missed.
            let stop = (self.stop)().map_err(start)?;
            Run {
                cli,
                plan: &plan,
                settings: &settings,
                console,
                limits,
                stop,
            }
            .run()
            .await
        })
    }
}

/// A run with its plan and settings, ready to start.
struct Run<'a> {
    cli: &'a Cli,
    plan: &'a Plan,
    settings: &'a KafkaSettings,
    console: Console,
    limits: Limits,
    stop: Stop,
}

impl Run<'_> {
    async fn run(self) -> Result<u8, ProduceError> {
        let Self {
            cli,
            plan,
            settings,
            console,
            limits,
            stop,
        } = self;
        let log = settings.get("debug").map(|_| console.clone());
        let context = Context::new(log);
        let producer = client::producer(settings, &context)?;
        let note = |text: &str| {
            if !cli.no_progress {
                console.err(text);
            }
        };
        let finder = Finder {
            producer: &producer,
            context: &context,
            settings,
            topic: &plan.topic,
            partitions: plan.partitions,
            patience: limits.patience,
            note: &note,
        };
        let Some(topic) = finder.find(|| stop.drain.is_cancelled()).await? else {
            return Err(ProduceError::Stopped {
                sent: 0,
                required: plan.required(),
            });
        };
        let mut progress = Progress::new(console.clone(), !cli.no_progress, Instant::now());
        note(&opening(plan, settings.bootstrap_servers(), topic));
        let sending = Sender {
            plan,
            producer: &producer,
            context: &context,
            stop: &stop,
            progress: &mut progress,
            grace: limits.grace,
            sent: Sent::default(),
            complained: None,
        }
        .run()
        .await;
        progress.clear();
        let summary = Summary {
            plan,
            brokers: settings.bootstrap_servers(),
            topic,
            sending: &sending,
        };
        let error = summary.error().map(|error| error.job_error());
        match cli.output {
            OutputFormat::Json => console.out(&format!("{:#}", summary.json())),
            OutputFormat::Text => console.out(&summary.text()),
        }
        Ok(match error {
            None => 0,
            Some(error) => {
                say(&console, &error);
                error.kind().exit_code()
            }
        })
    }
}

/// The first line of a run: what is going to be sent where.
fn opening(plan: &Plan, brokers: &str, topic: Topic) -> String {
    let kind = plan.kind.name();
    let mut what = match (&plan.bulk, &plan.live) {
        (Some(bulk), _) => format!(
            "sending {} {kind} of the {BULK_DAYS} days until {}",
            grouped(bulk.count),
            time(bulk.until)
        ),
        (None, Some(live)) if live.count.is_some() => {
            format!("sending {} {kind}", grouped(plan.required()))
        }
        _ => format!("sending {kind} until Ctrl-C"),
    };
    if plan.bulk.is_some() && plan.live.is_some() {
        what.push_str(", then more until Ctrl-C");
    }
    let created = if topic.created { " new " } else { " " };
    let partitions = count(topic.partitions as u64, "partition");
    format!(
        "{what}, to the{created}topic {} with {partitions} at {brokers}; seed {}",
        plan.topic, plan.seed
    )
}

/// Reports an error that occurred before there is a summary: on standard error,
/// and as a JSON document when `json` is set. Returns the exit code.
fn tell(console: &Console, json: bool, error: &JobError) -> u8 {
    let code = error.kind().exit_code();
    if json {
        let document = json!({"exit_code": code, "error": proto_json::error(error)});
        console.out(&format!("{document:#}"));
    }
    say(console, error);
    code
}

fn say(console: &Console, error: &JobError) {
    console.error(&error.message, &error.next_step);
}

/// Whether the arguments ask for JSON. For arguments that clap refused: an error
/// about them is already printed as JSON.
fn wants_json(args: &[OsString]) -> bool {
    let mut wants = false;
    for (at, arg) in args.iter().enumerate() {
        if arg == "--output=json" {
            wants = true;
        } else if arg == "--output" {
            wants = args.get(at + 1).is_some_and(|format| format == "json");
        }
    }
    wants
}
