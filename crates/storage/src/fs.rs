//! The file system calls that a durable write makes, as a trait, so that a test
//! can record their order and make any of them fail.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What [`crate::DurableLocal`] needs from a file system. All calls block.
pub trait DurableFs: fmt::Debug + Send + Sync + 'static {
    /// Creates a file that must not exist, for writing.
    fn create_new(&self, path: &Path) -> io::Result<File>;
    /// Writes all bytes at an offset.
    fn write_at(&self, file: &File, path: &Path, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Asks the system to start writing bytes to the disk, so that
    /// [`DurableFs::sync_file`] waits less. Guarantees nothing.
    fn begin_sync(&self, _file: &File, _offset: u64, _length: u64) {}
    /// Makes a file's bytes and size durable.
    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()>;
    /// Gives a file a second name that must not exist.
    fn link_file(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames a file, and replaces the file that has the new name.
    fn rename_file(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Creates one folder.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder's entries durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFs;

impl DurableFs for RealFs {
    fn create_new(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    fn write_at(&self, file: &File, _: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    #[cfg(target_os = "linux")]
    fn begin_sync(&self, file: &File, offset: u64, length: u64) {
        use std::os::fd::AsRawFd as _;
        let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else {
            return;
        };
        // SAFETY: no pointers, and the descriptor is open. The result does not
        // matter: a file system without this call returns an error.
        unsafe {
            libc::sync_file_range(
                file.as_raw_fd(),
                offset,
                length,
                libc::SYNC_FILE_RANGE_WRITE,
            );
        }
    }

    fn sync_file(&self, file: &File, _: &Path) -> io::Result<()> {
        // fdatasync: the size counts as data, the access times do not.
        file.sync_data()
    }

    fn link_file(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn rename_file(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}
