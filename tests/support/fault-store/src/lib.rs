//! An object store that fails as told and counts its calls, for tests.
//!
//! [`FaultyStore`] wraps any store. Before each call it asks its plan, a
//! closure that sees the [`Call`] and may answer with a [`Fault`]; what is not
//! faulted goes through. [`Script`] is the plan for tests that say "the next
//! three puts fail like this"; property tests bring a random one.
//!
//! A crate of its own instead of a feature of `sluice-storage`: a feature that
//! only tests switch on would have every crate built twice.

mod calls;
mod fault;
mod store;
mod upload;

pub use calls::{Call, Counts, Op};
pub use fault::{Fault, Script, Wait};
pub use store::FaultyStore;

#[cfg(test)]
mod tests;
