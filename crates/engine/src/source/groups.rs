//! Divides the bytes of a source among tasks.

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use object_store::ObjectMeta;

use super::{FileOrdinal, FolderValues};

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Path, size and version, as the store listed it.
    pub meta: ObjectMeta,
    /// Whether reading can begin in the middle of the file.
    pub splittable: bool,
    /// The values of the source's folder columns, `None` for NULL.
    pub folder_values: Vec<Option<String>>,
}

/// A range smaller than this, in bytes, is not worth a separate task.
const MIN_SPLIT_BYTES: u64 = 4 * 1024 * 1024;

/// Divides `files`, sorted by path, into at most `target` groups of about the
/// same number of bytes. Splittable files are cut at any byte (the reader finds
/// the lines); others stay whole. Every byte is in exactly one group; empty
/// files are left out.
pub fn group_files(files: &[InputFile], target: usize) -> Vec<FileGroup> {
    let total: u64 = files.iter().map(|file| file.meta.size).sum();
    let share = total
        .div_ceil(target.max(1) as u64)
        .max(MIN_SPLIT_BYTES.min(total))
        .max(1);
    let mut groups: Vec<Vec<PartitionedFile>> = Vec::new();
    let mut room = 0;
    for (ordinal, file) in files.iter().enumerate() {
        let ordinal = FileOrdinal(u32::try_from(ordinal).unwrap_or(u32::MAX));
        let mut start = 0;
        while start < file.meta.size {
            if room == 0 || groups.is_empty() {
                groups.push(Vec::new());
                room = share;
            }
            let rest = file.meta.size - start;
            let take = if file.splittable {
                rest.min(room)
            } else {
                rest
            };
            let piece = PartitionedFile::new_from_meta(file.meta.clone())
                .with_extension(ordinal)
                .with_extension(FolderValues(file.folder_values.clone()));
            let piece = if take < file.meta.size {
                piece.with_range(start.cast_signed(), (start + take).cast_signed())
            } else {
                piece
            };
            if let Some(group) = groups.last_mut() {
                group.push(piece);
            }
            start += take;
            room = room.saturating_sub(take);
        }
    }
    groups.into_iter().map(FileGroup::new).collect()
}

#[cfg(test)]
mod tests;
