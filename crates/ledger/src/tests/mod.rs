//! Tests of ledgers on complete stores: one suite for all stores, and tests for
//! each.

mod conformance;
mod faults;
mod local;
mod memory;
mod requests;
mod s3;
mod schedules;
mod support;
