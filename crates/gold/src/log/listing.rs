//! What a listing of a log's folder shows about the table's versions.

use std::sync::Arc;

use object_store::ObjectMeta;

use crate::log::snapshot::Snapshot;

/// `deltalake` reads logs with more entries than this and no checkpoint.
const MAX_REPLAYED_ENTRIES: usize = 1_000;

/// The version that was loaded last, and its log entry, which shows whether the
/// log is still the same.
#[derive(Debug, Clone)]
pub(crate) struct CachedVersion {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Size and tag of the version's entry. A table that was deleted and created
    /// again has a different entry with the same number.
    pub(crate) entry: LogEntry,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub(crate) version: u64,
    size: u64,
    e_tag: Option<String>,
}

/// The objects in a log folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LogListing {
    /// JSON entries by version.
    pub(crate) entries: Vec<LogEntry>,
    /// Whether the folder also has checkpoints or compacted entries.
    pub(crate) has_checkpoints: bool,
}

impl LogListing {
    pub(crate) fn from_objects(objects: impl IntoIterator<Item = ObjectMeta>) -> Self {
        let mut folder = Self::default();
        for meta in objects {
            let name = meta.location.filename().unwrap_or_default();
            let Some((number, rest)) = name.split_once('.') else {
                continue;
            };
            let Some(version) = parse_version(number) else {
                continue;
            };
            match rest {
                "json" => folder.entries.push(LogEntry {
                    version,
                    size: meta.size,
                    e_tag: meta.e_tag,
                }),
                "crc" => {}
                _ => folder.has_checkpoints = true,
            }
        }
        folder.entries.sort_unstable_by_key(|entry| entry.version);
        folder
    }

    /// The entries after a loaded version, `None` when the log was replaced or
    /// has a gap.
    pub(crate) fn entries_after(&self, loaded: &CachedVersion) -> Option<&[LogEntry]> {
        let at = self
            .entries
            .binary_search_by_key(&loaded.entry.version, |entry| entry.version)
            .ok()?;
        let same = self.entries[at] == loaded.entry && loaded.entry.e_tag.is_some();
        let rest = &self.entries[at + 1..];
        (same && are_consecutive(rest, loaded.entry.version + 1)).then_some(rest)
    }

    /// The first version without an entry in a log without checkpoints, `None` when
    /// the log has checkpoints or no gap.
    pub(crate) fn missing_version(&self) -> Option<u64> {
        let numbered = || (0..).zip(&self.entries);
        let gap = numbered().find(|(version, entry)| entry.version != *version);
        gap.map(|(version, _)| version)
            .filter(|_| !self.has_checkpoints)
    }

    /// All entries, `None` when they are not a complete log that can be replayed
    /// here.
    pub(crate) fn complete_log(&self) -> Option<&[LogEntry]> {
        let complete =
            !self.has_checkpoints && !self.entries.is_empty() && are_consecutive(&self.entries, 0);
        (complete && self.entries.len() <= MAX_REPLAYED_ENTRIES).then_some(&self.entries)
    }
}

fn parse_version(number: &str) -> Option<u64> {
    let digits = number.len() == 20 && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse().ok()).flatten()
}

fn are_consecutive(entries: &[LogEntry], first: u64) -> bool {
    entries
        .iter()
        .zip(first..)
        .all(|(entry, version)| entry.version == version)
}

#[cfg(test)]
mod tests {
    use object_store::path::Path;

    use super::*;
    use crate::log::replay::LogReplay;

    fn folder(names: &[&str]) -> LogListing {
        LogListing::from_objects(names.iter().map(|name| ObjectMeta {
            location: Path::from(format!("t/_delta_log/{name}")),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: Some("e".to_owned()),
            version: None,
        }))
    }

    const E0: &str = "00000000000000000000.json";
    const E1: &str = "00000000000000000001.json";
    const E2: &str = "00000000000000000002.json";

    #[test]
    fn only_a_whole_log_is_replayed_from_its_start() {
        let crc = "00000000000000000001.crc";
        let whole = folder(&[E1, E0, crc, "_last_checkpoint", "x.json", "1.json"]);
        assert_eq!(whole.complete_log().map(<[LogEntry]>::len), Some(2));
        assert!(folder(&[E0, E2]).complete_log().is_none());
        assert_eq!(folder(&[E0, E2]).missing_version(), Some(1));
        assert_eq!(folder(&[E1]).missing_version(), Some(0));
        assert_eq!(folder(&[E0, E1]).missing_version(), None);
        assert!(folder(&[E1]).complete_log().is_none());
        assert!(folder(&[]).complete_log().is_none());
        let checkpoint = "00000000000000000001.checkpoint.parquet";
        assert!(folder(&[E0, E1, checkpoint]).complete_log().is_none());
        assert_eq!(folder(&[E1, checkpoint]).missing_version(), None);
    }

    #[test]
    fn a_known_version_is_only_followed_in_the_same_log() {
        let snapshot = {
            let mut replay = LogReplay::default();
            let entry = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"metaData":{"id":"i","schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[]}}"#;
            replay.apply_entry(entry.as_bytes()).unwrap();
            Arc::new(replay.into_snapshot().unwrap())
        };
        let mut loaded = CachedVersion {
            snapshot,
            entry: folder(&[E1]).entries.remove(0),
        };
        let after = |names: &[&str], loaded: &CachedVersion| {
            folder(names).entries_after(loaded).map(<[LogEntry]>::len)
        };
        assert_eq!(after(&[E0, E1], &loaded), Some(0));
        assert_eq!(after(&[E1, E2], &loaded), Some(1));
        assert_eq!(after(&[E0], &loaded), None, "the table was created again");
        assert_eq!(after(&[E1, "00000000000000000003.json"], &loaded), None);
        loaded.entry.e_tag = Some("other".to_owned());
        assert_eq!(after(&[E0, E1, E2], &loaded), None);
    }
}
