//! Generates the events of a plan one after another.

use chrono::{DateTime, Utc};
use sluice_sample_events::{Event, EventClock, Lines, Pools, TransactionEvents, UserEvents};

use crate::cli::EventKind;
use crate::plan::ProducePlan;

/// Customers and products do not depend on the seed of the events: two producers
/// with different seeds, one for each topic, still have the same customers.
const POOLS_SEED: u64 = 1;

/// An endless stream of events. Its events depend on the plan alone, and for
/// [`EventSource::next_event_at`] on the times asked for.
#[derive(Debug)]
pub(crate) enum EventSource {
    User(Lines<UserEvents>),
    Transaction(Lines<TransactionEvents>),
}

impl EventSource {
    pub(crate) fn new(plan: &ProducePlan) -> Self {
        let ProducePlan {
            seed,
            users,
            defects,
            ..
        } = *plan;
        let clock = match &plan.bulk {
            Some(bulk) => bulk.clock(),
            // Live events do not use the clock: the caller passes their time.
            None => EventClock::EXAMPLE,
        };
        let pools = Pools::new(POOLS_SEED, users);
        match plan.kind {
            EventKind::UserEvents => Self::User(Lines::new(
                seed,
                UserEvents::new(seed, pools),
                clock,
                defects,
            )),
            EventKind::TransactionEvents => {
                let events = TransactionEvents::new(seed, pools);
                Self::Transaction(Lines::new(seed, events, clock, defects))
            }
        }
    }

    /// The next event of the bulk, at its own time.
    pub(crate) fn next_event(&mut self) -> Event {
        match self {
            Self::User(lines) => lines.next_event(),
            Self::Transaction(lines) => lines.next_event(),
        }
    }

    /// An event that happens now.
    pub(crate) fn next_event_at(&mut self, now: DateTime<Utc>) -> Event {
        let micros = now.timestamp_micros();
        match self {
            Self::User(lines) => lines.next_event_at(micros),
            Self::Transaction(lines) => lines.next_event_at(micros),
        }
    }
}
