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
mod data;
mod gold;
mod http;
mod mount;
mod process;
mod repository;
mod sandbox;
mod submit;
mod wait;

mod actions;
mod cancel;
mod cases;
mod concurrent;
mod equal;
mod executors_lost;
mod exit_codes;
mod invalid;
mod layers;
mod modes;
mod names;
mod quickstart;
mod s3;
mod scheduler_lost;
mod storage;
mod tidy;
