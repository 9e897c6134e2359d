//! What a topic implements for the generator.

use crate::pools::UserId;
use crate::random::RandomStream;

/// Generates one kind of event. Implemented by [`crate::UserEvents`] and
/// [`crate::TransactionEvents`]. What changes or damages a line works on the bytes
/// that [`TopicGenerator::append_event`] wrote.
pub trait TopicGenerator {
    /// The topic's name, which is also its folder in the landing zone.
    const NAME: &'static str;

    /// Appends one intact event that happens at `at_micros` (microseconds since
    /// 1970-01-01 UTC) as one line of JSON without its newline, and returns the
    /// customer's id.
    fn append_event(&mut self, at_micros: i64, out: &mut Vec<u8>) -> UserId;

    /// Turns a line into a later message with the same id, another status and
    /// another time. False when the topic has no such messages.
    #[doc(hidden)]
    fn make_update(line: &mut Vec<u8>, at_micros: i64, choice: u64) -> bool;

    /// Fields whose value can be replaced by one of another type, each with such a
    /// value as JSON text.
    #[doc(hidden)]
    const WRONG_TYPES: &'static [(&'static str, &'static str)];

    /// The fields that the example job requires.
    #[doc(hidden)]
    const REQUIRED: &'static [&'static str];
}

/// The numbers of the random streams of one seed: topics and defects must not
/// share their random numbers.
pub(crate) mod stream {
    pub(crate) const POOLS: u64 = 1;
    pub(crate) const USER_EVENTS: u64 = 2;
    pub(crate) const TRANSACTIONS: u64 = 3;
    /// Added to the length of the topic's name, so that each topic has its own stream.
    pub(crate) const DEFECTS: u64 = 100;
}

pub(crate) fn defect_stream<T: TopicGenerator>(seed: u64) -> RandomStream {
    RandomStream::new(seed, stream::DEFECTS + T::NAME.len() as u64)
}
