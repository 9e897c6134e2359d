//! What the generator asks of a topic.

use crate::draw::Draw;
use crate::pools::UserId;

/// One kind of event. Implemented by [`crate::UserEvents`] and
/// [`crate::TransactionEvents`]; the methods that damage a line work on the
/// bytes that [`Topic::append`] wrote.
pub trait Topic {
    /// The topic's name, which is also its folder in the landing zone.
    const NAME: &'static str;

    /// Appends one intact event that happens at `at_micros` (microseconds since
    /// 1970-01-01 UTC) as one line of JSON without its newline, and returns
    /// whose event it is.
    fn append(&mut self, at_micros: i64, out: &mut Vec<u8>) -> UserId;

    /// Turns a line into a later message about the same id (another status,
    /// another time). False where the topic has no such messages.
    #[doc(hidden)]
    fn change(line: &mut Vec<u8>, at_micros: i64, choice: u64) -> bool;

    /// The fields whose value can be replaced by one of another type, with that
    /// value as JSON text.
    #[doc(hidden)]
    const WRONG_TYPES: &'static [(&'static str, &'static str)];

    /// The fields without which an event is of no use to the example job.
    #[doc(hidden)]
    const REQUIRED: &'static [&'static str];
}

/// Where the streams of one seed begin, so that topics and faults do not share
/// their random numbers.
pub(crate) mod stream {
    pub(crate) const POOLS: u64 = 1;
    pub(crate) const USER_EVENTS: u64 = 2;
    pub(crate) const TRANSACTIONS: u64 = 3;
    /// Added to the topic's name length: one stream of faults for each topic.
    pub(crate) const FAULTS: u64 = 100;
}

pub(crate) fn fault_draw<T: Topic>(seed: u64) -> Draw {
    Draw::new(seed, stream::FAULTS + T::NAME.len() as u64)
}
