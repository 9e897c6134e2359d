//! Random choices. Only integers, so that a seed gives the same bytes on every
//! machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random choices; streams of one seed are independent.
#[derive(Debug, Clone)]
pub(crate) struct RandomStream(ChaCha8Rng);

impl RandomStream {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    pub(crate) fn next_bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..limit`; 0 when `limit` is 0.
    ///
    /// Multiply-shift: the bias is below 2⁻³² × limit, which does not matter for
    /// sample data.
    pub(crate) fn next_below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(limit)) >> 32) as u32
    }

    /// Uniform in `low..=high`.
    pub(crate) fn next_between(&mut self, low: u32, high: u32) -> u32 {
        low + self.next_below(high - low + 1)
    }

    /// One of the items. The list must not be empty; every caller passes a constant.
    pub(crate) fn pick_item<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.next_below(items.len() as u32) as usize]
    }
}
