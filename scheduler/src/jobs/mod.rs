//! All jobs of a scheduler: accepting them, running them, keeping their records.

mod accepting;
mod fingerprint;
mod history;
mod id;
mod index;
mod job_queue;
mod listing;
mod records;
mod registry;
mod store;
mod submission;
mod supervision;

pub use listing::JobPage;
pub use registry::{JobRegistry, RegistryOptions, WatchedJob};
pub use store::JobStoreError;

#[cfg(test)]
mod tests;
