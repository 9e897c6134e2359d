//! What jobs did in detail, in files next to their records: `details/<job id>.json`.
//!
//! Nothing depends on them. They are written once, at the end of a job, and read
//! when someone looks. The oldest ones are removed when all together are too large.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::driver::JobDetails;

/// What all files together may have, in bytes, and what is left when they have more.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
const BYTES_LEFT: u64 = 192 * 1024 * 1024;

fn details_path(folder: &Path, job_id: &str) -> PathBuf {
    folder.join(format!("{job_id}.json"))
}

/// Writes the details of a job that has ended.
pub(super) fn write_details(folder: &Path, job_id: &str, details: &JobDetails) -> io::Result<()> {
    let path = details_path(folder, job_id);
    let temporary = path.with_extension("tmp");
    let written = serde_json::to_vec(details)
        .map_err(io::Error::from)
        .and_then(|text| fs::write(&temporary, text))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(temporary);
    }
    written
}

/// The details of a job that has ended; none when there is no file.
pub(in crate::jobs) fn read_details(folder: &Path, job_id: &str) -> io::Result<JobDetails> {
    match fs::read(details_path(folder, job_id)) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(JobDetails::default()),
        Err(error) => Err(error),
    }
}

pub(super) fn remove_details(folder: &Path, job_id: &str) -> io::Result<()> {
    match fs::remove_file(details_path(folder, job_id)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes the oldest files if all together are too large.
pub(super) fn remove_oldest(folder: &Path) -> io::Result<()> {
    remove_oldest_until(folder, MAX_BYTES, BYTES_LEFT)
}

fn remove_oldest_until(folder: &Path, most: u64, left: u64) -> io::Result<()> {
    let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        files.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    if total <= most {
        return Ok(());
    }
    files.sort();
    for (_, bytes, path) in files {
        if total <= left {
            break;
        }
        fs::remove_file(path)?;
        total -= bytes;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::driver::StepDetails;

    #[test]
    fn details_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let details = JobDetails {
            steps: vec![StepDetails {
                name: "write a".to_owned(),
                ..StepDetails::default()
            }],
            text: Some("SELECT 1".to_owned()),
        };
        write_details(folder.path(), "a", &details).unwrap();
        assert_eq!(read_details(folder.path(), "a").unwrap(), details);
        assert_eq!(
            read_details(folder.path(), "b").unwrap(),
            JobDetails::default()
        );
        remove_details(folder.path(), "a").unwrap();
        remove_details(folder.path(), "a").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_oldest_files_go_first() {
        let folder = tempfile::tempdir().unwrap();
        for (age, name) in [(30, "old"), (20, "middle"), (10, "new")] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let file = fs::File::open(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age))
                .unwrap();
        }
        remove_oldest_until(folder.path(), 300, 100).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        remove_oldest_until(folder.path(), 299, 200).unwrap();
        assert!(!folder.path().join("old").exists() && folder.path().join("middle").exists());
    }
}
