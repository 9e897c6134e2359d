//! Divides the bytes of a source among tasks.

use std::ops::Range;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use object_store::ObjectMeta;
use object_store::path::Path;
use sluice_storage::StoredRange;

use super::{FileOrdinal, FolderValues, JoinedBytes};

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Path, size and version, as the store listed it.
    pub meta: ObjectMeta,
    /// Whether reading can begin in the middle of the file.
    pub splittable: bool,
    /// The values of the source's folder columns, `None` for NULL.
    pub folder_values: Vec<Option<String>>,
    /// Where the bytes are, when they are a part of another file. The offsets in the
    /// plan are then those in this file, from 0.
    pub stored: Option<StoredRange>,
}

impl InputFile {
    /// The path and the offset at which the bytes begin.
    fn first_byte(&self) -> (&Path, u64) {
        match &self.stored {
            Some(stored) => (&stored.path, stored.offset),
            None => (&self.meta.location, 0),
        }
    }
}

/// A range smaller than this, in bytes, is not worth a separate task.
const MIN_SPLIT_BYTES: u64 = 4 * 1024 * 1024;

/// A part of a file that one task reads.
struct Piece<'a> {
    file: &'a InputFile,
    ordinal: FileOrdinal,
    bytes: Range<u64>,
}

/// Divides `files`, sorted by path, into at most `target` groups of about the
/// same number of bytes. Splittable files are cut at any byte (the reader finds
/// the lines); others stay whole. Every byte is in exactly one group; empty
/// files are left out. Within a group, the parts of a joined file are in the order of
/// their bytes.
pub fn group_files(files: &[InputFile], target: usize) -> Vec<FileGroup> {
    let total: u64 = files.iter().map(|file| file.meta.size).sum();
    let share = total
        .div_ceil(target.max(1) as u64)
        .max(MIN_SPLIT_BYTES.min(total))
        .max(1);
    let mut ordered: Vec<(FileOrdinal, &InputFile)> = files
        .iter()
        .enumerate()
        .map(|(ordinal, file)| {
            (
                FileOrdinal(u32::try_from(ordinal).unwrap_or(u32::MAX)),
                file,
            )
        })
        .collect();
    if files.iter().any(|file| file.stored.is_some()) {
        ordered.sort_by_key(|(_, file)| file.first_byte());
    }
    let mut groups: Vec<Vec<Piece<'_>>> = Vec::new();
    let mut room = 0;
    for (ordinal, file) in ordered {
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
            if let Some(group) = groups.last_mut() {
                group.push(Piece {
                    file,
                    ordinal,
                    bytes: start..start + take,
                });
            }
            start += take;
            room = room.saturating_sub(take);
        }
    }
    groups.into_iter().map(planned_group).collect()
}

fn planned_group(pieces: Vec<Piece<'_>>) -> FileGroup {
    let mut files: Vec<PartitionedFile> = Vec::with_capacity(pieces.len());
    let mut following: Option<JoinedBytes> = None;
    for piece in pieces.into_iter().rev() {
        let Piece {
            file,
            ordinal,
            bytes,
        } = piece;
        let mut planned = PartitionedFile::new_from_meta(file.meta.clone())
            .with_extension(ordinal)
            .with_extension(FolderValues(file.folder_values.clone()));
        let is_part = bytes != (0..file.meta.size);
        if is_part {
            planned = planned.with_range(bytes.start.cast_signed(), bytes.end.cast_signed());
        }
        let joined = file.stored.as_ref().map(|stored| {
            let end = stored.offset + file.meta.size;
            let next = following.take().filter(|next| {
                next.path == stored.path && (next.offset == end || next.offset == stored.offset)
            });
            JoinedBytes {
                path: stored.path.clone(),
                offset: stored.offset,
                read_to: next.map_or(end, |next| next.read_to),
            }
        });
        following.clone_from(&joined);
        files.push(match joined {
            Some(joined) => planned.with_extension(joined),
            None => planned,
        });
    }
    files.reverse();
    FileGroup::new(files)
}

#[cfg(test)]
mod tests;
