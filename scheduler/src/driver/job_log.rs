//! The log of one job, a text file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sluice_proto::v1::{LogLevel, LogLine};

/// The log of one job: lines of `<time> <level> <target> <message>`.
#[derive(Debug)]
pub struct LogFile {
    file: BufWriter<File>,
}

impl LogFile {
    /// The path of a job's log below a state folder.
    pub fn path_of(state_dir: &Path, job_id: &str) -> PathBuf {
        state_dir.join("logs").join(format!("{job_id}.log"))
    }

    /// Creates the log file of a job.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(state_dir: &Path, job_id: &str) -> std::io::Result<Self> {
        let path = Self::path_of(state_dir, job_id);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self {
            file: BufWriter::new(File::create(path)?),
        })
    }

    pub(super) fn append_line(&mut self, line: &LogLine) {
        let time = chrono::DateTime::from_timestamp_millis(line.at_ms).unwrap_or_default();
        let level = line.level().as_str_name().trim_start_matches("LOG_LEVEL_");
        let message = line.message.replace('\n', "\\n");
        let written = writeln!(
            self.file,
            "{} {level} {} {message}",
            time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            line.target
        );
        // A log that cannot be written must not fail the job.
        let _ = written.and_then(|()| self.file.flush());
    }

    /// The lines of a past job's log.
    ///
    /// # Errors
    /// When the file cannot be read; a job without a log has no lines.
    pub fn read_lines(state_dir: &Path, job_id: &str) -> std::io::Result<Vec<LogLine>> {
        let text = match std::fs::read_to_string(Self::path_of(state_dir, job_id)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        Ok(text.lines().filter_map(parse_log_line).collect())
    }
}

fn parse_log_line(line: &str) -> Option<LogLine> {
    let mut parts = line.splitn(4, ' ');
    let time = chrono::DateTime::parse_from_rfc3339(parts.next()?).ok()?;
    let level = LogLevel::from_str_name(&format!("LOG_LEVEL_{}", parts.next()?))?;
    let target = parts.next()?.to_owned();
    let message = parts.next().unwrap_or_default().replace("\\n", "\n");
    Some(LogLine {
        at_ms: time.timestamp_millis(),
        level: level.into(),
        target,
        message,
    })
}
