//! Runs the program, from its arguments to its exit code.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use chrono::Utc;
use clap::{CommandFactory, Parser};
use serde_json::json;
use sluice_proto::json as proto_json;
use sluice_proto::v1::JobError;
use sluice_service::console::Console;
use sluice_service::descriptors;
use sluice_service::format::{format_count, group_thousands};
use sluice_service::kafka::KafkaSettings;
use sluice_service::shell_help::print_shell_help;
use sluice_service::signals::StopSignal;
use tokio::runtime::Builder;

use crate::cli::{Cli, OutputFormat};
use crate::client::{self, DeliveryContext, Producer};
use crate::counts::SentCounts;
use crate::error::ProduceError;
use crate::outcome::SendResult;
use crate::plan::{BULK_DAYS, PlanError, ProducePlan, format_rfc3339};
use crate::progress::ProgressDisplay;
use crate::send::EventSender;
use crate::summary::ProduceSummary;
use crate::topic::{TargetTopic, TopicFinder};

/// Runs produce-events and returns its exit code (see `docs/exit-codes.md`).
/// `args` begins with the program's name.
pub fn run<I>(args: I) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let program = ProduceProgram {
        console: Console::standard(),
        limits: ProduceLimits::default(),
        stop: StopSignal::on_signals,
    };
    program.run_with_args(args)
}

/// How long each phase may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProduceLimits {
    /// For finding a broker and the topic.
    pub(crate) connect_timeout: Duration,
    /// For acknowledgements after a signal. Less than the ten seconds after
    /// which `docker stop` kills the process.
    pub(crate) shutdown_grace: Duration,
}

impl Default for ProduceLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(8),
        }
    }
}

/// produce-events with its console, limits and signals, which tests replace.
pub(crate) struct ProduceProgram<F> {
    pub(crate) console: Console,
    pub(crate) limits: ProduceLimits,
    /// Starts to listen for signals; called inside the runtime.
    pub(crate) stop: F,
}

impl<F> ProduceProgram<F>
where
    F: FnOnce() -> std::io::Result<StopSignal>,
{
    pub(crate) fn run_with_args<I>(self, args: I) -> u8
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        if let Some(code) = print_shell_help(Cli::command(), &args) {
            return code;
        }
        let console = self.console.clone();
        let cli = match Cli::try_parse_from(&args) {
            Ok(cli) => cli,
            Err(answer) if !answer.use_stderr() => {
                console.print_out(&answer.to_string());
                return 0;
            }
            Err(error) => {
                let text = error.to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                let error = ProduceError::Arguments(text.trim_end().to_owned());
                return fail_with(&console, wants_json(&args), &error.job_error());
            }
        };
        let json = cli.output == OutputFormat::Json;
        self.produce_events(&cli)
            .unwrap_or_else(|error| fail_with(&console, json, &error.job_error()))
    }

    fn produce_events(self, cli: &Cli) -> Result<u8, ProduceError> {
        descriptors::raise_limit();
        let plan = ProducePlan::new(cli, Utc::now(), || u64::from(rand::random::<u32>()))?;
        let settings = client::producer_settings(cli.kafka.load_settings()?)?;
        if settings.bootstrap_servers().trim().is_empty() {
            return Err(PlanError::NoBroker.into());
        }
        let console = self.console.with_secrets(settings.secrets());
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
            ProduceRun {
                cli,
                plan: &plan,
                settings: &settings,
                console,
                limits,
                stop,
            }
            .send_and_report()
            .await
        })
    }
}

/// A run with its plan and settings, ready to start.
struct ProduceRun<'a> {
    cli: &'a Cli,
    plan: &'a ProducePlan,
    settings: &'a KafkaSettings,
    console: Console,
    limits: ProduceLimits,
    stop: StopSignal,
}

impl ProduceRun<'_> {
    async fn send_and_report(self) -> Result<u8, ProduceError> {
        let log = self.settings.get("debug").map(|_| self.console.clone());
        let context = DeliveryContext::new(log);
        let producer = client::create_producer(self.settings, &context)?;
        let topic = self.find_topic(&producer, &context).await?;
        let brokers = self.settings.bootstrap_servers();
        self.print_note(&opening_line(self.plan, brokers, topic));
        let result = self.send_events(&producer, &context).await;
        Ok(self.report_result(topic, &result))
    }

    async fn find_topic(
        &self,
        producer: &Producer,
        context: &DeliveryContext,
    ) -> Result<TargetTopic, ProduceError> {
        let finder = TopicFinder {
            producer,
            context,
            settings: self.settings,
            topic: &self.plan.topic,
            partitions: self.plan.partitions,
            connect_timeout: self.limits.connect_timeout,
            print_note: &|text| self.print_note(text),
        };
        let found = finder
            .find_or_create(|| self.stop.drain.is_cancelled())
            .await?;
        found.ok_or_else(|| ProduceError::Stopped {
            sent: 0,
            required: self.plan.required_events(),
        })
    }

    async fn send_events(&self, producer: &Producer, context: &DeliveryContext) -> SendResult {
        let show_progress = !self.cli.no_progress;
        let mut progress =
            ProgressDisplay::new(self.console.clone(), show_progress, Instant::now());
        let result = EventSender {
            plan: self.plan,
            producer,
            context,
            stop: &self.stop,
            progress: &mut progress,
            shutdown_grace: self.limits.shutdown_grace,
            sent: SentCounts::default(),
            last_warned: None,
        }
        .send_all()
        .await;
        progress.clear_line();
        result
    }

    /// Prints the summary and the error, and returns the exit code.
    fn report_result(&self, topic: TargetTopic, result: &SendResult) -> u8 {
        let error = result.failure_reason(self.plan.required_events());
        let error = error.map(|error| error.job_error());
        let brokers = self.settings.bootstrap_servers();
        let summary = ProduceSummary::new(self.plan, brokers, topic, result, error.as_ref());
        match self.cli.output {
            OutputFormat::Json => self.console.print_out(&format!("{:#}", json!(summary))),
            OutputFormat::Text => self.console.print_out(&summary.to_text()),
        }
        match error {
            None => 0,
            Some(error) => {
                print_error(&self.console, &error);
                error.kind().exit_code()
            }
        }
    }

    fn print_note(&self, text: &str) {
        if !self.cli.no_progress {
            self.console.print_err(text);
        }
    }
}

/// The first line of a run: what is going to be sent where.
fn opening_line(plan: &ProducePlan, brokers: &str, topic: TargetTopic) -> String {
    let kind = plan.kind.name();
    let mut what = match (&plan.bulk, &plan.live) {
        (Some(bulk), _) => format!(
            "sending {} {kind} of the {BULK_DAYS} days until {}",
            group_thousands(bulk.count),
            format_rfc3339(bulk.until)
        ),
        (None, Some(live)) if live.count.is_some() => {
            format!("sending {} {kind}", group_thousands(plan.required_events()))
        }
        _ => format!("sending {kind} until Ctrl-C"),
    };
    if plan.bulk.is_some() && plan.live.is_some() {
        what.push_str(", then more until Ctrl-C");
    }
    let created = if topic.created { " new " } else { " " };
    let partitions = format_count(topic.partitions as u64, "partition");
    format!(
        "{what}, to the{created}topic {} with {partitions} at {brokers}; seed {}",
        plan.topic, plan.seed
    )
}

/// Reports an error that occurred before there is a summary: on standard error,
/// and as a JSON document when `json` is set. Returns the exit code.
fn fail_with(console: &Console, json: bool, error: &JobError) -> u8 {
    let code = error.kind().exit_code();
    if json {
        let document = json!({"exit_code": code, "error": proto_json::job_error(error)});
        console.print_out(&format!("{document:#}"));
    }
    print_error(console, error);
    code
}

fn print_error(console: &Console, error: &JobError) {
    console.print_error(&error.message, &error.next_step);
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
