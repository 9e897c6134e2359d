//! Writes lines into the files of a landing folder.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sluice_compression::CompressingWriter;
pub use sluice_compression::Compression;
use thiserror::Error;

use crate::lines::{LineKind, Lines};
use crate::topic::TopicGenerator;

/// Lines are collected up to this many bytes before they are written.
const CHUNK_BYTES: usize = 256 * 1024;

/// What was written for one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteStats {
    /// How many files.
    pub files: u64,
    /// How many lines, each with a newline at its end.
    pub lines: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// Lines with the same bytes as an earlier line.
    pub duplicates: u64,
    /// Lines with the id of an earlier line, but another status and time.
    pub updates: u64,
    /// Good lines with a timestamp long before their neighbours'.
    pub late: u64,
    /// Lines that lack a required field.
    pub incomplete: u64,
    /// Lines that are not events, or have a value of the wrong type.
    pub malformed: u64,
}

/// A landing file could not be written.
#[derive(Debug, Error)]
#[error("cannot write {path}; check that the folder is writable and the disk has room")]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// The system's error.
    #[source]
    pub source: io::Error,
}

/// Writes the next `total` lines into `files` files (at least 1) of equal length,
/// in `landing/<topic>/`.
///
/// A file's name is the topic, the second in which its first line happened and
/// its number, as in `user_events_1767940385_00000.json`. It appears under that name
/// only when it is complete; before, its name begins with a dot.
///
/// # Errors
/// When a folder or file cannot be created or written.
pub fn write_files<T: TopicGenerator>(
    lines: &mut Lines<T>,
    landing: &Path,
    total: u64,
    files: u32,
    compression: Compression,
) -> Result<WriteStats, WriteError> {
    let folder = landing.join(T::NAME);
    fs::create_dir_all(&folder).map_err(|source| WriteError {
        path: folder.clone(),
        source,
    })?;
    let mut written = WriteStats::default();
    let files = u64::from(files.max(1));
    for number in 0..files {
        let count = total * (number + 1) / files - total * number / files;
        write_file(lines, &folder, number, count, compression, &mut written)?;
    }
    Ok(written)
}

fn write_file<T: TopicGenerator>(
    lines: &mut Lines<T>,
    folder: &Path,
    number: u64,
    count: u64,
    compression: Compression,
    written: &mut WriteStats,
) -> Result<(), WriteError> {
    let second = lines.next_second();
    let name = format!("{}_{second}_{number:05}{}", T::NAME, compression.suffix());
    let (partial, complete) = (folder.join(format!(".{name}.part")), folder.join(&name));
    let at = |source| WriteError {
        path: complete.clone(),
        source,
    };
    let file = BufWriter::new(File::create(&partial).map_err(at)?);
    let mut out = CompressingWriter::new(compression, file).map_err(at)?;
    let mut chunk = Vec::with_capacity(CHUNK_BYTES + 4_096);
    for _ in 0..count {
        let kind = lines.append_line(&mut chunk).kind;
        chunk.extend_from_slice(b"\n");
        written.count_line(kind);
        if chunk.len() >= CHUNK_BYTES {
            written.bytes += chunk.len() as u64;
            out.write_all(&chunk).map_err(at)?;
            chunk.clear();
        }
    }
    written.bytes += chunk.len() as u64;
    out.write_all(&chunk).map_err(at)?;
    out.finish().and_then(|mut file| file.flush()).map_err(at)?;
    fs::rename(&partial, &complete).map_err(at)?;
    written.files += 1;
    Ok(())
}

impl WriteStats {
    fn count_line(&mut self, kind: LineKind) {
        self.lines += 1;
        match kind {
            LineKind::New => {}
            LineKind::Duplicate => self.duplicates += 1,
            LineKind::Update => self.updates += 1,
            LineKind::Late => self.late += 1,
            LineKind::Incomplete => self.incomplete += 1,
            LineKind::Malformed(_) => self.malformed += 1,
        }
    }
}
