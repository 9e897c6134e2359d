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

use super::{FileOrdinal, FolderValues, JoinedBytes};

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
    /// Where its bytes are, when they are a part of a joined file.
    Option<JoinedPiece>,
);

/// A part of a joined file, by what differs from the part before it.
#[derive(Debug, Serialize, Deserialize)]
struct JoinedPiece(
    /// The path of the joined file, when it differs.
    Option<String>,
    /// By how much the part begins after the end of the one before.
    i64,
    /// By how much [`JoinedBytes::read_to`] is greater.
    i64,
);

/// What the next file is compared with.
#[derive(Debug, Default)]
struct PreviousFile {
    path: String,
    modified_ms: i64,
    ordinal: i64,
    folder_values: FolderValues,
    joined: PreviousPart,
}

/// The part of a joined file that the next one is compared with.
#[derive(Debug, Default)]
struct PreviousPart {
    path: String,
    /// The offset after its last byte.
    end: u64,
    read_to: u64,
}

impl PreviousPart {
    fn encode_part(&mut self, joined: &JoinedBytes, size: u64) -> JoinedPiece {
        let path = joined.path.to_string();
        let piece = JoinedPiece(
            (path != self.path).then(|| path.clone()),
            joined.offset.wrapping_sub(self.end).cast_signed(),
            joined.read_to.wrapping_sub(self.read_to).cast_signed(),
        );
        *self = Self {
            path,
            end: joined.offset.wrapping_add(size),
            read_to: joined.read_to,
        };
        piece
    }

    fn decode_part(&mut self, piece: JoinedPiece, size: u64) -> Result<JoinedBytes> {
        let JoinedPiece(path, gap, further) = piece;
        if let Some(path) = path {
            self.path = path;
        }
        let offset = self.end.wrapping_add(gap.cast_unsigned());
        self.end = offset.wrapping_add(size);
        self.read_to = self.read_to.wrapping_add(further.cast_unsigned());
        Ok(JoinedBytes {
            path: parse_path(&self.path)?,
            offset,
            read_to: self.read_to,
        })
    }
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
        let path = file.object_meta.location.to_string();
        let modified_ms = file.object_meta.last_modified.timestamp_millis();
        let ordinal = file.extension::<FileOrdinal>();
        let ordinal = ordinal.map_or(0, |ordinal| i64::from(ordinal.0));
        let folder_values = file.extension::<FolderValues>().cloned();
        let folder_values = folder_values.unwrap_or_default();
        let joined = file.extension::<JoinedBytes>();
        let size = file.object_meta.size;
        let joined = joined.map(|joined| self.0.joined.encode_part(joined, size));
        let shared = shared_bytes(&self.0.path, &path);
        let piece = FilePiece(
            shared,
            path.get(shared..).unwrap_or_default().to_owned(),
            file.object_meta.size,
            modified_ms.wrapping_sub(self.0.modified_ms),
            ordinal - self.0.ordinal,
            file.range.as_ref().map(|range| (range.start, range.end)),
            (folder_values != self.0.folder_values).then(|| folder_values.clone()),
            joined,
        );
        self.0 = PreviousFile {
            path,
            modified_ms,
            ordinal,
            folder_values,
            joined: std::mem::take(&mut self.0.joined),
        };
        piece
    }
}

impl PieceDecoder {
    pub(super) fn decode_piece(&mut self, piece: FilePiece) -> Result<PartitionedFile> {
        let FilePiece(shared, rest, size, later_ms, higher, range, folder_values, joined) = piece;
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
        let joined = joined.map(|joined| previous.joined.decode_part(joined, size));
        let location = parse_path(&previous.path)?;
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
        let file = match joined.transpose()? {
            Some(joined) => file.with_extension(joined),
            None => file,
        };
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
            "{:?} {:?} {:?} {:?} {:?}",
            file.object_meta,
            file.range,
            file.extension::<FileOrdinal>(),
            file.extension::<FolderValues>(),
            file.extension::<JoinedBytes>(),
        )
    }

    fn in_joined(file: PartitionedFile, path: &str, offset: u64, read_to: u64) -> PartitionedFile {
        file.with_extension(JoinedBytes {
            path: Path::parse(path).unwrap(),
            offset,
            read_to,
        })
    }

    #[test]
    fn files_are_the_same_after_the_way() {
        let files = [
            file("landing/day=1/ä.json", 10, 1_000, 4, Some("1")),
            file("landing/day=1/ä.json", 10, 1_000, 4, Some("1")).with_range(5, 10),
            // Differs in the second byte of a letter.
            file("landing/day=1/å.json", 0, -5, 5, Some("1")),
            file("landing/day=1", u64::MAX, i64::from(u32::MAX), 0, None),
            in_joined(file("p-0.json", 7, 5, 1, None), "_joined/0-9.json", 3, 20),
            in_joined(file("p-1.json", 10, 5, 2, None), "_joined/0-9.json", 10, 20)
                .with_range(0, 4),
            file("p-2.json", 10, 5, 3, None),
            in_joined(file("p-3.json", 1, 5, 4, None), "_joined/0-9.json", 0, 1),
            in_joined(
                file("p-4.json", 1, 5, 5, None),
                "_joined/9-12.json",
                u64::MAX - 1,
                u64::MAX,
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
