//! Where arrow-json accepts a line, the values are the same.
//!
//! The generator does not produce what the two read differently on purpose
//! (docs/ndjson.md): numbers in strings, fractions in integer columns, numbers
//! as timestamps, base64, missing commas.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use proptest::prelude::*;
use sluice_ndjson::{FileContext, Mode};

use crate::generate::{Dice, line, prune, random_schema};
use crate::support::{column, decode_chunks, options, schema};

fn decode_with_arrow_json(schema: &SchemaRef, text: &[u8]) -> Option<RecordBatch> {
    let mut decoder = arrow_json::ReaderBuilder::new(schema.clone())
        .with_batch_size(1000)
        .build_decoder()
        .unwrap();
    assert_eq!(decoder.decode(text).ok()?, text.len());
    decoder.flush().ok()?
}

fn decode_with_sluice(schema: &SchemaRef, text: &[u8], mode: Mode) -> Option<RecordBatch> {
    let chunks = text.chunks(37).map(<[u8]>::to_vec);
    let file = FileContext::new("f", 0);
    Some(
        decode_chunks(&options(schema.clone(), mode), file, chunks)
            .ok()?
            .0,
    )
}

fn assert_same(ours: &RecordBatch, theirs: &RecordBatch, text: &str) {
    assert_eq!(ours.schema(), theirs.schema());
    for (index, field) in ours.schema().fields().iter().enumerate() {
        if ours.column(index) != theirs.column(index) {
            let (ours, theirs) = (column(ours, index), column(theirs, index));
            panic!("{field}\n{ours:?}\n{theirs:?}\n{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn equal_where_arrow_json_takes_the_lines(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let schema = random_schema(&mut dice, false);
        let mut taken = String::new();
        for _ in 0..12 {
            let line = line(&mut dice, &schema) + "\n";
            let Some(theirs) = decode_with_arrow_json(&schema, line.as_bytes()) else {
                prop_assert!(decode_with_sluice(&schema, line.as_bytes(), Mode::FailFast).is_none_or(|b| b.num_rows() == 1));
                continue;
            };
            let Some(ours) = decode_with_sluice(&schema, line.as_bytes(), Mode::FailFast) else {
                panic!("only arrow-json accepts {line} as {schema}");
            };
            assert_same(&ours, &theirs, &line);
            taken.push_str(&line);
        }
        if !taken.is_empty() {
            let theirs = decode_with_arrow_json(&schema, taken.as_bytes()).unwrap();
            let ours = decode_with_sluice(&schema, taken.as_bytes(), Mode::DropMalformed).unwrap();
            assert_same(&ours, &theirs, &taken);
        }
    }

    #[test]
    fn a_pruned_schema_reads_the_same_values(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let full = random_schema(&mut dice, true);
        let pruned = schema(prune(&mut dice, full.fields()));
        let text: String = (0..8).map(|_| line(&mut dice, &full) + "\n").collect();
        let Some(all) = decode_with_sluice(&full, text.as_bytes(), Mode::FailFast) else {
            return Ok(());
        };
        let some = decode_with_sluice(&pruned, text.as_bytes(), Mode::FailFast).unwrap();
        prop_assert_eq!(some.num_rows(), all.num_rows());
        for (index, field) in pruned.fields().iter().enumerate() {
            let full_index = full.index_of(field.name()).unwrap();
            if field.data_type() == full.field(full_index).data_type() {
                prop_assert_eq!(some.column(index), all.column(full_index));
            } else {
                let nulls = |batch: &RecordBatch, index: usize| batch.column(index).logical_nulls();
                prop_assert_eq!(nulls(&some, index), nulls(&all, full_index));
            }
        }
    }
}
