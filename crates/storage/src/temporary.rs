//! Names of files that are being written, and removal of leftover ones.
//!
//! A temporary file is in the folder of the final file and is called
//! `<final name>#<digits>`. Listings of the local store skip such names, Delta
//! readers read only the files named in the log, and `*.json` or `*.parquet`
//! does not match them.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// A new temporary name for a final path.
pub(crate) fn temporary_name_for(path: &Path) -> PathBuf {
    // 64 random bits: writers on several machines may share one folder.
    let random = uuid::Uuid::new_v4().as_u64_pair().1;
    let mut name = OsString::from(path.as_os_str());
    name.push(format!("#{random}"));
    name.into()
}

/// Whether this is the name of a temporary file (of this crate or of
/// `object_store`'s local store).
pub fn is_temporary(file_name: &str) -> bool {
    final_name(file_name).is_some()
}

/// The final name that a temporary name stands for.
fn final_name(file_name: &str) -> Option<&str> {
    let (name, digits) = file_name.split_once('#')?;
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

/// Removes the temporary files in `folder` and below whose final name `matches`,
/// and returns how many. Use it only for names whose writers are known to have
/// ended: a running writer would lose its file.
///
/// Blocks. A missing folder counts as empty. Symbolic links are not followed.
pub fn remove_temporaries(folder: &Path, matches: impl Fn(&str) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    let mut pending_folders = vec![folder.to_path_buf()];
    while let Some(folder) = pending_folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending_folders.push(entry.path());
                continue;
            }
            let name = entry.file_name();
            let name_matches = name.to_str().and_then(final_name).is_some_and(&matches);
            if kind.is_file() && name_matches {
                match std::fs::remove_file(entry.path()) {
                    Ok(()) => removed += 1,
                    // Its writer removed it first.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_leftovers_with_the_prefix_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("day=1");
        std::fs::create_dir(&below).unwrap();
        let names = [
            "part-a-1.parquet#12",
            "part-b-1.parquet#9",
            "part-a-2.parquet",
            "part-a#x",
        ];
        for name in names {
            std::fs::write(folder.path().join(name), "x").unwrap();
            std::fs::write(below.join(name), "x").unwrap();
        }
        assert_eq!(
            remove_temporaries(folder.path(), |n| n.starts_with("part-a-")).unwrap(),
            2
        );
        assert!(!below.join(names[0]).exists());
        for name in &names[1..] {
            assert!(below.join(name).exists(), "{name}");
        }
        assert_eq!(
            remove_temporaries(&folder.path().join("none"), |_| true).unwrap(),
            0
        );
        let name = temporary_name_for(Path::new("/a/b.json"));
        assert!(is_temporary(name.file_name().unwrap().to_str().unwrap()));
    }
}
