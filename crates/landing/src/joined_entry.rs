//! The content of one entry of a topic's ledger of joined files.
//!
//! A joined file is the concatenation of the stored bytes of small landed files. An
//! entry says which landed file is which range of it. What has landed is decided by the
//! topic's ledger alone: this one says where the bytes are.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entry::{LandedRange, LandingEntry, StoredFile};
use crate::file_name::JOINED_FOLDER;
use crate::offset_spans::OffsetSpans;
use sluice_compression::Compression;
use sluice_ledger::Entry;

/// The format version of entries that this code writes and reads.
pub const JOINED_VERSION: u32 = 1;

/// Joined files of consecutive landing entries, and what they are made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedEntry {
    /// The format version: [`JOINED_VERSION`]; entries of other versions are refused.
    #[serde(deserialize_with = "known_version")]
    pub version: u32,
    /// The number of the first landing entry. It is not less than the `to` of the entry
    /// before; files of landing entries between the two are not joined.
    pub from: u64,
    /// The number of the landing entry after the last. All files of these entries are
    /// in the joined files.
    pub to: u64,
    /// The id of landing entry `to - 1`.
    pub last_id: Uuid,
    /// When the files were begun. They are not older.
    pub started_at: DateTime<Utc>,
    /// The file of the rows; `None` without rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<JoinedFile>,
    /// The file of the rejects; `None` without rejects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<JoinedFile>,
}

fn known_version<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(from)?;
    if version != JOINED_VERSION {
        return Err(serde::de::Error::custom(format!(
            "joined entry version {version} is not supported, only version {JOINED_VERSION}"
        )));
    }
    Ok(version)
}

/// A joined file and its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedFile {
    /// Relative to the topic's folder.
    pub path: String,
    /// In the order of their bytes, without gaps between them.
    pub parts: Vec<JoinedPart>,
}

/// A landed file that is a part of a joined one. An entry can have a million of them, so
/// the fields of [`StoredFile`] are here, and not flattened, which would copy each of
/// them when it is decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedPart {
    /// The landing entry that names the file.
    pub seq: u64,
    /// See [`StoredFile::path`].
    pub path: String,
    /// See [`StoredFile::bytes`].
    pub bytes: u64,
    /// See [`StoredFile::checksum`].
    pub checksum: String,
    /// When the file was written.
    pub modified: DateTime<Utc>,
    pub partition: i32,
    /// The first offset of the file's range.
    pub start: i64,
    /// The number of lines.
    pub lines: u64,
    /// See [`LandedRange::runs`]; always `None` for rejects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<OffsetSpans>,
}

impl JoinedEntry {
    /// The files of rows and of rejects.
    pub fn files(&self) -> impl Iterator<Item = &JoinedFile> {
        self.rows.iter().chain(&self.rejects)
    }

    /// The path of a joined file with a new id, relative to the topic's folder.
    pub fn new_path(from: u64, to: u64, id: Uuid, kind: &str, compression: Compression) -> String {
        let (id, suffix) = (id.simple(), compression.suffix());
        format!("{JOINED_FOLDER}/{from}-{to}-{id}-{kind}{suffix}")
    }

    /// The first landing entry in the name of a joined file; `None` when it is not the
    /// name of one.
    pub fn parse_name(name: &str) -> Option<u64> {
        let (stem, _) = Compression::split_file_name(name)?;
        let mut parts = stem.split('-');
        let from = parts.next()?.parse().ok()?;
        let _: u64 = parts.next()?.parse().ok()?;
        Uuid::try_parse(parts.next()?).ok()?;
        parts.next()?;
        parts.next().is_none().then_some(from)
    }
}

impl JoinedFile {
    /// The size of the file.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// The parts with the offsets of their first bytes.
    pub fn parts_with_offsets(&self) -> impl Iterator<Item = (u64, &JoinedPart)> {
        self.parts.iter().scan(0, |next, part| {
            let offset = *next;
            *next += part.bytes;
            Some((offset, part))
        })
    }
}

impl JoinedPart {
    /// The parts that the files of an entry become: those of rows and those of rejects.
    /// Their times are still to be set.
    pub fn of_entry(entry: &Entry<LandingEntry>) -> (Vec<Self>, Vec<Self>) {
        let part = |range: &LandedRange, file: &StoredFile, lines, runs| Self {
            seq: entry.seq,
            path: file.path.clone(),
            bytes: file.bytes,
            checksum: file.checksum.clone(),
            modified: DateTime::UNIX_EPOCH,
            partition: range.partition,
            start: range.start,
            lines,
            runs,
        };
        let ranges = entry.body.ranges.iter();
        let rows = ranges.clone().filter_map(|range| {
            let file = range.file.as_ref()?;
            Some(part(range, file, range.rows, range.runs.clone()))
        });
        let rejects = ranges.filter_map(|range| {
            let file = range.rejected.as_ref()?;
            Some(part(range, file, range.rejects, None))
        });
        (rows.collect(), rejects.collect())
    }

    /// Whether it is this file of its landing entry.
    pub fn is_file(&self, file: &StoredFile) -> bool {
        let StoredFile {
            path,
            bytes,
            checksum,
        } = file;
        self.path == *path && self.bytes == *bytes && self.checksum == *checksum
    }

    /// The offset of each line of a part of rows.
    pub fn line_offsets(&self) -> OffsetSpans {
        match &self.runs {
            Some(runs) => runs.clone(),
            None => OffsetSpans::without_gaps(self.start, self.lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_joined_files_say_where_they_begin() {
        let id = Uuid::from_u128(7);
        let path = JoinedEntry::new_path(12, 40, id, "rows", Compression::Zstd);
        let name = path.strip_prefix("_joined/").unwrap();
        assert!(name.ends_with("-rows.json.zst"), "{name}");
        assert_eq!(JoinedEntry::parse_name(name), Some(12));
        for other in [
            "00000000000000000001.json",
            "1-2-x-rows.json",
            "_deleted.json",
            "1-2-00000000000000000000000000000007.json",
            "t-0-1-2-ab.json",
        ] {
            assert_eq!(JoinedEntry::parse_name(other), None, "{other}");
        }
    }

    #[test]
    fn a_part_is_written_as_one_object() {
        let part = JoinedPart {
            seq: 7,
            path: "t-0-3-4-a.json".to_owned(),
            bytes: 10,
            checksum: "xxh3-64:00".to_owned(),
            modified: DateTime::UNIX_EPOCH,
            partition: 0,
            start: 3,
            lines: 1,
            runs: None,
        };
        let text = concat!(
            r#"{"seq":7,"path":"t-0-3-4-a.json","bytes":10,"checksum":"xxh3-64:00","#,
            r#""modified":"1970-01-01T00:00:00Z","partition":0,"start":3,"lines":1}"#
        );
        assert_eq!(serde_json::to_string(&part).unwrap(), text);
        assert_eq!(serde_json::from_str::<JoinedPart>(text).unwrap(), part);
    }

    #[test]
    fn another_version_is_refused() {
        let entry = JoinedEntry {
            version: JOINED_VERSION,
            from: 0,
            to: 1,
            last_id: Uuid::nil(),
            started_at: Utc::now(),
            rows: None,
            rejects: None,
        };
        let mut value = serde_json::to_value(&entry).unwrap();
        assert_eq!(
            serde_json::from_value::<JoinedEntry>(value.clone()).unwrap(),
            entry
        );
        value["version"] = 2.into();
        let error = serde_json::from_value::<JoinedEntry>(value).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
