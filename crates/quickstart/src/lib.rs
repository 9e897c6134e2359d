//! One command for the first five minutes: it sends sample events through a broker
//! in this process into landing files, runs the example job on them in this
//! process, does both again with more events, and prints the resulting tables. The
//! second run takes only what is new.
//!
//! [`run`] is the whole program. It reads gold through the Delta log, as any other
//! reader would, and not from the job's report.

mod gold;
mod kafka;
mod show;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use sluice_client::LocalBackend;

use crate::kafka::{SampleBroker, SampleTopic};

/// The example job, compiled in so that the program works in any folder.
const JOB_TEXT: &str = include_str!("../../../jobs/landing_to_gold_streaming.sql");
/// The tables of the job, the most interesting ones first.
const GOLD_TABLES: &[&str] = &[
    "daily_revenue",
    "customer_monthly_spent",
    "customer_ranked",
    "cart_to_purchase",
    "transactions",
    "user_events",
    "transaction_messages",
];

/// One event of so many arrives after the first run.
const EVENTS_PER_LATE_EVENT: u64 = 10;

/// The exit codes of submit-job, see `docs/exit-codes.md`.
const INVALID: u8 = 2;
const STORAGE: u8 = 9;

/// Sends sample events through a broker in this process into landing files, runs
/// the example job on them in this process, does so again with more events, and
/// prints the gold tables
#[derive(Debug, Clone, Parser)]
#[command(name = "quickstart", version)]
struct Args {
    /// The folder for landing and gold; existing landing data is used unchanged
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// User events to send
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    user_events: u64,
    /// Transactions to send
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    transactions: u64,
    /// Rows to print of each table
    #[arg(long, value_name = "N", default_value_t = 4)]
    rows: usize,
}

/// Runs the program and returns its exit code: that of the job, 2 for wrong
/// arguments, 9 when the data folder cannot be read or written. `args` begins
/// with the program's name; `local` runs the job.
pub fn run<I>(args: I, local: LocalBackend) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { INVALID } else { 0 };
        }
    };
    match run_quickstart(&args, local) {
        Ok(code) => code,
        // A closed pipe is the reader's choice, as in `quickstart | head`.
        Err(error) if is_broken_pipe(&error) => 0,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            STORAGE
        }
    }
}

fn run_quickstart(args: &Args, local: LocalBackend) -> anyhow::Result<u8> {
    let landing = args.data.join("landing");
    let gold = args.data.join("gold");
    let job = args.data.join("landing_to_gold_streaming.sql");
    let first_window = ensure_landing(args, &landing)?;
    if let LandingState::Failed(code) = first_window {
        return Ok(code);
    }
    fs::write(&job, JOB_TEXT).with_context(|| format!("cannot write {}", job.display()))?;
    writeln!(
        io::stdout(),
        "\nRunning {} in this process\n",
        job.display()
    )?;
    let code = run_job(&job, &landing, &gold, local.clone());
    if code != 0 {
        return Ok(code);
    }
    if let LandingState::Landed(broker) = first_window {
        let code = run_second_window(args, &broker, (&job, &landing, &gold), local)?;
        if code != 0 {
            return Ok(code);
        }
    }
    let tables = gold::read_tables(&gold, GOLD_TABLES, args.rows)?;
    let mut out = io::stdout().lock();
    for table in &tables {
        show::print_table(table, &mut out)?;
    }
    print_next_steps(&job, &landing, &gold, &mut out)?;
    Ok(0)
}

/// Runs the job and returns its exit code.
fn run_job(job: &Path, landing: &Path, gold: &Path, local: LocalBackend) -> u8 {
    sluice_client::run(
        [
            OsString::from("submit-job"),
            "--master".into(),
            "local[*]".into(),
            "--name".into(),
            "quickstart".into(),
            job.into(),
            "--landing".into(),
            landing.into(),
            "--gold".into(),
            gold.into(),
        ],
        local,
    )
}

/// Sends and ingests the rest of the events, and runs the job again. Returns the exit
/// code of the program that failed, or 0.
fn run_second_window(
    args: &Args,
    broker: &SampleBroker,
    (job, landing, gold): (&Path, &Path, &Path),
    local: LocalBackend,
) -> anyhow::Result<u8> {
    let mut out = io::stdout();
    let topics = sample_topics(args, |count| count / EVENTS_PER_LATE_EVENT);
    if topics.iter().any(|topic| topic.count == 0) {
        return Ok(0);
    }
    writeln!(out, "\nMore events arrive\n")?;
    let code = broker.land_window(&topics, "2", landing, &mut out)?;
    if code != 0 {
        return Ok(code);
    }
    writeln!(
        out,
        "\nRunning {} again: streaming tables get the rows of these events, and the views over
them are computed again\n",
        job.display()
    )?;
    Ok(run_job(job, landing, gold, local))
}

fn sample_topics(args: &Args, share: impl Fn(u64) -> u64) -> [SampleTopic<'static>; 2] {
    [
        SampleTopic {
            kind: "user-events",
            topic: "user_events",
            count: share(args.user_events),
        },
        SampleTopic {
            kind: "transaction-events",
            topic: "transaction_events",
            count: share(args.transactions),
        },
    ]
}

/// What was done for the first run.
enum LandingState {
    /// There was landing data.
    Found,
    /// Events have landed; more can be sent to the same broker.
    Landed(SampleBroker),
    /// A program ended with this exit code.
    Failed(u8),
}

/// Creates landing data unless every topic has some.
fn ensure_landing(args: &Args, landing: &Path) -> anyhow::Result<LandingState> {
    let topics = sample_topics(args, |count| count - count / EVENTS_PER_LATE_EVENT);
    let mut out = io::stdout();
    if topics
        .iter()
        .all(|events| has_files(&landing.join(events.topic)))
    {
        writeln!(out, "Landing data is already in {}", landing.display())?;
        return Ok(LandingState::Found);
    }
    let broker = SampleBroker::start(&topics, &mut out)?;
    Ok(
        match broker.land_first_window(&topics, landing, &mut out)? {
            0 => LandingState::Landed(broker),
            code => LandingState::Failed(code),
        },
    )
}

/// Whether a folder holds files that the job would read.
fn has_files(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                !name.to_string_lossy().starts_with(['.', '_'])
            })
        })
    })
}

fn print_next_steps(
    job: &Path,
    landing: &Path,
    gold: &Path,
    out: &mut impl Write,
) -> io::Result<()> {
    let (job, landing, gold) = (job.display(), landing.display(), gold.display());
    write!(
        out,
        "
Next:
  ls {landing}/*/                 # JSON lines, and the ledger that records what has landed
  ls {gold}/*/                    # Parquet files and _delta_log, for any Delta reader
  submit-job --plan {job} --landing {landing} --gold {gold}

  On a cluster, each of the first three in its own terminal:
  scheduler --bind 127.0.0.1:50050
  executor --scheduler 127.0.0.1:50050 --vcores 1 --work-dir /tmp/e1
  executor --scheduler 127.0.0.1:50050 --vcores 1 --work-dir /tmp/e2
  submit-job {job} --master sluice://127.0.0.1:50050 \\
             --landing {landing} --gold {gold}

  The programs are in target/debug (or target/release) after a build.
"
    )
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests;
