//! Random choices. Only integers, so that a seed gives the same bytes on every
//! machine.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// A stream of random numbers.
pub(crate) type RandomStream = ChaCha8Rng;

/// The stream with this number; the streams of one seed are independent.
pub(crate) fn open_stream(seed: u64, number: u64) -> RandomStream {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(number);
    stream
}

/// One of the items. The list must not be empty; every caller passes a constant.
pub(crate) fn pick_item<T: Copy>(items: &[T], random: &mut RandomStream) -> T {
    items[random.random_range(0..items.len())]
}

/// A UUID of version 4, written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RandomId(Uuid);

impl RandomId {
    pub(crate) fn new(random: &mut RandomStream) -> Self {
        Self(uuid::Builder::from_random_bytes(random.random()).into_uuid())
    }

    /// The first `length` characters.
    pub(crate) fn first_chars(self, length: usize) -> String {
        let mut text = self.0.to_string();
        text.truncate(length);
        text
    }
}

impl Serialize for RandomId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Uuid::encode_buffer();
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut text))
    }
}
