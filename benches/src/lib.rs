//! Benchmarks over real processes.
//!
//! Timings are printed, never asserted: a benchmark that fails on a busy
//! machine teaches people to ignore it. `benches/README.md` says how to run
//! them and what other engines took.

pub mod cluster;
pub mod data;
pub mod duckdb;
pub mod landing_to_gold;
pub mod memory;
pub mod report;
pub mod submit;
