//! MB/s of one core, compared with arrow-json for the same schema and bytes.
//!
//! `cargo bench -p sluice-ndjson` generates its data. To read two files of
//! transaction and user events instead, pass their paths as arguments.

#![allow(clippy::expect_used)] // a benchmark stops at the first error

mod events;
mod schemas;

use std::io::Write;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use sluice_ndjson::{DecodeOptions, Decoder, DecoderOutput, FileContext, Mode};

const CHUNK: usize = 1 << 20;
const BATCH_ROWS: usize = 8192;
const RUNS: u32 = 5;

/// Seconds that this thread has been on a CPU, so that other work on the
/// machine does not count. Falls back to elapsed time where the kernel does not
/// report it.
fn cpu_seconds(start: Instant) -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = schedstat.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64(), |n| n / 1e9)
}

/// The average seconds of several runs after a first one, and the rows of a run.
fn time_runs(mut run: impl FnMut() -> usize) -> (f64, usize) {
    let rows = run();
    let start = Instant::now();
    let before = cpu_seconds(start);
    for _ in 0..RUNS {
        assert_eq!(run(), rows);
    }
    ((cpu_seconds(start) - before) / f64::from(RUNS), rows)
}

fn decode_with_sluice(schema: &SchemaRef, data: &Bytes) -> usize {
    let mut options = DecodeOptions::new(SchemaRef::clone(schema));
    options.mode = Mode::FailFast;
    options.batch_rows = BATCH_ROWS;
    let mut decoder = Decoder::new(options, FileContext::new("bench", 0)).expect("a schema");
    let mut next = 0;
    let mut rows = 0;
    loop {
        match decoder.next_batch().expect("good data") {
            DecoderOutput::Batch(batch) => rows += batch.num_rows(),
            DecoderOutput::NeedInput if next < data.len() => {
                let end = data.len().min(next + CHUNK);
                decoder.push_chunk(data.slice(next..end));
                next = end;
            }
            DecoderOutput::NeedInput => decoder.end_input(),
            DecoderOutput::NeedBaseLine => decoder.set_base_line(0),
            DecoderOutput::Done => return rows,
        }
    }
}

fn decode_with_arrow_json(schema: &SchemaRef, data: &Bytes) -> usize {
    let mut decoder = arrow_json::ReaderBuilder::new(SchemaRef::clone(schema))
        .with_batch_size(BATCH_ROWS)
        .build_decoder()
        .expect("a schema");
    let mut rows = 0;
    for chunk in data.chunks(CHUNK) {
        let mut at = 0;
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            at += decoder.decode(rest).expect("good data");
            if at < chunk.len() {
                rows += decoder
                    .flush()
                    .expect("good data")
                    .map_or(0, |b| b.num_rows());
            }
        }
    }
    rows + decoder
        .flush()
        .expect("good data")
        .map_or(0, |b| b.num_rows())
}

fn main() {
    let paths: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let (transactions, users) = match paths.as_slice() {
        [transactions, users] => {
            let read = |path| Bytes::from(std::fs::read(path).expect("a file"));
            (
                repeat_to_64_mb(&read(transactions)),
                repeat_to_64_mb(&read(users)),
            )
        }
        _ => (events::transactions(), events::user_events()),
    };
    // For profiling: only this decoder.
    let alone = std::env::args().any(|a| a == "--alone");
    let mut out = std::io::stdout().lock();
    let cases = [
        (
            "transactions, every field",
            schemas::transactions(),
            &transactions,
        ),
        (
            "transactions, a quarter",
            schemas::transactions_quarter(),
            &transactions,
        ),
        (
            "transactions, what the example job reads",
            schemas::transactions_job(),
            &transactions,
        ),
        (
            "transactions, counted only",
            schemas::nothing(),
            &transactions,
        ),
        ("user events, every field", schemas::users(), &users),
        ("user events, a quarter", schemas::users_quarter(), &users),
        (
            "user events, what the example job reads",
            schemas::users_job(),
            &users,
        ),
        ("user events, counted only", schemas::nothing(), &users),
    ];
    writeln!(
        out,
        "{:<42} {:>12} {:>12} {:>7}",
        "MB/s of one core", "sluice", "arrow-json", "times"
    )
    .expect("stdout");
    for (name, schema, data) in cases {
        let (ours, rows) = time_runs(|| decode_with_sluice(&schema, data));
        let speed = |seconds: f64| data.len() as f64 / 1e6 / seconds;
        if alone {
            writeln!(out, "{name:<42} {:>12.0}", speed(ours)).expect("stdout");
            continue;
        }
        let (theirs, their_rows) = time_runs(|| decode_with_arrow_json(&schema, data));
        assert_eq!(rows, their_rows, "{name}");
        writeln!(
            out,
            "{name:<42} {:>12.0} {:>12.0} {:>7.2}",
            speed(ours),
            speed(theirs),
            theirs / ours
        )
        .expect("stdout");
    }
}

/// Repeats a small file until it fills 64 MB.
fn repeat_to_64_mb(data: &Bytes) -> Bytes {
    let times = (64_000_000 / data.len().max(1)).max(1);
    Bytes::from(data.repeat(times))
}
