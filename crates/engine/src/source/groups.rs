//! Divides the bytes of a source among tasks.

use std::ops::Range;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use object_store::ObjectMeta;
use object_store::path::Path;
use sluice_storage::StoredRange;

use super::joined_run::RunBuilder;
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
    /// Where the bytes are, when they are a part of another file. The offsets in the
    /// plan are then those in this file, from 0.
    pub stored: Option<StoredRange>,
}

impl InputFile {
    /// The path and the offset at which the bytes begin.
    fn first_byte(&self) -> (&Path, u64) {
        match &self.stored {
            Some(stored) => (stored.path.as_ref(), stored.offset),
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
/// their bytes, and adjacent ones are one file.
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

/// Whole files that are adjacent in a joined one become one file of the plan.
fn planned_group(pieces: Vec<Piece<'_>>) -> FileGroup {
    let mut files: Vec<PartitionedFile> = Vec::with_capacity(pieces.len());
    let mut run: Option<RunBuilder<'_>> = None;
    for piece in pieces {
        let Piece {
            file,
            ordinal,
            bytes,
        } = piece;
        let is_whole = bytes == (0..file.meta.size);
        if is_whole && run.as_mut().is_some_and(|run| run.add_file(file, ordinal)) {
            continue;
        }
        files.extend(run.take().map(RunBuilder::build));
        match RunBuilder::begin(file, ordinal) {
            Some(begun) if is_whole => run = Some(begun),
            Some(begun) => files.push(with_bytes(begun.build(), &bytes)),
            None => {
                let planned = PartitionedFile::new_from_meta(file.meta.clone())
                    .with_extension(ordinal)
                    .with_extension(FolderValues(file.folder_values.clone()));
                files.push(match is_whole {
                    true => planned,
                    false => with_bytes(planned, &bytes),
                });
            }
        }
    }
    files.extend(run.map(RunBuilder::build));
    FileGroup::new(files)
}

fn with_bytes(file: PartitionedFile, bytes: &Range<u64>) -> PartitionedFile {
    file.with_range(bytes.start.cast_signed(), bytes.end.cast_signed())
}

#[cfg(test)]
mod tests;
