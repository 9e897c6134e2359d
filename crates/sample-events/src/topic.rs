//! What a topic implements for the generator.

use serde::Serialize;
use serde_json::Value;

use crate::pools::UserId;
use crate::random::{RandomStream, open_stream};

/// Generates one kind of event. Implemented by [`crate::UserEvents`] and
/// [`crate::TransactionEvents`].
pub trait TopicGenerator {
    /// The topic's name, which is also its folder in the landing zone.
    const NAME: &'static str;

    /// An event of the topic.
    type Payload: Clone + std::fmt::Debug + Serialize;

    /// Makes an intact event that happens at `at_micros` (microseconds since 1970-01-01
    /// UTC). Also returns its customer's id.
    fn next_payload(&mut self, at_micros: i64) -> (UserId, Self::Payload);

    /// Makes a later message with the id of an earlier one, and with another status and
    /// time. `None` when the topic has no such messages.
    #[doc(hidden)]
    fn make_update(
        earlier: &Self::Payload,
        at_micros: i64,
        random: &mut RandomStream,
    ) -> Option<Self::Payload>;

    /// Fields whose value can be replaced by one of another type, each with such a
    /// value.
    #[doc(hidden)]
    fn wrong_types() -> Vec<(&'static str, Value)>;

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
    open_stream(seed, stream::DEFECTS + T::NAME.len() as u64)
}
