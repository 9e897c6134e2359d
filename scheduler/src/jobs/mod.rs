//! All jobs of a scheduler: accepting them, running them, keeping their records.

mod id;
mod index;
mod job_store;
mod listing;
mod registry;
mod submission;

pub use job_store::JobStoreError;
pub use registry::{JobRegistry, RegistryOptions, WatchedJob};

#[cfg(test)]
mod tests;
