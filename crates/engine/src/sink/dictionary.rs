//! Estimates whether a dictionary pays off for a column.
//!
//! The Parquet writer starts every column chunk with a dictionary and gives it up
//! when it is too large; for nearly unique ids that work is wasted each time. The
//! number of distinct values of a column is therefore estimated from the first
//! batch of a file.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::error::Result;

/// The writer gives up a dictionary that is larger than this.
pub(super) const DICTIONARY_BYTES: usize = 1 << 20;

/// Fewer rows than this are too few for an estimate.
const SAMPLE_ROWS: usize = 1_000;

/// Columns of the batch whose dictionary the writer would probably give up.
pub(super) fn without_dictionary(batch: &RecordBatch) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        if let Some(width) = value_bytes(array)
            && expected_values(array)? * width > DICTIONARY_BYTES as f64
        {
            names.push(field.name().clone());
        }
    }
    Ok(names)
}

/// Average bytes of a value in a dictionary; `None` for nested columns and for
/// those that have no dictionary anyway.
fn value_bytes(array: &ArrayRef) -> Option<f64> {
    let rows = array.len();
    if rows < SAMPLE_ROWS {
        return None;
    }
    match array.data_type() {
        DataType::Boolean => None,
        DataType::Utf8 => {
            let offsets = array.as_string::<i32>().value_offsets();
            let bytes = offsets.last()?.checked_sub(*offsets.first()?)?;
            Some(f64::from(bytes) / rows as f64 + 4.0)
        }
        other => other.primitive_width().map(|width| width as f64),
    }
}

/// Estimates how many distinct values the column will have from how many the
/// sample has.
///
/// Equal neighbours count once, because rows that belong together (the items of
/// one order) are adjacent. With D values drawn evenly, n draws show
/// D·(1 − e^(−n/D)) distinct ones, which is solved for D.
fn expected_values(array: &ArrayRef) -> Result<f64> {
    let mut hashes = vec![0; array.len()];
    create_hashes([array], &RandomState::with_seed(0), &mut hashes)?;
    let mut last = None;
    let mut draws = 0_usize;
    let mut distinct = HashSet::with_capacity(hashes.len());
    for (row, hash) in hashes.into_iter().enumerate() {
        if array.is_null(row) || last == Some(hash) {
            continue;
        }
        last = Some(hash);
        draws += 1;
        distinct.insert(hash);
    }
    Ok(if draws < SAMPLE_ROWS {
        distinct.len() as f64
    } else if distinct.len() == draws {
        f64::INFINITY
    } else {
        estimate_distinct(draws as f64, distinct.len() as f64)
    })
}

fn estimate_distinct(draws: f64, distinct: f64) -> f64 {
    let (mut low, mut high) = (distinct, 1e9);
    // The number of distinct values shown grows with D, so bisection finds D.
    for _ in 0..48 {
        let middle = (low + high) / 2.0;
        if middle * (1.0 - (-draws / middle).exp()) < distinct {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
