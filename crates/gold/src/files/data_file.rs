//! What a task reports about each file that it wrote. The task sends it to the
//! driver as JSON in a manifest row, and the driver writes it to the Delta log.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One Parquet file that is durable but not yet committed to a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataFile {
    /// Path relative to the table's root, as the store knows it. It is not
    /// percent-encoded; the commit encodes it for the log.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// When it was written, in milliseconds since the epoch.
    pub modification_time_ms: i64,
    /// Partition columns in the table's order, with values in Delta's text
    /// form ([`crate::partition_value`]); `None` is NULL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_values: Vec<(String, Option<String>)>,
    /// Row count and bounds.
    pub stats: FileStats,
}

impl DataFile {
    /// The manifest row's text.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads a manifest row's text.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Statistics of one file, nearly in the form of the Delta protocol ("Per-file
/// Statistics"): structs are nested objects, and decimals are text here and
/// numbers in the log. A column has both bounds or none. Bounds are always valid,
/// and tight except for timestamps and long strings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileStats {
    /// The number of rows in the file.
    pub num_records: u64,
    /// For each column a value not greater than any in it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub min_values: Map<String, Value>,
    /// For each column a value not less than any in it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub max_values: Map<String, Value>,
    /// For each column the number of NULLs in it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub null_count: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_manifest_row_reads_back() {
        let mut stats = FileStats {
            num_records: 3,
            ..FileStats::default()
        };
        stats.min_values.insert("a".to_owned(), json!({"b": 1}));
        let file = DataFile {
            path: "day=1/part-j-0-x.parquet".to_owned(),
            size: 10,
            modification_time_ms: 1_700_000_000_000,
            partition_values: vec![
                ("day".to_owned(), Some("1".to_owned())),
                ("hour".to_owned(), None),
            ],
            stats,
        };
        let text = file.to_json().unwrap();
        assert_eq!(DataFile::from_json(&text).unwrap(), file);
        assert_eq!(
            text,
            r#"{"path":"day=1/part-j-0-x.parquet","size":10,"modificationTimeMs":1700000000000,"partitionValues":[["day","1"],["hour",null]],"stats":{"numRecords":3,"minValues":{"a":{"b":1}}}}"#
        );
        assert!(DataFile::from_json("{}").is_err());
    }
}
