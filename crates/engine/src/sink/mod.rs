//! The gold sink: every task writes Parquet files and reports them.
//!
//! [`plan_sink`] puts a [`GoldSinkExec`] on a dataset's physical plan. It has as
//! many partitions as its input. Each task writes the rows of its partition to
//! separate files and returns one *manifest row* per file ([`manifest_schema`]).
//! The driver commits exactly the files that the manifest names. So readers of
//! the table see nothing before the commit, and never see files of a lost or
//! repeated attempt.
//!
//! Invariants:
//!
//! - File names hold a fresh UUID: no two attempts share a file.
//! - A task that fails or is cancelled tries to delete its files; the driver
//!   deletes the rest.
//! - One file is open at a time per task, whatever the number of hive
//!   partitions: their rows arrive sorted.
//! - The written rows have exactly the target schema. A NULL in a NOT NULL column
//!   or a value that does not fit is an error that names dataset and column.

pub(crate) mod codec;
mod dictionary;
mod encoder;
mod error;
mod exec;
mod file;
pub(crate) mod key_filters;
mod manifest;
mod partition;
mod plan;
mod schema_mapping;
mod spec;
mod task;

pub use error::SinkError;
pub use exec::GoldSinkExec;
pub(crate) use file::CREATED_BY;
pub use manifest::{manifest_schema, read_manifest};
pub use plan::plan_sink;
pub use spec::{SinkSpec, SortColumn};

#[cfg(test)]
mod tests;

/// What tests of other modules need.
#[cfg(test)]
pub(crate) mod tests_support {
    use arrow::array::RecordBatch;
    use parquet::file::properties::WriterProperties;

    /// A file of one batch by this writer, with Bloom filters of the columns `keys`.
    pub(crate) fn encode_file(batch: &RecordBatch, keys: &[&str], writer: &str) -> Vec<u8> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let properties = WriterProperties::builder()
            .set_created_by(writer.to_owned())
            .build();
        let encoder = super::encoder::FileEncoder::try_new(batch.schema(), properties, &keys);
        let mut encoder = encoder.unwrap();
        encoder.write(batch).unwrap();
        encoder.finish().unwrap();
        encoder.take_bytes().unwrap()
    }
}
