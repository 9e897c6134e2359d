//! Parquet files as a source: DataFusion reads them; we list them, and decide how
//! the columns of each file become those of the declaration.

mod fit;
mod key_lookup;
mod table;

pub(crate) use key_lookup::RunKeys;
pub(crate) use table::{ParquetFile, ParquetTable, read_schemas};
