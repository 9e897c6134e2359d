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

use super::{FileOrdinal, FolderValues};

/// A file, or a part of one, by what differs from the one before it. Without names of
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
);

/// What the next file is compared with.
#[derive(Debug, Default)]
struct PreviousFile {
    path: String,
    modified_ms: i64,
    ordinal: i64,
    folder_values: FolderValues,
}

#[derive(Debug, Default)]
pub(super) struct PieceEncoder(PreviousFile);

#[derive(Debug, Default)]
pub(super) struct PieceDecoder(PreviousFile);

impl PieceEncoder {
    pub(super) fn encode_piece(&mut self, file: &PartitionedFile) -> FilePiece {
        let path = file.object_meta.location.to_string();
        let modified_ms = file.object_meta.last_modified.timestamp_millis();
        let ordinal = file.extension::<FileOrdinal>();
        let ordinal = ordinal.map_or(0, |ordinal| i64::from(ordinal.0));
        let folder_values = file.extension::<FolderValues>().cloned();
        let folder_values = folder_values.unwrap_or_default();
        let shared = shared_bytes(&self.0.path, &path);
        let piece = FilePiece(
            shared,
            path.get(shared..).unwrap_or_default().to_owned(),
            file.object_meta.size,
            modified_ms.wrapping_sub(self.0.modified_ms),
            ordinal - self.0.ordinal,
            file.range.as_ref().map(|range| (range.start, range.end)),
            (folder_values != self.0.folder_values).then(|| folder_values.clone()),
        );
        self.0 = PreviousFile {
            path,
            modified_ms,
            ordinal,
            folder_values,
        };
        piece
    }
}

impl PieceDecoder {
    pub(super) fn decode_piece(&mut self, piece: FilePiece) -> Result<PartitionedFile> {
        let FilePiece(shared, rest, size, later_ms, higher, range, folder_values) = piece;
        let previous = &mut self.0;
        if !previous.path.is_char_boundary(shared) {
            return Err(DataFusionError::Internal(
                "a list of files in a plan is damaged".to_owned(),
            ));
        }
        previous.path.truncate(shared);
        previous.path.push_str(&rest);
        previous.modified_ms = previous.modified_ms.wrapping_add(later_ms);
        previous.ordinal += higher;
        if let Some(folder_values) = folder_values {
            previous.folder_values = folder_values;
        }
        let location =
            Path::parse(&previous.path).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let last_modified = DateTime::from_timestamp_millis(previous.modified_ms);
        let file = PartitionedFile::new_from_meta(ObjectMeta {
            location,
            last_modified: last_modified.unwrap_or_default(),
            size,
            e_tag: None,
            version: None,
        })
        .with_extension(FileOrdinal(u32::try_from(previous.ordinal).unwrap_or(0)))
        .with_extension(previous.folder_values.clone());
        Ok(match range {
            Some((start, end)) => file.with_range(start, end),
            None => file,
        })
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
            "{:?} {:?} {:?} {:?}",
            file.object_meta,
            file.range,
            file.extension::<FileOrdinal>(),
            file.extension::<FolderValues>(),
        )
    }

    #[test]
    fn files_are_the_same_after_the_way() {
        let files = [
            file("landing/day=1/ä.json", 10, 1_000, 4, Some("1")),
            file("landing/day=1/ä.json", 10, 1_000, 4, Some("1")).with_range(5, 10),
            // Differs in the second byte of a letter.
            file("landing/day=1/å.json", 0, -5, 5, Some("1")),
            file("landing/day=1", u64::MAX, i64::from(u32::MAX), 0, None),
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
        let piece = FilePiece(7, String::new(), 0, 0, 0, None, None);
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
