//! Queries on a plain DataFusion session with Spark's rules and functions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod access;
mod aggregates;
mod arithmetic;
mod casts;
mod float_keys;
mod forms;
mod guards;
mod intervals;
mod job;
mod pipes;
mod session;
mod spark_aggregates;
mod spark_corners;
mod spark_differences;
mod spark_examples;
mod spark_refusals;
mod spark_traps;
mod spark_values;
mod time_zones;
mod upstream;
