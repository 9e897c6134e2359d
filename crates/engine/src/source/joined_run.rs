//! Landed files whose bytes are adjacent in a joined file: one file of a plan, so that
//! very many small files do not make very many small reads and batches.

use datafusion::datasource::listing::PartitionedFile;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::{Compression, FileOrdinal, FolderValues, InputFile};

/// The most parts of a run: a scan knows all of them from its beginning.
const MAX_PARTS: usize = 10_000;

/// Parts of a joined file, one after the other, carried by a `PartitionedFile`. Its
/// metadata is that of the first part, with the size of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedRun {
    /// The path of the joined file.
    pub(crate) path: Path,
    /// The offset of the first byte there.
    pub(crate) offset: u64,
    /// At least one. If the file of the plan has a range, there is only one, and the
    /// range is one of that part.
    pub(crate) parts: Vec<JoinedPart>,
}

/// A landed file that is a part of a joined one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedPart {
    /// Path, size and time as the file landed.
    pub(crate) meta: ObjectMeta,
    pub(crate) ordinal: FileOrdinal,
}

impl JoinedRun {
    /// The offset after the last byte in the joined file.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.size()
    }

    pub(crate) fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.meta.size).sum()
    }

    /// The parts with the offsets of their first bytes in the joined file.
    pub(crate) fn parts_with_offsets(&self) -> impl Iterator<Item = (u64, &JoinedPart)> {
        self.parts.iter().scan(self.offset, |next, part| {
            let offset = *next;
            *next += part.meta.size;
            Some((offset, part))
        })
    }
}

/// The same file with the first `most` parts of its run; as it is, if it has no more.
pub(crate) fn with_few_parts(file: &PartitionedFile, most: usize) -> PartitionedFile {
    match file.extension::<JoinedRun>() {
        Some(run) if run.parts.len() > most => {
            let run = JoinedRun {
                path: run.path.clone(),
                offset: run.offset,
                parts: run.parts.iter().take(most).cloned().collect(),
            };
            let mut file = file.clone();
            file.object_meta.size = run.size();
            file.with_extension(run)
        }
        _ => file.clone(),
    }
}

/// A run that is being collected.
pub(super) struct RunBuilder<'a> {
    run: JoinedRun,
    /// [`JoinedRun::end`], which takes as long as there are parts.
    end: u64,
    /// The first part.
    first: &'a InputFile,
}

impl<'a> RunBuilder<'a> {
    /// A run of one file; `None` when its bytes are not in a joined one.
    pub(super) fn begin(file: &'a InputFile, ordinal: FileOrdinal) -> Option<Self> {
        let stored = file.stored.as_ref()?;
        let part = JoinedPart {
            meta: file.meta.clone(),
            ordinal,
        };
        Some(Self {
            run: JoinedRun {
                path: stored.path.as_ref().clone(),
                offset: stored.offset,
                parts: vec![part],
            },
            end: stored.offset + file.meta.size,
            first: file,
        })
    }

    /// Adds a file that follows the run's last one in the same joined file and is read
    /// in the same way; `false` when it is none.
    pub(super) fn add_file(&mut self, file: &InputFile, ordinal: FileOrdinal) -> bool {
        let compression = |file: &InputFile| Compression::from_path(file.meta.location.as_ref());
        let follows = file
            .stored
            .as_ref()
            .is_some_and(|stored| *stored.path == self.run.path && stored.offset == self.end);
        let fits = follows
            && self.run.parts.len() < MAX_PARTS
            && file.folder_values == self.first.folder_values
            && compression(file) == compression(self.first);
        if fits {
            self.end += file.meta.size;
            self.run.parts.push(JoinedPart {
                meta: file.meta.clone(),
                ordinal,
            });
        }
        fits
    }

    pub(super) fn build(self) -> PartitionedFile {
        let meta = ObjectMeta {
            size: self.end - self.run.offset,
            ..self.first.meta.clone()
        };
        let ordinal = self.run.parts.first().map(|part| part.ordinal);
        PartitionedFile::new_from_meta(meta)
            .with_extension(ordinal.unwrap_or(FileOrdinal(0)))
            .with_extension(FolderValues(self.first.folder_values.clone()))
            .with_extension(self.run)
    }
}
