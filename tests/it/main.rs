//! End-to-end tests: real processes, real files, and third-party readers.
//!
//! A test starts its own [`sandbox`], submits jobs to it as a user would
//! ([`submit`]), and checks the tables ([`gold`]). Nothing here waits for a
//! fixed time: every wait is for a condition, with a deadline ([`wait`]).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and prints on stderr what it skips"
)]
#![allow(
    unreachable_pub,
    reason = "the modules of one program; `pub` says what others use"
)]

mod bucket;
mod collector;
mod data;
mod gold;
mod http;
mod job_files;
mod loopback;
mod mount;
mod oracle_python;
mod process;
mod proxy;
mod pty;
mod query_jobs;
mod registrations;
mod repository;
mod sandbox;
mod submit;
mod wait;

mod actions;
mod cancel;
mod cases;
mod commits;
mod concurrent;
mod connections;
mod equal;
mod executor_disks;
mod executor_repair;
mod executors_lost;
mod exit_codes;
mod filters;
mod fuzz_sql;
mod gold_folder;
mod increments;
mod invalid;
mod layers;
mod live_view;
mod log_floods;
mod many_files;
mod memory_limits;
mod metric_names;
mod modes;
mod named_tests;
mod names;
mod planning_limits;
mod quickstart;
mod records;
mod refused_reports;
mod s3;
mod scheduler_lost;
mod slow_state_disk;
mod source_names;
mod spark_corpus;
mod spilling;
mod stopped_operators;
mod storage;
mod tidy;
mod traces;
mod versions;
