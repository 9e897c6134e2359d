//! Whether files can be created in a local folder.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Checks that files can be created in a folder that may not exist yet, without
/// creating anything. A store decides when a file is written; this only finds the
/// common reasons early.
///
/// # Errors
/// The error that creating a file would give.
pub(crate) fn check_writable_folder(folder: &Path) -> io::Result<()> {
    let existing = folder
        .ancestors()
        .find(|path| path.symlink_metadata().is_ok());
    let Some(existing) = existing else {
        return Ok(());
    };
    if !existing.metadata()?.is_dir() {
        let problem = format!("{} is not a folder", existing.display());
        return Err(io::Error::new(io::ErrorKind::NotADirectory, problem));
    }
    let existing = CString::new(existing.as_os_str().as_bytes())?;
    check_access(&existing)?;
    check_space(&existing)
}

fn check_access(folder: &CString) -> io::Result<()> {
    // SAFETY: the pointer is to a string that ends with NUL and outlives the call.
    match unsafe { libc::access(folder.as_ptr(), libc::W_OK | libc::X_OK) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn check_space(folder: &CString) -> io::Result<()> {
    let mut space = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: both pointers are valid for the call, and the first is to a string
    // that ends with NUL.
    if unsafe { libc::statvfs(folder.as_ptr(), space.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call returned 0, so it filled the structure.
    let space = unsafe { space.assume_init() };
    // File systems without a size report no blocks.
    if space.f_bfree == 0 && space.f_blocks > 0 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_that_exists_decides() {
        let folder = tempfile::tempdir().unwrap();
        check_writable_folder(folder.path()).unwrap();
        check_writable_folder(&folder.path().join("a/b/c")).unwrap();
        assert!(!folder.path().join("a").exists());
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = check_writable_folder(&file.join("table")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
        assert!(
            error.to_string().contains("file is not a folder"),
            "{error}"
        );
        // A file system that takes no files, for any user.
        let error = check_writable_folder(Path::new("/proc/self/table")).err();
        let kind = error.map(|error| error.kind());
        assert!(
            kind.is_none() || kind == Some(io::ErrorKind::PermissionDenied),
            "{kind:?}"
        );
    }
}
