//! Tests of the public interface: case files, properties, documentation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod binding;
mod cases;
mod docs;
mod expressions;
mod folders;
mod limits;
mod properties;
mod queries;
mod rendering;
