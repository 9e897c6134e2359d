//! Shuffled and staged data on this executor's disk.
//!
//! Each job has a folder, and so has each staged relation. The scheduler
//! requests their removal when they are not needed any more. Folders whose
//! removal it never requests (it was restarted, or a cancelled task wrote once
//! more) are removed when they are old.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::tasks::RunningTasks;

/// The data folder of an executor.
#[derive(Debug, Clone)]
pub(crate) struct ShuffleData {
    folder: PathBuf,
}

impl ShuffleData {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Whether no job has data here.
    pub(crate) fn is_empty(&self) -> bool {
        self.job_folders().is_empty()
    }

    /// Removes all folders except those of tasks that started at or after
    /// `since`, and gives their number.
    pub(crate) fn remove_older_than(&self, tasks: &RunningTasks, since: Instant) -> usize {
        self.remove_where(|name, _| !tasks.has_job_since(name, since))
    }

    /// Removes what is kept for a job or staged relation: all of it, or only some
    /// stages.
    pub(crate) fn remove_job(&self, job: &str, stages: &[u32]) {
        let folder = self.folder.join(job);
        if stages.is_empty() {
            remove_folder(&folder);
        }
        for stage in stages {
            remove_folder(&folder.join(stage.to_string()));
        }
    }

    /// Removes folders that have not been written to for `ttl`, and gives their
    /// number.
    pub(crate) fn remove_untouched(
        &self,
        tasks: &RunningTasks,
        ttl: Duration,
        now: SystemTime,
    ) -> usize {
        self.remove_where(|name, path| {
            !tasks.has_job(name)
                && last_modified(path)
                    .and_then(|newest| now.duration_since(newest).ok())
                    .is_some_and(|age| age > ttl)
        })
    }

    fn remove_where(&self, is_old: impl Fn(&str, &Path) -> bool) -> usize {
        let mut removed = 0;
        for path in self.job_folders() {
            let name = path
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            if !is_old(&name, &path) {
                continue;
            }
            removed += usize::from(remove_folder(&path));
        }
        removed
    }

    fn job_folders(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect()
    }
}

/// Removes a folder, and says whether it existed and is gone.
fn remove_folder(path: &Path) -> bool {
    match std::fs::remove_dir_all(path) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => {
            tracing::warn!("cannot remove {}: {error}", path.display());
            false
        }
    }
}

/// When anything in a folder was last written.
fn last_modified(folder: &Path) -> Option<SystemTime> {
    let mut latest = std::fs::metadata(folder).ok()?.modified().ok()?;
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let meta = entry.metadata().ok()?;
        let time = if meta.is_dir() {
            last_modified(&entry.path())?
        } else {
            meta.modified().ok()?
        };
        latest = latest.max(time);
    }
    Some(latest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::test_task;

    fn folder_with(jobs: &[&str]) -> (tempfile::TempDir, ShuffleData) {
        let root = tempfile::tempdir().unwrap();
        for job in jobs {
            let path = root.path().join(job).join("1/0");
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("data.arrow"), "x").unwrap();
        }
        let shuffle = ShuffleData::new(root.path().to_owned());
        (root, shuffle)
    }

    #[test]
    fn only_what_is_old_and_idle_is_swept() {
        let (root, shuffle) = folder_with(&["a", "b"]);
        let tasks = RunningTasks::default();
        let ttl = Duration::from_secs(3600);
        let now = SystemTime::now();
        assert_eq!(shuffle.remove_untouched(&tasks, ttl, now), 0);
        let running = tasks.start_task(test_task("a", 0));
        assert_eq!(shuffle.remove_untouched(&tasks, ttl, now + 2 * ttl), 1);
        assert!(root.path().join("a").exists() && !root.path().join("b").exists());
        drop(running);
        assert_eq!(shuffle.remove_untouched(&tasks, ttl, now + 2 * ttl), 1);
        assert!(shuffle.is_empty());
    }

    #[test]
    fn single_stages_of_a_job_are_removed() {
        let (root, shuffle) = folder_with(&["a"]);
        std::fs::create_dir(root.path().join("a/2")).unwrap();
        shuffle.remove_job("a", &[1, 7]);
        assert!(!root.path().join("a/1").exists() && root.path().join("a/2").exists());
        shuffle.remove_job("a", &[]);
        shuffle.remove_job("unknown", &[]);
        assert!(shuffle.is_empty());
    }

    #[test]
    fn a_new_scheduler_keeps_only_its_own_jobs() {
        let (root, shuffle) = folder_with(&["old", "new"]);
        let tasks = RunningTasks::default();
        let since = Instant::now();
        let _running = tasks.start_task(test_task("new", 0));
        assert_eq!(shuffle.remove_older_than(&tasks, since), 1);
        assert!(root.path().join("new").exists());
    }
}
