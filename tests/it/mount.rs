//! Small and read-only file systems, where the machine lets us make them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system that a test mounted; it goes with this.
#[derive(Debug)]
pub struct Mount {
    path: PathBuf,
}

impl Mount {
    /// Mounts a file system in memory at `path`. Nothing, and said so, when
    /// that is not allowed here.
    pub fn memory(path: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path)
            .output();
        match output {
            Ok(output) if output.status.success() => Some(Self {
                path: path.to_owned(),
            }),
            Ok(output) => skipped(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => skipped(&error.to_string()),
        }
    }

    /// Changes its options, such as `ro`.
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

fn skipped(why: &str) -> Option<Mount> {
    eprintln!(
        "SKIPPED: cannot mount a file system for the test (it takes root): {}",
        why.trim()
    );
    None
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process that the test lost may still hold a file.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
