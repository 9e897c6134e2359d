//! A table's Delta log: reading its versions, creating entries, checkpoints.

pub(crate) mod actions;
mod added_files;
pub(crate) mod checkpoint;
pub(crate) mod delta_log;
mod latest_version;
pub(crate) mod listing;
mod published;
pub(crate) mod replay;
pub(crate) mod snapshot;
mod stats_text;
