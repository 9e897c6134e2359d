//! Lines of a Delta log entry.
//!
//! These are our own types because a remove must repeat the path of its add
//! byte for byte. `deltalake`'s types decode the path and encode it again, which
//! can change it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// One line of an entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Action {
    CommitInfo(CommitLine),
    Protocol(ProtocolLine),
    #[serde(rename = "metaData")]
    Metadata(MetadataLine),
    Txn(TxnLine),
    Remove(RemoveLine),
    Add(AddLine),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitLine {
    pub(crate) timestamp: i64,
    pub(crate) operation: &'static str,
    /// The values are strings, as Spark writes them.
    pub(crate) operation_parameters: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) read_version: Option<u64>,
    pub(crate) isolation_level: &'static str,
    pub(crate) is_blind_append: bool,
    pub(crate) operation_metrics: BTreeMap<&'static str, String>,
    pub(crate) engine_info: String,
    /// The commit's id; it distinguishes our commit from others. `txnId` is
    /// Delta's name for such an id.
    pub(crate) txn_id: String,
    pub(crate) job_id: String,
    pub(crate) job_name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProtocolLine {
    pub(crate) min_reader_version: i32,
    pub(crate) min_writer_version: i32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetadataLine {
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) format: FormatLine,
    pub(crate) schema_string: String,
    pub(crate) partition_columns: Vec<String>,
    pub(crate) configuration: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_time: Option<i64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FormatLine {
    pub(crate) provider: &'static str,
    pub(crate) options: Map<String, Value>,
}

impl FormatLine {
    pub(crate) fn parquet() -> Self {
        Self {
            provider: "parquet",
            options: Map::new(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TxnLine {
    pub(crate) app_id: String,
    pub(crate) version: i64,
    pub(crate) last_updated: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemoveLine {
    pub(crate) path: String,
    pub(crate) deletion_timestamp: i64,
    pub(crate) data_change: bool,
    pub(crate) extended_file_metadata: bool,
    pub(crate) partition_values: BTreeMap<String, Option<String>>,
    pub(crate) size: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddLine {
    pub(crate) path: String,
    pub(crate) partition_values: BTreeMap<String, Option<String>>,
    pub(crate) size: u64,
    pub(crate) modification_time: i64,
    pub(crate) data_change: bool,
    pub(crate) stats: String,
}

/// The text of a log entry: one JSON object per line.
pub(crate) fn encode_entry(actions: &[Action]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for action in actions {
        text.push_str(&serde_json::to_string(action)?);
        text.push('\n');
    }
    Ok(text)
}

/// Encodes a path of the store as the URI reference that the log requires (RFC
/// 2396). Everything but unreserved characters, `/` and `=` is percent-encoded,
/// including the percent signs of hive-escaped folder names.
pub(crate) fn encode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'=' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The inverse of [`encode_path`], also for paths that other writers encoded.
/// Bytes that are not UTF-8 are replaced.
pub(crate) fn decode_path(path: &str) -> String {
    percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_uri_references() {
        assert_eq!(
            encode_path("day=2024-01-01 10%3A00/ü.parquet"),
            "day=2024-01-01%2010%253A00/%C3%BC.parquet"
        );
        assert_eq!(decode_path("a%20b%zz%"), "a b%zz%");
    }

    proptest! {
        #[test]
        fn decoding_is_the_inverse(path in "\\PC{0,40}") {
            let encoded = encode_path(&path);
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(decode_path(&encoded), path);
        }
    }
}
