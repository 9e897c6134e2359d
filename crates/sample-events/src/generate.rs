//! The command line of `generate-events`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use bytesize::ByteSize;
use chrono::{DateTime, Utc};
use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::landing::{self, Compression, WriteStats};
use crate::{Defects, EventClock, Lines, Pools, TopicGenerator, TransactionEvents, UserEvents};

/// How many lines are generated to learn their average length, which converts
/// bytes into lines.
const MEASURED_LINES: u64 = 2_000;

/// Writes sample events of both topics into a landing folder.
#[derive(Debug, Clone, Parser)]
#[command(name = "generate-events", version)]
pub struct GenerateArgs {
    /// The landing folder; each topic gets its own folder in it
    #[arg(long, value_name = "DIR")]
    pub landing: PathBuf,
    /// How many lines of user events
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20_000,
        conflicts_with = "bytes"
    )]
    pub user_events: u64,
    /// How many lines of transactions
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5_000,
        conflicts_with = "bytes"
    )]
    pub transactions: u64,
    /// Instead of numbers of lines: about this many bytes in all, two user events for
    /// each transaction
    #[arg(long, value_name = "SIZE")]
    pub bytes: Option<ByteSize>,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many customers there are [default: one for 20 lines]
    #[arg(long, value_name = "N")]
    pub users: Option<u32>,
    /// When the first event happens
    #[arg(long, value_name = "TIME", default_value = "2026-01-07T00:00:00Z")]
    pub start: DateTime<Utc>,
    /// Over how many days the events are spread
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub days: u32,
    /// Of 1,000 lines, how many have the id of an earlier line
    #[arg(long, value_name = "PERMILLE", default_value_t = 5)]
    pub duplicate_permille: u32,
    /// Of 1,000 lines, how many are malformed (cut off, not JSON, wrong types)
    #[arg(long, value_name = "PERMILLE", default_value_t = 0)]
    pub malformed_permille: u32,
    /// Of 1,000 transactions, how many lack a field that the example job needs
    #[arg(long, value_name = "PERMILLE", default_value_t = 0)]
    pub incomplete_permille: u32,
    /// Of 1,000 lines, how many have a timestamp long before their neighbours'
    #[arg(long, value_name = "PERMILLE", default_value_t = 0)]
    pub late_permille: u32,
    /// How many files each topic gets
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub files: u32,
    /// How the files are compressed
    #[arg(long, value_parser = compression_parser(), default_value = "none")]
    pub compression: Compression,
}

fn compression_parser() -> impl TypedValueParser<Value = Compression> {
    PossibleValuesParser::new(Compression::ALL.map(Compression::name))
        .map(|name| Compression::from_name(&name).unwrap_or_default())
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerateReport {
    /// For the topic `user_events`.
    pub user_events: WriteStats,
    /// For the topic `transaction_events`.
    pub transactions: WriteStats,
}

/// Writes both topics in parallel and returns what was written.
///
/// # Errors
/// When the shares add up to more than 1,000, or a folder cannot be written.
pub fn generate_landing(args: &GenerateArgs) -> anyhow::Result<GenerateReport> {
    let defects = Defects {
        duplicates: args.duplicate_permille,
        malformed: args.malformed_permille,
        incomplete: args.incomplete_permille,
        late: args.late_permille,
    };
    if !defects.fits_into_1000() {
        bail!(
            "duplicates, malformed, incomplete and late lines are parts of 1,000; make their sum smaller"
        );
    }
    let (user_events, transactions) = line_counts(args, defects);
    let users = args.users.unwrap_or_else(|| {
        ((user_events + transactions) / 20).clamp(50, u64::from(u32::MAX)) as u32
    });
    let pools = Pools::new(args.seed, users);
    let clock = |events| EventClock {
        start_micros: args.start.timestamp_micros(),
        length_micros: i64::from(args.days) * 86_400_000_000,
        events,
    };
    let mut user_lines = Lines::new(
        args.seed,
        UserEvents::new(args.seed, pools.clone()),
        clock(user_events),
        defects,
    );
    let mut transaction_lines = Lines::new(
        args.seed,
        TransactionEvents::new(args.seed, pools),
        clock(transactions),
        defects,
    );
    let (files, compression) = (args.files, args.compression);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            landing::write_files(
                &mut transaction_lines,
                &args.landing,
                transactions,
                files,
                compression,
            )
        });
        let user_events = landing::write_files(
            &mut user_lines,
            &args.landing,
            user_events,
            files,
            compression,
        )?;
        let transactions = other
            .join()
            .map_err(|_| anyhow::anyhow!("the writer of transactions panicked"))??;
        Ok(GenerateReport {
            user_events,
            transactions,
        })
    })
}

/// Calls [`generate_landing`] and prints on `out` what was written.
///
/// # Errors
/// As [`generate_landing`], or when `out` cannot be written.
pub fn run_generator(args: &GenerateArgs, out: &mut impl Write) -> anyhow::Result<GenerateReport> {
    let started = Instant::now();
    let report = generate_landing(args)?;
    for (name, w) in [
        (UserEvents::NAME, report.user_events),
        (TransactionEvents::NAME, report.transactions),
    ] {
        writeln!(
            out,
            "{name}: {} lines in {} files, {}; {} duplicates, {} updates, {} late, {} incomplete, {} malformed",
            w.lines,
            w.files,
            ByteSize(w.bytes),
            w.duplicates,
            w.updates,
            w.late,
            w.incomplete,
            w.malformed,
        )
        .context("cannot write the report")?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let bytes = report.user_events.bytes + report.transactions.bytes;
    writeln!(
        out,
        "{seconds:.1} s, {:.0} MB/s",
        bytes as f64 / seconds / 1e6
    )
    .context("cannot write the report")?;
    Ok(report)
}

/// How many lines of user events and of transactions to write.
fn line_counts(args: &GenerateArgs, defects: Defects) -> (u64, u64) {
    let Some(bytes) = args.bytes else {
        return (args.user_events, args.transactions);
    };
    let pools = Pools::new(args.seed, 1_000);
    let user = measured_bytes(Lines::new(
        args.seed,
        UserEvents::new(args.seed, pools.clone()),
        EventClock::EXAMPLE,
        defects,
    ));
    let transaction = measured_bytes(Lines::new(
        args.seed,
        TransactionEvents::new(args.seed, pools),
        EventClock::EXAMPLE,
        defects,
    ));
    let transactions = bytes.as_u64() * MEASURED_LINES / (2 * user + transaction);
    (2 * transactions, transactions)
}

/// The bytes of the first [`MEASURED_LINES`] lines together, newlines included.
fn measured_bytes<T: TopicGenerator>(mut lines: Lines<T>) -> u64 {
    let mut bytes = Vec::new();
    for _ in 0..MEASURED_LINES {
        lines.append_line(&mut bytes);
    }
    bytes.len() as u64 + MEASURED_LINES
}
