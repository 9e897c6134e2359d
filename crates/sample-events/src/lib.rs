//! Sample events in the shapes that the example job reads, generated from a seed.
//!
//! Two topics: [`UserEvents`] (what people do in a shop) and
//! [`TransactionEvents`] (what they buy, return and charge back). Both draw from
//! one pool of customers and products, and each customer has favourite products,
//! so that joins between the topics find matches.
//!
//! There are three layers, each usable alone:
//!
//! * A [`TopicGenerator`] generates one intact event after another.
//! * [`Lines`] mixes in what real landing files hold in addition: duplicates,
//!   lines that are not events, events that lack a field.
//! * [`landing`] writes lines into files; [`generate`] is its command line.
//!
//! The same seed and options give the same bytes on every machine: the random
//! generator is ChaCha, and no choice depends on floating point.
//!
//! ```
//! use sluice_sample_events::{Defects, EventClock, Lines, Pools, UserEvents};
//!
//! let pools = Pools::new(7, 1_000);
//! let events = UserEvents::new(7, pools);
//! let mut lines = Lines::new(7, events, EventClock::EXAMPLE, Defects::NONE);
//! let event = lines.next_event();
//! assert!(event.value.starts_with(b"{\"event_id\": "));
//! ```

pub mod generate;
pub mod landing;

mod address;
mod clock;
mod defects;
mod json_text;
mod lines;
mod pools;
mod random;
mod topic;
mod transactions;
mod user_events;
mod words;

pub use clock::EventClock;
pub use defects::{Defect, Defects};
pub use lines::{Event, LineKind, Lines};
pub use pools::{Pools, UserId};
pub use topic::TopicGenerator;
pub use transactions::TransactionEvents;
pub use user_events::UserEvents;

#[cfg(test)]
mod tests;
