//! The size of data files.

use sluice_values::parse_size;

/// The smallest target file size, in bytes.
const MIN_TARGET_FILE_SIZE: u64 = 1024 * 1024;

/// The value of `sluice.target_file_size`.
///
/// # Errors
/// What a valid value looks like.
pub fn parse_target_file_size(value: &str) -> Result<u64, &'static str> {
    match parse_size(value) {
        Ok(size) if size >= MIN_TARGET_FILE_SIZE => Ok(size),
        _ => Err("a size of at least 1MB, such as `128MB`"),
    }
}

/// The value of `sluice.min_shared_size`.
///
/// # Errors
/// What a valid value looks like.
pub fn parse_min_shared_size(value: &str) -> Result<u64, &'static str> {
    parse_size(value).map_err(|_| "a size, such as `64MB` or `0B`")
}
