//! The files of a scan, in few bytes.
//!
//! A source can have hundreds of thousands of files, whose paths are long and nearly
//! the same. So each file is described by what differs from the file before it.

use chrono::DateTime;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::error::{DataFusionError, Result};
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::joined_run::{JoinedPart, JoinedRun};
use super::{FileOrdinal, FolderValues};

/// A file, or a range of one, by what differs from the one before it. Without names of
/// fields, which would be most of the bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FilePiece(
    /// How many bytes of the path are those of the one before.
    usize,
    /// The rest of the path.
    String,
    /// Bytes of the file.
    u64,
    /// Milliseconds by which it was modified later.
    i64,
    /// By how much its ordinal is higher.
    i64,
    /// The bytes to read; all when not set.
    Option<(i64, i64)>,
    /// The values of its folders, when they differ.
    Option<FolderValues>,
    /// Where its bytes are, when they are in a joined file.
    Option<RunPiece>,
);

/// Adjacent parts of a joined file, of which the first is the [`FilePiece`], by what
/// differs from the ones before.
#[derive(Debug, Serialize, Deserialize)]
struct RunPiece(
    /// The path of the joined file, when it differs.
    Option<String>,
    /// By how much the first part begins after the end of the parts before.
    i64,
    /// The other parts.
    Vec<FilePiece>,
);

/// What the next file is compared with.
#[derive(Debug, Default)]
struct PreviousFile {
    path: String,
    modified_ms: i64,
    ordinal: i64,
    folder_values: FolderValues,
    run_path: String,
    /// The offset after the last run in its joined file.
    run_end: u64,
}

fn parse_path(text: &str) -> Result<Path> {
    Path::parse(text).map_err(|e| DataFusionError::External(Box::new(e)))
}

#[derive(Debug, Default)]
pub(super) struct PieceEncoder(PreviousFile);

#[derive(Debug, Default)]
pub(super) struct PieceDecoder(PreviousFile);

impl PieceEncoder {
    pub(super) fn encode_piece(&mut self, file: &PartitionedFile) -> FilePiece {
        let ordinal = file.extension::<FileOrdinal>().copied();
        let ordinal = ordinal.unwrap_or(FileOrdinal(0));
        let folder_values = file.extension::<FolderValues>().cloned();
        let folder_values = folder_values.unwrap_or_default();
        let run = file.extension::<JoinedRun>();
        let meta = run.and_then(|run| run.parts.first()).map(|part| &part.meta);
        let mut piece = self.encode_meta(meta.unwrap_or(&file.object_meta), ordinal);
        piece.5 = file.range.as_ref().map(|range| (range.start, range.end));
        if folder_values != self.0.folder_values {
            piece.6 = Some(folder_values.clone());
            self.0.folder_values = folder_values;
        }
        piece.7 = run.map(|run| self.encode_run(run));
        piece
    }

    fn encode_meta(&mut self, meta: &ObjectMeta, ordinal: FileOrdinal) -> FilePiece {
        let previous = &mut self.0;
        let path = meta.location.to_string();
        let modified_ms = meta.last_modified.timestamp_millis();
        let ordinal = i64::from(ordinal.0);
        let shared = shared_bytes(&previous.path, &path);
        let piece = FilePiece(
            shared,
            path.get(shared..).unwrap_or_default().to_owned(),
            meta.size,
            modified_ms.wrapping_sub(previous.modified_ms),
            ordinal - previous.ordinal,
            None,
            None,
            None,
        );
        previous.path = path;
        previous.modified_ms = modified_ms;
        previous.ordinal = ordinal;
        piece
    }

    fn encode_run(&mut self, run: &JoinedRun) -> RunPiece {
        let previous = &mut self.0;
        let path = run.path.to_string();
        let is_other = path != previous.run_path;
        let gap = run.offset.wrapping_sub(previous.run_end).cast_signed();
        previous.run_path.clone_from(&path);
        previous.run_end = run.end();
        let others = run.parts.iter().skip(1);
        RunPiece(
            is_other.then_some(path),
            gap,
            others
                .map(|part| self.encode_meta(&part.meta, part.ordinal))
                .collect(),
        )
    }
}

impl PieceDecoder {
    pub(super) fn decode_piece(&mut self, piece: FilePiece) -> Result<PartitionedFile> {
        let (mut part, FilePiece(.., range, folder_values, run)) = self.decode_meta(piece)?;
        if let Some(folder_values) = folder_values {
            self.0.folder_values = folder_values;
        }
        let ordinal = part.ordinal;
        let run = run.map(|run| self.decode_run(run, &part)).transpose()?;
        if let Some(run) = &run {
            part.meta.size = run.size();
        }
        let file = PartitionedFile::new_from_meta(part.meta)
            .with_extension(ordinal)
            .with_extension(self.0.folder_values.clone());
        let file = match run {
            Some(run) => file.with_extension(run),
            None => file,
        };
        Ok(match range {
            Some((start, end)) => file.with_range(start, end),
            None => file,
        })
    }

    fn decode_meta(&mut self, piece: FilePiece) -> Result<(JoinedPart, FilePiece)> {
        let FilePiece(shared, rest, size, later_ms, higher, ..) = &piece;
        let previous = &mut self.0;
        if !previous.path.is_char_boundary(*shared) {
            return Err(DataFusionError::Internal(
                "a list of files in a plan is damaged".to_owned(),
            ));
        }
        previous.path.truncate(*shared);
        previous.path.push_str(rest);
        previous.modified_ms = previous.modified_ms.wrapping_add(*later_ms);
        previous.ordinal += higher;
        let last_modified = DateTime::from_timestamp_millis(previous.modified_ms);
        let meta = ObjectMeta {
            location: parse_path(&previous.path)?,
            last_modified: last_modified.unwrap_or_default(),
            size: *size,
            e_tag: None,
            version: None,
        };
        let ordinal = FileOrdinal(u32::try_from(previous.ordinal).unwrap_or(0));
        Ok((JoinedPart { meta, ordinal }, piece))
    }

    fn decode_run(&mut self, piece: RunPiece, first: &JoinedPart) -> Result<JoinedRun> {
        let RunPiece(path, gap, others) = piece;
        if let Some(path) = path {
            self.0.run_path = path;
        }
        let path = parse_path(&self.0.run_path)?;
        let offset = self.0.run_end.wrapping_add(gap.cast_unsigned());
        let mut parts = vec![first.clone()];
        for other in others {
            parts.push(self.decode_meta(other)?.0);
        }
        let run = JoinedRun {
            path,
            offset,
            parts,
        };
        self.0.run_end = run.end();
        Ok(run)
    }
}

/// How many bytes two texts share at their beginnings.
fn shared_bytes(a: &str, b: &str) -> usize {
    let pairs = a.bytes().zip(b.bytes());
    let mut shared = pairs.take_while(|(a, b)| a == b).count();
    while !b.is_char_boundary(shared) {
        shared -= 1;
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, size: u64, at_ms: i64, ordinal: u32, day: Option<&str>) -> PartitionedFile {
        PartitionedFile::new_from_meta(ObjectMeta {
            location: Path::parse(path).unwrap(),
            last_modified: DateTime::from_timestamp_millis(at_ms).unwrap(),
            size,
            e_tag: None,
            version: None,
        })
        .with_extension(FileOrdinal(ordinal))
        .with_extension(FolderValues(vec![day.map(str::to_owned)]))
    }

    fn describe(file: &PartitionedFile) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            file.object_meta,
            file.range,
            file.extension::<FileOrdinal>(),
            file.extension::<FolderValues>(),
            file.extension::<JoinedRun>(),
        )
    }

    /// The file as the first part of a joined one, with others of 7 bytes after it.
    fn in_joined(
        mut file: PartitionedFile,
        path: &str,
        offset: u64,
        others: &[&str],
    ) -> PartitionedFile {
        let mut parts = vec![JoinedPart {
            meta: file.object_meta.clone(),
            ordinal: *file.extension::<FileOrdinal>().unwrap(),
        }];
        parts.extend((20..).zip(others).map(|(number, name)| JoinedPart {
            meta: ObjectMeta {
                location: Path::parse(name).unwrap(),
                last_modified: DateTime::from_timestamp_millis(i64::from(number)).unwrap(),
                size: 7,
                e_tag: None,
                version: None,
            },
            ordinal: FileOrdinal(number),
        }));
        let run = JoinedRun {
            path: Path::parse(path).unwrap(),
            offset,
            parts,
        };
        file.object_meta.size = run.size();
        file.with_extension(run)
    }

    #[test]
    fn files_are_the_same_after_the_way() {
        let files = [
            file("landing/day=1/ä.json", 10, 1_000, 4, Some("1")),
            file("landing/day=1/ä.json", 10, 1_000, 4, Some("1")).with_range(5, 10),
            // Differs in the second byte of a letter.
            file("landing/day=1/å.json", 0, -5, 5, Some("1")),
            file("landing/day=1", u64::MAX, i64::from(u32::MAX), 0, None),
            in_joined(
                file("p-0.json", 7, 5, 1, None),
                "_joined/0-9.json",
                3,
                &["p-1", "q"],
            ),
            in_joined(file("p-3.json", 1, 5, 9, None), "_joined/0-9.json", 24, &[])
                .with_range(0, 1),
            in_joined(
                file("p-3.json", 9, 5, 9, None),
                "_joined/0-9.json",
                2,
                &["ü"],
            ),
            file("p-4.json", 10, 5, 3, None),
            in_joined(
                file("p-5.json", 1, 5, 5, None),
                "_joined/9.json",
                1 << 60,
                &["r"],
            ),
            file("other", 1, 0, u32::MAX, Some("2")),
        ];
        let mut encoder = PieceEncoder::default();
        let pieces: Vec<FilePiece> = files
            .iter()
            .map(|file| encoder.encode_piece(file))
            .collect();
        let text = serde_json::to_string(&pieces).unwrap();
        let mut decoder = PieceDecoder::default();
        for (piece, file) in serde_json::from_str::<Vec<FilePiece>>(&text)
            .unwrap()
            .into_iter()
            .zip(&files)
        {
            let decoded = decoder.decode_piece(piece).unwrap();
            assert_eq!(describe(&decoded), describe(file), "{text}");
        }
    }

    #[test]
    fn a_path_of_another_list_is_an_error() {
        let piece = FilePiece(7, String::new(), 0, 0, 0, None, None, None);
        PieceDecoder::default().decode_piece(piece).unwrap_err();
    }

    #[test]
    fn a_file_with_a_long_path_takes_few_bytes() {
        let folder = "x".repeat(150);
        let mut encoder = PieceEncoder::default();
        let pieces: Vec<FilePiece> = (0..10_000)
            .map(|number| {
                let path = format!("lake/{folder}/events/part-{number:08}-of-a-batch.json");
                let at = 1_700_000_000_000 + i64::from(number) * 60_000;
                encoder.encode_piece(&file(&path, 1_000, at, number, None))
            })
            .collect();
        let text = serde_json::to_vec(&pieces).unwrap();
        assert!(text.len() < 10_000 * 64, "{}", text.len());
        // As in a plan: a million files take less than a third of what one may have.
        let bytes = zstd::encode_all(text.as_slice(), 1).unwrap().len();
        assert!(bytes < 10_000 * 16, "{bytes}");
    }
}
