//! A local file that gets its name last.
//!
//! An upload to an object store needs the name first, but the name of a file of
//! records depends on its last record.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::Result;

use crate::durable::{PersistMode, TemporaryFile};
use crate::fs::{DurableFs, RealFs};

/// A file that is being written in its folder under a temporary, hidden name.
/// Dropping it before [`DurableFile::persist_as`] removes it. All calls block.
#[derive(Debug)]
pub struct DurableFile {
    temporary_file: TemporaryFile,
    folder: PathBuf,
    written: u64,
    /// The number of bytes that the system was asked to start writing.
    sync_started: u64,
}

/// How many bytes may wait in memory before the system is asked to write them.
const SYNC_INTERVAL_BYTES: u64 = 8 << 20;

impl DurableFile {
    /// Creates a file in `folder`, and the folder if it is missing; `hint` is a
    /// plain name for use in the temporary name.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(folder: &Path, hint: &str) -> Result<Self> {
        Self::with_fs(Arc::new(RealFs), folder, hint)
    }

    /// [`DurableFile::create`] with other file system calls, for tests.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn with_fs(fs: Arc<dyn DurableFs>, folder: &Path, hint: &str) -> Result<Self> {
        // The dot hides it from readers of the folder.
        let temporary_file = TemporaryFile::create(fs, folder.join(format!(".{hint}")))?;
        Ok(Self {
            temporary_file,
            folder: folder.to_path_buf(),
            written: 0,
            sync_started: 0,
        })
    }

    /// Makes the file durable under a plain name in its folder, which must be
    /// free. After this returns, the file survives a power cut.
    ///
    /// # Errors
    /// [`object_store::Error::AlreadyExists`] if the name is taken; otherwise the
    /// error of the system.
    pub fn persist_as(mut self, name: &str) -> Result<()> {
        self.temporary_file.target_path = self.folder.join(name);
        self.temporary_file
            .persist_as_target(PersistMode::Create)
            .map(drop)
    }
}

impl io::Write for DurableFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary_file.fs.write_at(
            &self.temporary_file.file,
            &self.temporary_file.temporary_path,
            bytes,
            self.written,
        )?;
        self.written += bytes.len() as u64;
        let waiting = self.written - self.sync_started;
        if waiting >= SYNC_INTERVAL_BYTES {
            let file = &self.temporary_file.file;
            self.temporary_file
                .fs
                .begin_sync(file, self.sync_started, waiting);
            self.sync_started = self.written;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::temporary::is_temporary;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_hidden_until_it_has_its_name() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("topic");
        let mut file = DurableFile::create(&folder, "t-0").unwrap();
        file.write_all(b"{}\n").unwrap();
        file.write_all(b"{}\n").unwrap();
        let hidden = names(&folder);
        assert!(hidden[0].starts_with(".t-0#") && is_temporary(&hidden[0]));
        file.persist_as("t-0-9.json").unwrap();
        assert_eq!(names(&folder), ["t-0-9.json"]);
        assert_eq!(
            std::fs::read(folder.join("t-0-9.json")).unwrap(),
            b"{}\n{}\n"
        );
    }

    #[test]
    fn a_dropped_file_leaves_nothing_and_a_taken_name_is_kept() {
        let root = tempfile::tempdir().unwrap();
        drop(DurableFile::create(root.path(), "a").unwrap());
        std::fs::write(root.path().join("taken"), "old").unwrap();
        let file = DurableFile::create(root.path(), "a").unwrap();
        let error = file.persist_as("taken").unwrap_err();
        assert!(matches!(error, object_store::Error::AlreadyExists { .. }));
        assert_eq!(names(root.path()), ["taken"]);
        assert_eq!(std::fs::read(root.path().join("taken")).unwrap(), b"old");
    }
}
