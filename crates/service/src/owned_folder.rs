//! Folders that belong to one process at a time.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

/// The file whose lock protects the folder.
const LOCK_FILE: &str = "process.lock";

/// How long to wait for the previous owner: a process that was just killed holds
/// its lock until the system has removed the process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a folder cannot be locked.
#[derive(Debug, Error)]
pub enum FolderError {
    /// It cannot be created, or nothing can be written there.
    #[error("cannot use the folder {path}: {source}; check that it can be created and written", path = path.display())]
    Unusable {
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// Another process holds its lock.
    #[error("the folder {path} is in use{by}; give each process its own folder", path = path.display())]
    InUse {
        path: PathBuf,
        /// ` by process N`, when the lock file names the process.
        by: String,
    },
}

/// A folder whose lock is held; dropping it releases the lock. The system holds
/// the lock, so it ends with the process, however the process ends.
#[derive(Debug)]
pub struct OwnedFolder {
    path: PathBuf,
    _lock: File,
}

impl OwnedFolder {
    /// Creates `path` if it does not exist, and locks it for this process. Blocks
    /// for up to two seconds while another process holds the lock.
    ///
    /// # Errors
    /// When the folder cannot be used, or another process holds its lock.
    pub fn acquire(path: &Path) -> Result<Self, FolderError> {
        let unusable = |source| FolderError::Unusable {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(unusable)?;
        let started_at = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started_at.elapsed() < LOCK_TIMEOUT => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(FolderError::InUse {
                        by: owner_suffix(&mut lock),
                        path,
                    });
                }
                Err(TryLockError::Error(source)) => return Err(unusable(source)),
            }
        }
        lock.set_len(0).map_err(unusable)?;
        writeln!(lock, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { path, _lock: lock })
    }

    /// The folder's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes and creates the subfolder `name`, so that it holds no files of an
    /// earlier process.
    ///
    /// # Errors
    /// When something in the subfolder cannot be removed.
    pub fn recreate_subfolder(&self, name: &str) -> Result<PathBuf, FolderError> {
        let path = self.path.join(name);
        let unusable = |source| FolderError::Unusable {
            path: path.clone(),
            source,
        };
        match std::fs::remove_dir_all(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(error)),
        }
        std::fs::create_dir_all(&path).map_err(unusable)?;
        Ok(path)
    }
}

fn owner_suffix(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.rewind().and_then(|()| lock.read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(id)) => format!(" by process {id}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_and_can_be_taken_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let first = OwnedFolder::acquire(&path).unwrap();
        let error = OwnedFolder::acquire(&path).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("in use by process {}", std::process::id())),
            "{text}"
        );
        drop(first);
        OwnedFolder::acquire(&path).unwrap();
    }

    #[test]
    fn fresh_folders_hold_nothing_old() {
        let root = tempfile::tempdir().unwrap();
        let folder = OwnedFolder::acquire(root.path()).unwrap();
        let inner = folder.recreate_subfolder("shuffle").unwrap();
        std::fs::create_dir(inner.join("job")).unwrap();
        assert_eq!(folder.recreate_subfolder("shuffle").unwrap(), inner);
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_the_way_is_an_error_with_its_path() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = OwnedFolder::acquire(&file).unwrap_err();
        assert!(matches!(error, FolderError::Unusable { .. }));
        assert!(error.to_string().contains("file"));
    }
}
