//! Replay of log entries, for the tables that this crate writes.
//!
//! `deltalake` reads a log twice, through Arrow, which takes some milliseconds.
//! That is noticeable with six small tables in a job of a quarter of a second.
//! Here the entries of a plain table (reader version 1, no checkpoint in use)
//! are read once. `deltalake` reads all other tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::Schema;
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow as _;
use serde::Deserialize;
use serde_json::Value;

use crate::log::actions::decode_path;
use crate::log::snapshot::{ActiveFile, Snapshot};

/// Why entries cannot be replayed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotPlain {
    /// A line is not JSON, so no reader can read the log.
    Malformed {
        /// From 1.
        line: usize,
        problem: String,
    },
    /// A line is JSON of another form than expected. `deltalake` must read the
    /// log, as for the reasons below.
    Unreadable,
    /// The protocol requires more than reader version 1.
    Protocol,
    /// An action has a deletion vector.
    DeletionVector,
    /// The first entry lacks protocol or metadata.
    Incomplete,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryLine {
    protocol: Option<ProtocolRead>,
    #[serde(rename = "metaData")]
    metadata: Option<MetadataRead>,
    txn: Option<TxnRead>,
    add: Option<AddRead>,
    remove: Option<RemoveRead>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProtocolRead {
    min_reader_version: i32,
    min_writer_version: i32,
    writer_features: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataRead {
    id: String,
    name: Option<String>,
    description: Option<String>,
    schema_string: String,
    partition_columns: Vec<String>,
    configuration: Option<BTreeMap<String, String>>,
    created_time: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TxnRead {
    app_id: String,
    version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddRead {
    path: String,
    size: u64,
    modification_time: i64,
    partition_values: Option<BTreeMap<String, Option<String>>>,
    stats: Option<String>,
    deletion_vector: Option<Value>,
    data_change: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemoveRead {
    path: String,
    deletion_vector: Option<Value>,
    data_change: Option<bool>,
}

impl AddRead {
    fn into_file(self) -> ActiveFile {
        ActiveFile {
            path: decode_path(&self.path),
            size: self.size,
            modification_time_ms: self.modification_time,
            partition_values: self.partition_values.unwrap_or_default(),
            stats: self.stats,
            raw_path: self.path,
        }
    }
}

/// What one entry does to the rows of a table.
#[derive(Debug, Default)]
pub(crate) struct EntryRows {
    /// The files with rows that it adds. Rows that it only moves do not count.
    pub(crate) added: Vec<ActiveFile>,
    /// Whether rows are removed.
    pub(crate) removes_rows: bool,
    /// The numbers of `txn` actions whose applications begin with a prefix.
    pub(crate) numbers: Vec<i64>,
}

/// What an entry does to the rows of its table; `None` when it cannot be read here.
pub(crate) fn read_entry_rows(entry: &[u8], application_prefix: &str) -> Option<EntryRows> {
    let mut rows = EntryRows::default();
    let lines = entry.split(|byte| *byte == b'\n').zip(1..);
    for (line, number) in lines.filter(|(line, _)| !line.trim_ascii().is_empty()) {
        let line = parse_line(line, number).ok()?;
        if let Some(txn) = line.txn
            && txn.app_id.starts_with(application_prefix)
        {
            rows.numbers.push(txn.version);
        }
        if let Some(add) = line.add
            && add.data_change != Some(false)
        {
            if add.deletion_vector.is_some() {
                return None;
            }
            rows.added.push(add.into_file());
        }
        rows.removes_rows |= line
            .remove
            .is_some_and(|remove| remove.data_change != Some(false));
    }
    Some(rows)
}

/// The state of a replay: a snapshot, or empty before the first entry.
#[derive(Debug, Default)]
pub(crate) struct LogReplay {
    state: Option<Snapshot>,
    files: BTreeMap<String, ActiveFile>,
}

impl LogReplay {
    /// Continues from a snapshot.
    pub(crate) fn from_snapshot(snapshot: &Snapshot) -> Self {
        let mut state = snapshot.clone();
        let files = std::mem::take(&mut state.files)
            .into_iter()
            .map(|file| (file.raw_path.clone(), file))
            .collect();
        Self {
            state: Some(state),
            files,
        }
    }

    /// Applies the next entry.
    pub(crate) fn apply_entry(&mut self, entry: &[u8]) -> Result<(), NotPlain> {
        let lines: Vec<EntryLine> = entry
            .split(|byte| *byte == b'\n')
            .zip(1..)
            .filter(|(line, _)| !line.trim_ascii().is_empty())
            .map(|(line, number)| parse_line(line, number))
            .collect::<Result<_, _>>()?;
        let mut protocol = None;
        let mut metadata = None;
        let mut txns = Vec::new();
        let mut adds = Vec::new();
        // An entry names each file once, but writers order adds and removes
        // differently: apply all removes before the adds.
        for line in lines {
            protocol = line.protocol.or(protocol);
            metadata = line.metadata.or(metadata);
            txns.extend(line.txn);
            adds.extend(line.add);
            if let Some(remove) = line.remove {
                if remove.deletion_vector.is_some() {
                    return Err(NotPlain::DeletionVector);
                }
                self.files.remove(&remove.path);
            }
        }
        let state = match self.state.take() {
            Some(state) => self.state.insert(Snapshot {
                version: state.version + 1,
                ..state
            }),
            None => {
                if protocol.is_none() || metadata.is_none() {
                    return Err(NotPlain::Incomplete);
                }
                self.state.insert(empty_snapshot())
            }
        };
        if let Some(protocol) = protocol {
            state.reader_version = protocol.min_reader_version;
            state.writer_version = protocol.min_writer_version;
            state.features = protocol.writer_features.unwrap_or_default();
            state.features.sort();
        }
        if state.reader_version != 1 {
            return Err(NotPlain::Protocol);
        }
        if let Some(metadata) = metadata {
            apply_metadata(state, metadata)?;
        }
        if let Some(known_txns) = &mut state.txns {
            known_txns.extend(txns.into_iter().map(|txn| (txn.app_id, txn.version)));
        }
        for add in adds {
            if add.deletion_vector.is_some() {
                return Err(NotPlain::DeletionVector);
            }
            let file = add.into_file();
            self.files.insert(file.raw_path.clone(), file);
        }
        Ok(())
    }

    /// The snapshot after the last entry, `None` when no entry was applied.
    pub(crate) fn into_snapshot(self) -> Option<Snapshot> {
        Some(Snapshot {
            files: self.files.into_values().collect(),
            ..self.state?
        })
    }
}

fn parse_line(line: &[u8], number: usize) -> Result<EntryLine, NotPlain> {
    serde_json::from_slice(line).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => NotPlain::Unreadable,
        _ => NotPlain::Malformed {
            line: number,
            problem: error.to_string(),
        },
    })
}

fn empty_snapshot() -> Snapshot {
    Snapshot {
        version: 0,
        table_id: String::new(),
        name: None,
        description: None,
        schema: Arc::new(Schema::empty()),
        partition_by: Vec::new(),
        properties: BTreeMap::new(),
        files: Vec::new(),
        reader_version: 0,
        writer_version: 0,
        features: Vec::new(),
        created_time: None,
        schema_string: String::new(),
        txns: Some(BTreeMap::new()),
    }
}

fn apply_metadata(state: &mut Snapshot, metadata: MetadataRead) -> Result<(), NotPlain> {
    if state.schema_string != metadata.schema_string {
        let schema: StructType =
            serde_json::from_str(&metadata.schema_string).map_err(|_| NotPlain::Unreadable)?;
        let schema: Schema = (&schema)
            .try_into_arrow()
            .map_err(|_| NotPlain::Unreadable)?;
        state.schema = Arc::new(schema);
    }
    state.table_id = metadata.id;
    state.name = metadata.name;
    state.description = metadata.description;
    state.schema_string = metadata.schema_string;
    state.partition_by = metadata.partition_columns;
    state.properties = metadata.configuration.unwrap_or_default();
    state.created_time = metadata.created_time;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"{"commitInfo":{"timestamp":1}}
{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"metaData":{"id":"i","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{}}}
{"txn":{"appId":"x","version":1}}
{"add":{"path":"a%20b","size":1,"modificationTime":1,"dataChange":true,"partitionValues":{}}}
"#;

    fn replay(entries: &[&str]) -> Result<Snapshot, NotPlain> {
        let mut replay = LogReplay::default();
        for entry in entries {
            replay.apply_entry(entry.as_bytes())?;
        }
        Ok(replay.into_snapshot().unwrap())
    }

    #[test]
    fn entries_add_up() {
        let second = r#"{"add":{"path":"c","size":2,"modificationTime":1,"dataChange":true,"partitionValues":{"p":null}}}
{"remove":{"path":"a%20b","dataChange":true}}
{"txn":{"appId":"x","version":2}}
{"domainMetadata":{"domain":"d","configuration":"","removed":false}}"#;
        let first = replay(&[FIRST]).unwrap();
        assert_eq!(first.files[0].path, "a b");
        assert_eq!(first.schema.field(0).name(), "a");
        let both = replay(&[FIRST, second]).unwrap();
        assert_eq!(both.version, 1);
        assert_eq!(both.files.len(), 1);
        assert_eq!(both.files[0].path, "c");
        assert_eq!(both.txns.as_ref().unwrap()["x"], 2);
        let mut on = LogReplay::from_snapshot(&first);
        on.apply_entry(second.as_bytes()).unwrap();
        assert_eq!(on.into_snapshot().unwrap().files, both.files);
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        let error = |text: &str| replay(&[FIRST, text]).unwrap_err();
        let malformed = error("{}\n{\"add\": {\"pa");
        assert!(
            matches!(&malformed, NotPlain::Malformed { line: 2, problem } if problem.contains("EOF")),
            "{malformed:?}"
        );
        assert_eq!(error(r#"{"add": 1}"#), NotPlain::Unreadable);
        assert_eq!(
            error(
                r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#
            ),
            NotPlain::Protocol
        );
        assert_eq!(
            error(
                r#"{"add":{"path":"a","size":1,"modificationTime":1,"dataChange":true,"partitionValues":{},"deletionVector":{}}}"#
            ),
            NotPlain::DeletionVector
        );
        assert_eq!(replay(&["{}"]).unwrap_err(), NotPlain::Incomplete);
    }
}
