//! Object stores from paths and URLs: durable local folders and S3.
//!
//! [`Stores`] turns a location as people write it (`/data/landing`, `data/gold`,
//! `file:///data`, `s3://bucket/prefix`) into an object store and a path in it.
//! Local writes go through [`DurableLocal`], so that acknowledged writes survive
//! a power cut. [`list_source`] lists the files of a source as Spark does. Every
//! error has a [`StoreErrorKind`] and says what to do.

mod create_once;
mod durable;
mod error;
mod file;
mod fs;
mod list;
mod listed_folder;
mod local_names;
mod local_reads;
mod location;
mod options;
mod partition;
mod stores;
mod temporary;
mod upload;

pub use create_once::{CreateError, CreateOutcome, CreateRetries, RETRY_PAUSES};
pub use durable::DurableLocal;
pub use error::{LocationError, StoreError, StoreErrorKind};
pub use file::DurableFile;
pub use fs::{DurableFs, RealFs};
pub use list::{ListRules, Listing, SourceFile, StoredRange, list_source, list_with_folders};
pub use listed_folder::ListedFolder;
pub use local_names::{local_path, readable_local_path};
pub use location::{Location, SourceLocation};
pub use options::StoreOptions;
pub use partition::{HIVE_NULL, escape_hive, unescape_hive};
pub use stores::{StorePath, Stores};
pub use temporary::{is_temporary, remove_temporaries};
pub use upload::{UPLOAD_PART_BYTES, Upload};
