//! A table's data files: names, statistics, checks and clean-up.

pub(crate) mod cleanup;
pub(crate) mod data_file;
pub(crate) mod file_names;
mod preview;
pub(crate) mod stats;
mod verify;
