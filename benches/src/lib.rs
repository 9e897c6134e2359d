//! Benchmarks with real processes.
//!
//! Timings are printed, never asserted: people learn to ignore a benchmark that
//! fails on a busy machine. `benches/README.md` explains how to run them.

pub mod cluster;
pub mod data;
pub mod duckdb;
pub mod landing_to_gold;
pub mod memory;
pub mod report;
pub mod submit;
