//! Names of landing files:
//! `<topic>-<partition>-<start>-<end>-<short id>.json[.zst|.gz]`. Of a long topic's name
//! only the beginning is in it: topics may have 249 characters, names of files 255.

use sluice_compression::Compression;
use uuid::Uuid;

/// The folder of rejects below the topic's folder.
pub const REJECTS_FOLDER: &str = "_rejects";

/// The folder of the ledger below the topic's folder.
pub const LEDGER_FOLDER: &str = "_ledger";

/// The folder of joined files, and of their ledger, below the topic's folder.
pub const JOINED_FOLDER: &str = "_joined";

/// How much of a topic's name is in the names of its files.
const MAX_TOPIC_BYTES: usize = 120;

/// The parts of a landing file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingFileName {
    /// The topic, or the beginning of its name.
    pub topic: String,
    pub partition: i32,
    /// The first offset of the file's range.
    pub start: i64,
    /// The offset after its range.
    pub end: i64,
    /// Distinguishes files of the same range.
    pub id: String,
    pub compression: Compression,
}

impl LandingFileName {
    /// The part of a batch's id that is in the names of its files: enough to
    /// distinguish the files of two runs that read the same range.
    pub fn short_id(batch: Uuid) -> String {
        // The end of the id is random; its beginning may be a timestamp.
        let text = batch.simple().to_string();
        text.get(20..).unwrap_or(&text).to_owned()
    }

    /// What the names of a topic's files begin with.
    pub fn topic_part(topic: &str) -> &str {
        topic.get(..MAX_TOPIC_BYTES).unwrap_or(topic)
    }

    /// Parses a name; `None` when it is not of this form.
    pub fn parse(name: &str) -> Option<Self> {
        let (stem, compression) = Compression::split_file_name(name)?;
        // From the right, because a topic's name may contain hyphens.
        let mut parts = stem.rsplitn(5, '-');
        let id = parts.next()?;
        let end = parse_number(parts.next()?)?;
        let start = parse_number(parts.next()?)?;
        let partition = parse_number(parts.next()?)?;
        let topic = parts.next()?;
        if topic.is_empty() || id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        Some(Self {
            topic: topic.to_owned(),
            partition: i32::try_from(partition).ok()?,
            start,
            end,
            id: id.to_owned(),
            compression,
        })
    }
}

impl std::fmt::Display for LandingFileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            topic,
            partition,
            start,
            end,
            id,
            compression,
        } = self;
        let (topic, suffix) = (Self::topic_part(topic), compression.suffix());
        write!(f, "{topic}-{partition}-{start}-{end}-{id}{suffix}")
    }
}

fn parse_number(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_read_back(
            topic in "[a-zA-Z0-9._-]{1,20}",
            partition in 0..i32::MAX,
            start in 0..i64::MAX,
            end in 0..i64::MAX,
            batch in any::<u128>(),
            compression in prop::sample::select(Compression::ALL.to_vec()),
        ) {
            let id = LandingFileName::short_id(Uuid::from_u128(batch));
            let name = LandingFileName { topic, partition, start, end, id, compression };
            prop_assert_eq!(LandingFileName::parse(&name.to_string()), Some(name));
        }
    }

    #[test]
    fn the_names_of_a_topic_with_the_longest_name_fit() {
        let name = LandingFileName {
            topic: "t".repeat(249),
            partition: i32::MAX,
            start: i64::MAX,
            end: i64::MAX,
            id: LandingFileName::short_id(Uuid::from_u128(u128::MAX)),
            compression: Compression::Zstd,
        };
        let text = name.to_string();
        assert!(text.len() <= 255, "{} bytes", text.len());
        let parsed = LandingFileName::parse(&text).unwrap();
        assert_eq!(parsed.start, i64::MAX);
        assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in [
            "user_events_1767940385_00000.json",
            "t-0-1-2-ab.parquet",
            "t-0-1-x-ab.json",
            "t-0-1-+2-ab.json",
            "-0-1-2-ab.json",
            "t-0-1-2-.json",
            "_SUCCESS",
        ] {
            assert_eq!(LandingFileName::parse(name), None, "{name}");
        }
        assert!(LandingFileName::parse("t-0-1-2-ab.json.zst").is_some());
    }
}
