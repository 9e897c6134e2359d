//! Small jobs with folders of their own.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::data;
use crate::submit::{self, Output, RunningProgram};

/// The folders of a job over three events: job file, landing and gold.
pub struct JobFiles {
    folder: TempDir,
}

impl JobFiles {
    pub fn new() -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let events =
            "{\"user\":\"a\",\"n\":1}\n{\"user\":\"b\",\"n\":2}\n{\"user\":\"a\",\"n\":3}\n";
        data::write_file(&files.path("landing/events/a.json"), events);
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a job file of the common head and `rest`, which begins in line 6.
    pub fn write_job(&self, rest: &str) -> PathBuf {
        let head = "DECLARE VARIABLE landing STRING;\n\
                    DECLARE VARIABLE gold STRING;\n\
                    CREATE EXTERNAL TABLE events (user STRING, n BIGINT)\n\
                    STORED AS JSON\n\
                    LOCATION '${landing}/events';\n";
        let path = self.path("job.sql");
        data::write_file(&path, &format!("{head}{rest}"));
        path
    }

    /// Runs a job to its end.
    pub fn submit_job(&self, master: &str, job: &Path, more: &[&str]) -> Output {
        self.spawn_job(master, job, more).wait()
    }

    /// Starts a job.
    pub fn spawn_job(&self, master: &str, job: &Path, more: &[&str]) -> RunningProgram {
        let mut args = vec!["--master".to_owned(), master.to_owned()];
        args.extend(submit::job_args(
            job,
            &self.path("landing"),
            &self.path("gold"),
        ));
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        submit::spawn_submit(args)
    }
}
