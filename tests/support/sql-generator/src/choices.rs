//! The choices that make a query, so that it can be made again, and smaller.
//!
//! A generator asks for numbers; the numbers it got are its record. Replaying a
//! changed record gives another valid query, so a query is made smaller by making
//! its record smaller: nothing else has to know about the shape of queries. The
//! lowest number always stands for the simplest choice.

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// After so many choices only the simplest ones are made, so that every query is
/// finite.
const MOST_CHOICES: usize = 600;

/// A source of choices that keeps what it chose.
#[derive(Debug)]
pub struct Choices {
    source: Source,
    made: Vec<u32>,
}

#[derive(Debug)]
enum Source {
    Random(Box<ChaCha8Rng>),
    Replay(Vec<u32>),
}

impl Choices {
    /// Random choices; a seed always gives the same ones.
    pub fn random(seed: u64) -> Self {
        Self {
            source: Source::Random(Box::new(ChaCha8Rng::seed_from_u64(seed))),
            made: Vec::new(),
        }
    }

    /// The choices of a record; beyond its end the simplest ones.
    pub fn replay(record: &[u32]) -> Self {
        Self {
            source: Source::Replay(record.to_vec()),
            made: Vec::new(),
        }
    }

    /// What was chosen.
    pub fn into_record(self) -> Vec<u32> {
        self.made
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        let position = self.made.len();
        let chosen = match &mut self.source {
            _ if position >= MOST_CHOICES || limit <= 1 => 0,
            Source::Random(random) => random.random_range(0..limit),
            Source::Replay(record) => record
                .get(position)
                .map_or(0, |&recorded| recorded.min(limit - 1)),
        };
        self.made.push(chosen);
        chosen
    }

    /// A number from `first` to `last`.
    pub fn between(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    /// True in this many of a hundred cases; false is the simpler choice.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) >= 100 - percent.min(100)
    }

    /// One of `items`; the first is the simplest.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let last = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let at = self.below(last) as usize;
        &items[at]
    }

    /// One of `items` by their weights; the first is the simplest.
    pub fn pick_weighted<T: Copy>(&mut self, items: &[(u32, T)]) -> T {
        let total = items.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(total);
        for (weight, item) in items {
            if at < *weight {
                return *item;
            }
            at -= weight;
        }
        items[0].1
    }

    /// The seed of something else.
    pub fn seed(&mut self) -> u64 {
        match &mut self.source {
            Source::Random(random) => random.next_u64(),
            Source::Replay(_) => 0,
        }
    }
}

/// Smaller records than this one, the boldest first.
pub fn shrink_record(record: &[u32]) -> Vec<Vec<u32>> {
    let mut smaller = Vec::new();
    let mut length = record.len().next_power_of_two();
    while length > 0 {
        for start in (0..record.len()).step_by(length) {
            let end = (start + length).min(record.len());
            let mut without = record[..start].to_vec();
            without.extend_from_slice(&record[end..]);
            smaller.push(without);
            if record[start..end].iter().any(|&choice| choice > 0) {
                let mut zeros = record.to_vec();
                zeros[start..end].fill(0);
                smaller.push(zeros);
            }
        }
        length /= 2;
    }
    for (position, &choice) in record.iter().enumerate() {
        for lower in [choice / 2, choice.saturating_sub(1)] {
            if lower > 0 && lower < choice {
                let mut lowered = record.to_vec();
                lowered[position] = lower;
                smaller.push(lowered);
            }
        }
    }
    smaller.dedup();
    smaller
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn draw(choices: &mut Choices) -> Vec<u32> {
        (1..40).map(|limit| choices.below(limit)).collect()
    }

    #[test]
    fn a_record_gives_the_same_choices() {
        let mut random = Choices::random(7);
        let first = draw(&mut random);
        let record = random.into_record();
        assert_eq!(draw(&mut Choices::replay(&record)), first);
        assert_eq!(draw(&mut Choices::random(7)), first);
        assert_ne!(draw(&mut Choices::random(8)), first);
    }

    #[test]
    fn beyond_the_record_choices_are_the_simplest() {
        assert_eq!(draw(&mut Choices::replay(&[])), vec![0; 39]);
        assert!(!Choices::replay(&[]).chance(99));
        assert!(Choices::replay(&[99]).chance(1));
    }

    #[test]
    fn smaller_records_are_smaller() {
        let record = [3, 0, 7, 1];
        let weigh = |record: &[u32]| (record.len(), record.iter().sum::<u32>());
        let smaller = shrink_record(&record);
        assert!(smaller.iter().all(|other| weigh(other) < weigh(&record)));
        assert!(smaller.contains(&Vec::new()));
        assert!(smaller.contains(&vec![3, 0, 7]));
        assert!(smaller.contains(&vec![3, 0, 3, 1]));
        assert!(shrink_record(&[]).is_empty());
    }
}
