//! An object store that injects scripted failures and counts its calls, for tests.
//!
//! [`FaultyStore`] wraps any store. Before each call it calls its plan, a closure
//! that gets the [`Call`] and may return a [`Fault`]; calls without a fault are
//! passed on. [`FaultScript`] is the plan for tests that need "the next three puts fail
//! like this"; property tests use a random plan.
//!
//! This is a separate crate and not a feature of `sluice-storage`, because a
//! feature that only tests enable would make every crate be built twice.

mod calls;
mod fault;
mod store;
mod upload;

pub use calls::{Call, CallCounts, Op};
pub use fault::{Delay, Fault, FaultScript};
pub use store::FaultyStore;

#[cfg(test)]
mod tests;
