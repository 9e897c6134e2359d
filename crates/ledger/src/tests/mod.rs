//! Ledgers over whole stores: one suite for all of them, and what is particular
//! to each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conformance;
mod faults;
mod local;
mod memory;
mod requests;
mod s3;
mod schedules;
mod support;
