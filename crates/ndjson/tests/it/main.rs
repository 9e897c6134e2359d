//! Tests of the decoder through its public interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod against_arrow_json;
mod compressed;
mod conversions;
mod edges;
mod generate;
mod lines;
mod modes;
mod no_panic;
mod rescued;
mod scans;
mod support;
