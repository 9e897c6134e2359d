//! A sample of the values of staged columns, from which the number of distinct
//! values is estimated. Estimates order joins; they never decide what rows are.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ColumnStatistics;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::common::stats::Precision;
use datafusion::error::Result;
use serde::{Deserialize, Serialize};

/// Up to this many rows of a part are looked at, spread over its batches, which
/// costs next to nothing.
const PART_ROWS: usize = 4096;
const BATCH_ROWS: usize = 64;

/// What a sample of a part's rows says of one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u32, u32, u32)", into = "(u32, u32, u32, u32)")]
pub struct ColumnSample {
    /// Rows in the sample.
    rows: u32,
    nulls: u32,
    /// Distinct values in the sample.
    distinct: u32,
    /// Values that occur once in the sample.
    singles: u32,
}

impl From<(u32, u32, u32, u32)> for ColumnSample {
    fn from((rows, nulls, distinct, singles): (u32, u32, u32, u32)) -> Self {
        Self {
            rows,
            nulls,
            distinct,
            singles,
        }
    }
}

impl From<ColumnSample> for (u32, u32, u32, u32) {
    fn from(sample: ColumnSample) -> Self {
        (sample.rows, sample.nulls, sample.distinct, sample.singles)
    }
}

impl ColumnSample {
    /// The share of the values that other rows do not have; it says how many new
    /// values further rows would bring.
    fn new_value_share(self) -> f64 {
        let values = self.rows.saturating_sub(self.nulls);
        if values == 0 {
            return 0.0;
        }
        f64::from(self.singles) / f64::from(values)
    }

    /// Distinct values among `rows`, by the estimator Duj1 of Haas and others.
    fn estimate_distinct(self, rows: u64) -> f64 {
        let values = f64::from(self.rows.saturating_sub(self.nulls));
        if values == 0.0 {
            return 0.0;
        }
        let all_values = (rows as f64 * values / f64::from(self.rows)).max(values);
        let unseen = (1.0 - values / all_values) * self.new_value_share();
        (f64::from(self.distinct) / (1.0 - unseen).max(f64::MIN_POSITIVE)).min(all_values)
    }
}

/// What is known of a column of a relation, from the samples of its parts, each
/// with the part's rows.
pub(super) fn column_statistics(
    samples: impl Iterator<Item = (u64, ColumnSample)>,
) -> ColumnStatistics {
    let (mut rows, mut nulls, mut weighted_share) = (0.0, 0.0, 0.0);
    let (mut sum, mut largest) = (0.0, 0.0);
    for (part_rows, sample) in samples {
        if sample.rows == 0 {
            return ColumnStatistics::new_unknown();
        }
        let distinct = sample.estimate_distinct(part_rows);
        rows += part_rows as f64;
        nulls += part_rows as f64 * f64::from(sample.nulls) / f64::from(sample.rows);
        weighted_share += part_rows as f64 * sample.new_value_share();
        sum += distinct;
        largest = f64::max(largest, distinct);
    }
    if rows == 0.0 {
        return ColumnStatistics::new_unknown();
    }
    // Parts have the same values where few of them are new, and different ones
    // where most are.
    let distinct = largest + (sum - largest) * weighted_share / rows;
    ColumnStatistics {
        distinct_count: Precision::Inexact(distinct.round().max(1.0) as usize),
        null_count: Precision::Inexact(nulls.round() as usize),
        ..ColumnStatistics::new_unknown()
    }
}

/// Takes the sample of a part while it is written.
#[derive(Debug, Default)]
pub(super) struct PartSampler {
    rows: usize,
    columns: Vec<SampledColumn>,
}

#[derive(Debug, Default)]
struct SampledColumn {
    nulls: u32,
    /// How often each value occurs, by its hash.
    counts: HashMap<u64, u32>,
}

impl PartSampler {
    /// Looks at some rows of a batch.
    pub(super) fn add_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.rows >= PART_ROWS || batch.num_rows() == 0 {
            return Ok(());
        }
        let step = batch.num_rows().div_ceil(BATCH_ROWS);
        // One row of each stretch, not always the same one: values may repeat at
        // regular distances.
        let indices: UInt32Array = (0..batch.num_rows())
            .step_by(step)
            .map(|start| start + scatter(self.rows, start) % step)
            .filter(|index| *index < batch.num_rows())
            .filter_map(|index| u32::try_from(index).ok())
            .collect();
        self.rows += indices.len();
        self.columns
            .resize_with(batch.num_columns(), SampledColumn::default);
        for (column, sampled) in batch.columns().iter().zip(&mut self.columns) {
            if !column.data_type().is_nested() {
                sampled.add_values(&take(column, &indices, None)?)?;
            }
        }
        Ok(())
    }

    /// One sample for each column; an empty one where values are not compared.
    pub(super) fn into_samples(self) -> Vec<ColumnSample> {
        self.columns
            .into_iter()
            .map(SampledColumn::into_sample)
            .collect()
    }
}

/// A number that looks random, always the same for the same arguments.
fn scatter(rows: usize, start: usize) -> usize {
    let mut mixed = (rows << 24 | start).wrapping_add(1);
    for _ in 0..2 {
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^= mixed >> 27;
    }
    mixed
}

impl SampledColumn {
    fn add_values(&mut self, values: &ArrayRef) -> Result<()> {
        let mut hashes = vec![0; values.len()];
        create_hashes([values], &RandomState::default(), &mut hashes)?;
        for (index, hash) in hashes.into_iter().enumerate() {
            if values.is_null(index) {
                self.nulls += 1;
            } else {
                *self.counts.entry(hash).or_default() += 1;
            }
        }
        Ok(())
    }

    fn into_sample(self) -> ColumnSample {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        ColumnSample {
            rows: self.counts.values().sum::<u32>() + self.nulls,
            nulls: self.nulls,
            distinct: count(self.counts.len()),
            singles: count(self.counts.values().filter(|n| **n == 1).count()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    /// The sample of `rows` rows with these values, in batches.
    fn sample_of(rows: i64, value: impl Fn(i64) -> Option<i64>) -> ColumnSample {
        let mut sampler = PartSampler::default();
        let schema = Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
        ]);
        let schema = Arc::new(schema);
        let values: Vec<Option<i64>> = (0..rows).map(value).collect();
        for values in values.chunks(8192) {
            let numbers = Int64Array::from(values.to_vec());
            let texts: StringArray = values.iter().map(|v| v.map(|v| v.to_string())).collect();
            let columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(texts)];
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
            sampler.add_batch(&batch).unwrap();
        }
        let samples = sampler.into_samples();
        assert_eq!(samples[0], samples[1]);
        samples[0]
    }

    fn distinct_of(parts: &[(u64, ColumnSample)]) -> usize {
        let statistics = column_statistics(parts.iter().copied());
        *statistics.distinct_count.get_value().unwrap()
    }

    #[test]
    fn distinct_values_of_one_part() {
        let rows = 500_000;
        let unique = sample_of(rows, Some);
        assert_eq!(distinct_of(&[(500_000, unique)]), 500_000);
        let few = sample_of(rows, |n| Some(n * 7 % 10));
        assert_eq!(distinct_of(&[(500_000, few)]), 10);
        let some = distinct_of(&[(500_000, sample_of(rows, |n| Some(n * 7919 % 10_007)))]);
        assert!((5_000..40_000).contains(&some), "{some}");
        let none = column_statistics([(7, sample_of(7, |_| None))].into_iter());
        assert_eq!(none.null_count, Precision::Inexact(7));
    }

    #[test]
    fn parts_share_values_where_values_repeat() {
        let few = sample_of(100_000, |n| Some(n * 7 % 10));
        assert_eq!(distinct_of(&[(100_000, few); 3]), 10);
        let unique = sample_of(100_000, Some);
        assert_eq!(distinct_of(&[(100_000, unique); 3]), 300_000);
    }

    #[test]
    fn a_part_without_a_sample_is_unknown() {
        let known = sample_of(10, Some);
        let statistics =
            column_statistics([(10, known), (10, ColumnSample::default())].into_iter());
        assert_eq!(statistics, ColumnStatistics::new_unknown());
    }
}
