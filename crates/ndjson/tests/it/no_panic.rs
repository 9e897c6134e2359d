//! No input stops the decoder other than by an error.
//!
//! `SLUICE_FUZZ_SECONDS=60 cargo test -p sluice-ndjson no_panic` runs longer.

use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, SchemaRef};
use sluice_ndjson::{DecodeError, DecodeOptions, FileContext, Mode};

use crate::generate::{Dice, line, random_schema};
use crate::support::{decode_chunks, nullable, schema};

/// Changes some bytes of lines.
fn mutate(dice: &mut Dice, text: &mut Vec<u8>) {
    const BYTES: &[u8] = b"\"\\{}[],:0123-+.eEnulltruefalse \t\r\n\xff\xc3\xa9\x00u";
    for _ in 0..dice.below(6) {
        let at = dice.below(text.len() + 1);
        let byte = BYTES[dice.below(BYTES.len())];
        match dice.below(5) {
            0 => text.insert(at, byte),
            1 if at < text.len() => text[at] = byte,
            2 if at < text.len() => {
                text.remove(at);
            }
            3 => text.truncate(at),
            _ => {
                let from = dice.below(text.len() + 1);
                let to = (from + dice.below(20)).min(text.len());
                let copy = text[from..to].to_vec();
                text.splice(at..at, copy);
            }
        }
    }
}

fn random_options(dice: &mut Dice, schema: SchemaRef) -> DecodeOptions {
    let mut fields: Vec<_> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.push(nullable("_corrupt_record", DataType::Utf8));
    let mut options = DecodeOptions::new(crate::support::schema(fields));
    options.corrupt_record = Some(schema.fields().len());
    options.batch_rows = 1 + dice.below(5);
    options.max_line_bytes = if dice.one_in(4) {
        dice.below(300)
    } else {
        1 << 20
    };
    options
}

fn check_seed(seed: u64) {
    let mut dice = Dice::new(seed);
    let read = random_schema(&mut dice, true);
    // Sometimes the lines have another schema: nothing fits.
    let written = if dice.one_in(4) {
        random_schema(&mut dice, true)
    } else {
        read.clone()
    };
    let mut text = Vec::new();
    for _ in 0..8 {
        let mut line = line(&mut dice, &written).into_bytes();
        if dice.one_in(2) {
            mutate(&mut dice, &mut line);
        }
        text.extend_from_slice(&line);
        text.extend_from_slice(dice.pick(&["\n", "\n", "\r\n", "\n\n"]).as_bytes());
    }
    let mut options = random_options(&mut dice, read);
    let size = 1 + dice.below(text.len());
    let decode = |options: &DecodeOptions, size: usize| {
        let chunks = text.chunks(size).map(<[u8]>::to_vec);
        decode_chunks(options, FileContext::new("f", 0), chunks)
    };

    options.mode = Mode::Permissive;
    let (kept, stats) = decode(&options, size).unwrap();
    let whole = decode(&options, text.len()).unwrap();
    assert_eq!((&kept, &stats), (&whole.0, &whole.1), "seed {seed}");
    assert_eq!(stats.lines, stats.blank + stats.rows, "seed {seed}");
    assert_eq!(stats.bytes, text.len() as u64, "seed {seed}");
    let described = kept.num_rows() - kept.columns().last().unwrap().null_count();
    assert_eq!(described as u64, stats.malformed, "seed {seed}");

    options.mode = Mode::DropMalformed;
    let (_, dropped) = decode(&options, size).unwrap();
    assert_eq!(dropped.malformed, stats.malformed, "seed {seed}");
    assert_eq!(dropped.rows + dropped.dropped, stats.rows, "seed {seed}");

    options.mode = Mode::FailFast;
    match decode(&options, size) {
        Ok(_) => assert_eq!(stats.malformed, 0, "seed {seed}"),
        Err(DecodeError::Malformed { .. }) => assert!(stats.malformed > 0, "seed {seed}"),
        Err(error) => panic!("seed {seed}: {error}"),
    }
}

#[test]
fn mutated_lines_of_random_schemas() {
    let seconds = std::env::var("SLUICE_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|s| s.parse().ok()).unwrap_or(2);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed = 0;
    while Instant::now() < end {
        check_seed(seed);
        seed += 1;
    }
    assert!(seed > 10);
}

#[test]
fn deep_nesting_needs_no_stack() {
    let schema = schema([
        nullable("id", DataType::Int64),
        nullable("text", DataType::Utf8),
    ]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [
        format!("{{\"more\": {deep}, \"id\": 1}}\n"),
        format!("{{\"text\": {deep}, \"id\": 1}}\n"),
        format!("{{\"id\": {deep}}}\n{{\"id\": 1}}\n"),
        format!("{deep}\n{{\"id\": 1}}\n"),
    ] {
        let mut options = DecodeOptions::new(schema.clone());
        options.mode = Mode::DropMalformed;
        let chunks = [text.into_bytes()];
        let (batch, _) = decode_chunks(&options, FileContext::new("f", 0), chunks).unwrap();
        assert_eq!(batch.num_rows(), 1);
    }
}
