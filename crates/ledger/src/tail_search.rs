//! Finds the last of the numbers that exist, which start at 0 and have no gaps, by
//! probing single numbers. Makes no calls itself.

/// An exponential, then binary search from a guess. The steps double until a
/// number is absent, then the range in between is halved. A guess that is off by
/// d costs about 2·log₂(d) probes, and a correct one costs two.
#[derive(Debug, Clone)]
pub(crate) struct TailSearch {
    guess: Option<u64>,
    /// The greatest number known to exist.
    low: Option<u64>,
    /// The least number known to be absent.
    high: Option<u64>,
    step: u64,
}

/// The next step of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchStep {
    /// Find out whether this number exists.
    Probe(u64),
    /// The search has ended with the last number, `None` when none exists.
    Last(Option<u64>),
}

impl TailSearch {
    /// A search from a guess, or from 0.
    pub(crate) fn from_guess(guess: Option<u64>) -> Self {
        Self {
            guess,
            low: None,
            high: None,
            step: 1,
        }
    }

    /// The next number to probe, or the result.
    pub(crate) fn next_step(&self) -> SearchStep {
        let Some(low) = self.low else {
            return match (self.guess, self.high) {
                (Some(start), None) => SearchStep::Probe(start),
                (_, Some(0)) => SearchStep::Last(None),
                // A wrong guess gives no lower bound.
                (_, _) => SearchStep::Probe(0),
            };
        };
        match self.high {
            Some(high) if high - low == 1 => SearchStep::Last(Some(low)),
            Some(high) => SearchStep::Probe(low + self.step.min((high - low) / 2)),
            None if low == u64::MAX => SearchStep::Last(Some(low)),
            None => SearchStep::Probe(low.saturating_add(self.step)),
        }
    }

    /// Records whether the probed number exists.
    pub(crate) fn record_answer(&mut self, number: u64, exists: bool) {
        if !exists {
            self.high = Some(number);
            return;
        }
        if self.low.is_some() {
            self.step = self.step.saturating_mul(2);
        }
        self.low = Some(number);
    }

    /// Whether there was a guess and its number exists.
    pub(crate) fn guess_existed(&self) -> bool {
        self.guess.is_some() && self.low >= self.guess
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches `count` numbers. Returns the last one, the number of probes, and
    /// whether the guess existed.
    fn run(count: u64, start: Option<u64>) -> (Option<u64>, u32, bool) {
        let mut search = TailSearch::from_guess(start);
        let mut asked = 0;
        loop {
            match search.next_step() {
                SearchStep::Probe(number) => {
                    asked += 1;
                    assert!(asked < 200);
                    search.record_answer(number, number < count);
                }
                SearchStep::Last(last) => return (last, asked, search.guess_existed()),
            }
        }
    }

    fn log2(number: u64) -> u32 {
        64 - number.leading_zeros()
    }

    proptest! {
        #[test]
        fn every_guess_leads_to_the_last(count: u64, start: Option<u64>) {
            let (last, asked, good) = run(count, start);
            prop_assert_eq!(last, count.checked_sub(1));
            prop_assert!(asked <= 2 * log2(count) + 3);
            prop_assert_eq!(good, start.is_some_and(|start| start < count));
        }

        #[test]
        fn a_near_guess_is_cheap(count in 1u64.., behind in 0u64..1000) {
            let start = (count - 1).saturating_sub(behind);
            let (last, asked, _) = run(count, Some(start));
            prop_assert_eq!(last, Some(count - 1));
            prop_assert!(asked <= 2 * log2(behind + 1) + 2, "{asked}");
        }

        /// Numbers are added between the probes: the result was the last number at
        /// some time during the search.
        #[test]
        fn a_growing_run_gives_a_last_number_in_between(
            count in 0u64..300,
            start: Option<u16>,
            growth in prop::collection::vec(0u64..4, 1..40),
        ) {
            let mut now = count;
            let mut search = TailSearch::from_guess(start.map(u64::from));
            let mut growth = growth.into_iter();
            let last = loop {
                match search.next_step() {
                    SearchStep::Probe(number) => search.record_answer(number, number < now),
                    SearchStep::Last(last) => break last,
                }
                now += growth.next().unwrap_or_default();
            };
            let found = last.map_or(0, |last| last + 1);
            prop_assert!((count..=now).contains(&found), "{count} {found} {now}");
        }
    }

    #[test]
    fn a_right_guess_costs_two_questions() {
        assert_eq!(run(100_000, Some(99_999)), (Some(99_999), 2, true));
        assert_eq!(run(0, None), (None, 1, false));
        assert_eq!(run(0, Some(5)), (None, 2, false));
    }
}
