//! What is in the folders of gold tables before a job runs.

pub(crate) mod other_tables;
mod target;
pub(crate) mod writable;

pub use target::TargetFolder;

#[cfg(test)]
mod tests;
