//! Small and read-only file systems, where the machine permits mounting them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system that a test mounted; it is unmounted on drop.
#[derive(Debug)]
pub struct Mount {
    path: PathBuf,
}

impl Mount {
    /// Mounts a file system in memory at `path`. Where that is not allowed, it
    /// prints so and gives nothing.
    pub fn mount_memory(path: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path)
            .output();
        match output {
            Ok(output) if output.status.success() => Some(Self {
                path: path.to_owned(),
            }),
            Ok(output) => report_skipped(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => report_skipped(&error.to_string()),
        }
    }

    /// Makes a folder read-only, also for processes that have files below it open:
    /// it is mounted over itself.
    pub fn mount_read_only(path: &Path) -> Option<Self> {
        let output = Command::new("mount")
            .arg("--bind")
            .args([path, path])
            .output();
        match output {
            Ok(output) if output.status.success() => {
                let mount = Self {
                    path: path.to_owned(),
                };
                mount.remount("bind,ro");
                Some(mount)
            }
            Ok(output) => report_skipped(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => report_skipped(&error.to_string()),
        }
    }

    /// Changes the mount options, for example to `ro`.
    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let status = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.path)
            .status()
            .unwrap();
        assert!(status.success(), "mount -o {options}");
    }
}

fn report_skipped(why: &str) -> Option<Mount> {
    eprintln!(
        "SKIPPED: cannot mount a file system for the test (root is required): {}",
        why.trim()
    );
    None
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process of the test may still have a file open.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
