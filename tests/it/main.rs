//! End-to-end tests: real processes, real files, readers that we did not write.
//!
//! A test starts a [`sandbox`] of its own, gives jobs to it as a user would
//! ([`submit`]), and looks at what came of them ([`gold`]). Nothing here waits
//! for a fixed time: every wait is for a condition, with a deadline ([`wait`]).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on stderr what it skips"
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
mod modes;
mod quickstart;
mod s3;
mod scheduler_lost;
mod storage;
mod tidy;
