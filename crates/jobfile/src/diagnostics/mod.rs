//! What is wrong with a job file, for people and for programs.

pub mod codes;
mod diagnostic;
mod render;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
