//! Parquet files as a source: DataFusion reads them; we list them, and decide how
//! the columns of each file become those of the declaration.

mod fit;
mod table;

pub(crate) use table::{ParquetFile, ParquetTable, read_schemas};
