//! Reads the logs of jobs, whole or from an offset.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use sluice_proto::v1::{LogLevel, LogLine};

use super::job_log::{log_path, logs_folder};

/// How much a part of a log has at most, in bytes; a longer line is a part of its own.
const MAX_PART_BYTES: u64 = 1 << 20;
/// How much is read at a time while the last lines are looked for.
const BLOCK_BYTES: u64 = 64 * 1024;

/// Where a part of a log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStart {
    /// At this byte, which is the end of a part that was read before.
    Offset(u64),
    /// So many lines before the end.
    LastLines(usize),
}

/// Lines of a log that follow each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogPart {
    pub lines: Vec<LogLine>,
    /// Where the next part begins, in bytes.
    pub end: u64,
}

/// The lines of a past job's log.
///
/// # Errors
/// When the file cannot be read; a job without a log has no lines.
pub(crate) fn read_log_lines(state_dir: &Path, job_id: &str) -> io::Result<Vec<LogLine>> {
    let mut lines = Vec::new();
    let mut offset = 0;
    loop {
        let part = read_log_part(state_dir, job_id, LogStart::Offset(offset))?;
        if part.end == offset {
            return Ok(lines);
        }
        lines.extend(part.lines);
        offset = part.end;
    }
}

/// A part of a job's log. It ends where it began when there are no further lines.
///
/// # Errors
/// When the file cannot be read; a job without a log has no lines.
pub(crate) fn read_log_part(
    state_dir: &Path,
    job_id: &str,
    start: LogStart,
) -> io::Result<LogPart> {
    let path = log_path(&logs_folder(state_dir), job_id);
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LogPart::default()),
        other => other?,
    };
    let begin = match start {
        LogStart::Offset(offset) => offset.min(file.metadata()?.len()),
        LogStart::LastLines(count) => find_last_lines(&mut file, count)?,
    };
    file.seek(SeekFrom::Start(begin))?;
    let mut reader = BufReader::new(file);
    let mut part = LogPart {
        lines: Vec::new(),
        end: begin,
    };
    let mut line = Vec::new();
    while part.end - begin < MAX_PART_BYTES {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            // The rest is not written yet.
            break;
        }
        part.end += bytes as u64;
        part.lines
            .extend(parse_log_line(&String::from_utf8_lossy(&line)));
    }
    Ok(part)
}

/// The offset at which the last lines of a file begin.
fn find_last_lines(file: &mut File, count: usize) -> io::Result<u64> {
    let mut block_end = file.seek(SeekFrom::End(0))?;
    // The line end before them is looked for, in addition to their own ones.
    let mut wanted = count + 1;
    let mut block = Vec::new();
    while block_end > 0 {
        let block_start = block_end.saturating_sub(BLOCK_BYTES);
        file.seek(SeekFrom::Start(block_start))?;
        block.clear();
        let mut part = file.by_ref().take(block_end - block_start);
        part.read_to_end(&mut block)?;
        for (at, _) in (block.iter().enumerate().rev()).filter(|(_, byte)| **byte == b'\n') {
            wanted -= 1;
            if wanted == 0 {
                return Ok(block_start + at as u64 + 1);
            }
        }
        block_end = block_start;
    }
    Ok(0)
}

fn parse_log_line(line: &str) -> Option<LogLine> {
    let mut parts = line.splitn(3, ' ');
    let time = chrono::DateTime::parse_from_rfc3339(parts.next()?).ok()?;
    let level = LogLevel::from_str_name(&format!("LOG_LEVEL_{}", parts.next()?))?;
    let rest = parts.next()?;
    // Targets may have blanks, such as `dataset orders`.
    let (target, message) = rest.split_once(": ")?;
    Some(LogLine {
        at_ms: time.timestamp_millis(),
        level: level.into(),
        target: target.to_owned(),
        message: message.replace("\\n", "\n"),
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Write as _;

    use super::*;

    fn write_log(state_dir: &Path, text: &str) {
        std::fs::create_dir_all(logs_folder(state_dir)).unwrap();
        let path = log_path(&logs_folder(state_dir), "a");
        let file = File::options().create(true).append(true).open(path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn line(message: &str) -> String {
        format!("2026-01-02T03:04:05.678Z INFO dataset orders: {message}\n")
    }

    fn messages(part: &LogPart) -> Vec<&str> {
        let lines = part.lines.iter();
        lines.map(|line| line.message.as_str()).collect()
    }

    #[test]
    fn a_log_is_followed_from_the_end_of_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let read = |start| read_log_part(folder.path(), "a", start).unwrap();
        assert_eq!(read(LogStart::LastLines(5)), LogPart::default());
        write_log(folder.path(), &(line("one") + &line("two")));
        let first = read(LogStart::Offset(0));
        assert_eq!(messages(&first), ["one", "two"]);
        assert_eq!(first.lines[0].target, "dataset orders");
        assert_eq!(read(LogStart::Offset(first.end)).end, first.end);
        // A line counts when it is whole.
        let (begin, rest) = (&line("three")[..30], &line("three")[30..]);
        write_log(folder.path(), begin);
        assert_eq!(read(LogStart::Offset(first.end)).end, first.end);
        write_log(folder.path(), rest);
        let second = read(LogStart::Offset(first.end));
        assert_eq!(messages(&second), ["three"]);
        // Beyond the end is nothing.
        assert_eq!(messages(&read(LogStart::Offset(1 << 40))), [""; 0]);
    }

    #[test]
    fn the_last_lines_are_found_in_a_long_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::new();
        for number in 0..40_000 {
            write!(text, "{}", line(&number.to_string())).unwrap();
        }
        write_log(folder.path(), &text);
        let read = |start| read_log_part(folder.path(), "a", start).unwrap();
        for count in [1, 2, 5_000] {
            let part = read(LogStart::LastLines(count));
            assert_eq!(part.lines.len(), count);
            assert_eq!(part.lines[0].message, (40_000 - count).to_string());
            assert_eq!(part.end, text.len() as u64);
        }
        assert_eq!(messages(&read(LogStart::LastLines(0))), [""; 0]);
        // A part is bounded; all parts together are the log.
        assert!(read(LogStart::LastLines(100_000)).end < text.len() as u64);
        assert_eq!(read_log_lines(folder.path(), "a").unwrap().len(), 40_000);
    }

    #[test]
    fn bytes_that_are_no_text_and_lines_of_other_forms_hide_nothing() {
        let folder = tempfile::tempdir().unwrap();
        write_log(folder.path(), &(line("one") + "torn\n" + &line("two")));
        let path = log_path(&logs_folder(folder.path()), "a");
        let file = File::options().append(true).open(path);
        file.unwrap()
            .write_all(b"2026-01-02T03:04:05Z WARN driver: \xff\n")
            .unwrap();
        let lines = read_log_lines(folder.path(), "a").unwrap();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2].message, "\u{fffd}");
    }
}
