//! A summary of numbers that answers percentiles with a bounded error (Greenwald
//! and Khanna, "Space-efficient Online Computation of Quantile Summaries"), with
//! the sizes and the steps that Spark has, so that the answers are the same.

/// Values that are kept as they are before they enter the summary.
const BUFFERED: usize = 50_000;
/// Samples from which on the summary is compressed.
const COMPRESSED_FROM: usize = 10_000;

/// A value with the number of values that it stands for, and how uncertain its
/// rank is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) value: f64,
    pub(super) gap: i64,
    pub(super) slack: i64,
}

#[derive(Debug, Clone)]
pub(super) struct QuantileSummary {
    relative_error: f64,
    pub(super) samples: Vec<Sample>,
    pub(super) count: i64,
    buffer: Vec<f64>,
}

impl QuantileSummary {
    pub(super) fn new(relative_error: f64) -> Self {
        Self {
            relative_error,
            samples: Vec::new(),
            count: 0,
            buffer: Vec::new(),
        }
    }

    /// As it was when its parts were read.
    pub(super) fn from_parts(relative_error: f64, samples: Vec<Sample>, count: i64) -> Self {
        Self {
            relative_error,
            samples,
            count,
            buffer: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, value: f64) {
        self.buffer.push(value);
        if self.buffer.len() >= BUFFERED {
            self.insert_buffer();
            if self.samples.len() >= COMPRESSED_FROM {
                self.compress();
            }
        }
    }

    /// Puts everything into few samples. To be called before the parts are read.
    pub(super) fn compress(&mut self) {
        self.insert_buffer();
        let threshold = 2.0 * self.relative_error * self.count as f64;
        self.samples = compress_samples(&self.samples, threshold);
    }

    fn insert_buffer(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let mut values = std::mem::take(&mut self.buffer);
        values.sort_unstable_by(f64::total_cmp);
        let mut merged = Vec::with_capacity(self.samples.len() + values.len());
        let mut known = self.samples.iter().copied().peekable();
        let last = values.len() - 1;
        for (at, value) in values.into_iter().enumerate() {
            while let Some(sample) = known.next_if(|sample| sample.value <= value) {
                merged.push(sample);
            }
            self.count += 1;
            let is_end = merged.is_empty() || (known.peek().is_none() && at == last);
            let slack = if is_end {
                0
            } else {
                (2.0 * self.relative_error * self.count as f64).floor() as i64
            };
            merged.push(Sample {
                value,
                gap: 1,
                slack,
            });
        }
        merged.extend(known);
        self.samples = merged;
    }

    /// Both together; both are compressed.
    pub(super) fn merge(&mut self, mut other: Self) {
        self.insert_buffer();
        other.insert_buffer();
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        let slack_of =
            |summary: &Self| (2.0 * summary.relative_error * summary.count as f64).floor() as i64;
        let (own_slack, other_slack) = (slack_of(&other), slack_of(self));
        let (own, others) = (&self.samples, &other.samples);
        let mut merged = Vec::with_capacity(own.len() + others.len());
        let (mut at, mut other_at) = (0, 0);
        while let (Some(mine), Some(theirs)) = (own.get(at), others.get(other_at)) {
            let (sample, slack) = if mine.value < theirs.value {
                at += 1;
                (mine, if other_at > 0 { own_slack } else { 0 })
            } else {
                other_at += 1;
                (theirs, if at > 0 { other_slack } else { 0 })
            };
            merged.push(Sample {
                slack: sample.slack + slack,
                ..*sample
            });
        }
        merged.extend(own.iter().skip(at));
        merged.extend(others.iter().skip(other_at));
        self.relative_error = self.relative_error.max(other.relative_error);
        self.count += other.count;
        let threshold = 2.0 * self.relative_error * self.count as f64;
        self.samples = compress_samples(&merged, threshold);
    }

    /// The value at a percentage, once the summary is compressed.
    pub(super) fn query(&self, percentage: f64) -> Option<f64> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        if percentage <= self.relative_error {
            return Some(first.value);
        }
        if percentage >= 1.0 - self.relative_error {
            return Some(last.value);
        }
        let spread = self.samples.iter().map(|s| s.gap + s.slack).max()?;
        let error = spread as f64 / 2.0;
        let rank = (percentage * self.count as f64).ceil();
        let mut least_rank = 0;
        for sample in &self.samples {
            least_rank += sample.gap;
            let greatest_rank = (least_rank + sample.slack) as f64;
            if greatest_rank - error <= rank && rank <= least_rank as f64 + error {
                return Some(sample.value);
            }
        }
        Some(last.value)
    }

    pub(super) fn size(&self) -> usize {
        self.samples.capacity() * size_of::<Sample>() + self.buffer.capacity() * size_of::<f64>()
    }
}

/// Joins samples with the next one where the error stays below the threshold.
fn compress_samples(samples: &[Sample], threshold: f64) -> Vec<Sample> {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return Vec::new();
    };
    let mut kept = Vec::new();
    let mut head = *last;
    for sample in samples.iter().rev().skip(1).rev().skip(1).rev() {
        if ((sample.gap + head.gap + head.slack) as f64) < threshold {
            head.gap += sample.gap;
        } else {
            kept.push(head);
            head = *sample;
        }
    }
    kept.push(head);
    // The least value stays.
    if first.value <= head.value && samples.len() > 1 {
        kept.push(*first);
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(values: impl Iterator<Item = u32>, relative_error: f64) -> QuantileSummary {
        let mut summary = QuantileSummary::new(relative_error);
        values.for_each(|value| summary.insert(f64::from(value)));
        summary.compress();
        summary
    }

    #[test]
    fn few_values_are_exact() {
        let few = summary([10, 1, 2, 7].into_iter(), 1e-4);
        for (percentage, value) in [
            (0.0, 1.0),
            (0.25, 1.0),
            (0.5, 2.0),
            (0.51, 7.0),
            (1.0, 10.0),
        ] {
            assert_eq!(few.query(percentage), Some(value), "{percentage}");
        }
        assert_eq!(summary([].into_iter(), 1e-4).query(0.5), None);
    }

    #[test]
    fn many_values_stay_within_the_error() {
        let many = summary((0..200_000).rev(), 0.01);
        assert!(many.samples.len() < 1000, "{}", many.samples.len());
        for percentage in [0.1, 0.5, 0.9] {
            let value = many.query(percentage).unwrap();
            assert!((value / 200_000.0 - percentage).abs() < 0.01, "{value}");
        }
    }

    #[test]
    fn merged_summaries_stay_within_the_error() {
        let mut merged = summary(0..60_000, 0.01);
        merged.merge(summary(60_000..100_000, 0.01));
        assert_eq!(merged.count, 100_000);
        let value = merged.query(0.75).unwrap();
        assert!((value / 100_000.0 - 0.75).abs() < 0.02, "{value}");
    }
}
