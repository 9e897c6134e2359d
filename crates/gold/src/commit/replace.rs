//! Builds the log entry of a commit from its inputs alone: no clock, no store.

use std::collections::{BTreeMap, HashSet};

use arrow::datatypes::SchemaRef;
use uuid::Uuid;

use crate::commit::CommitMode;
use crate::commit::append::{RESTARTED_KEY, STREAMING_KEY, append_schema, flow_application};
use crate::commit::protocol::{changed_protocol, check_writable};
use crate::commit::view::VIEW_APPLICATION;
use crate::error::GoldError;
use crate::files::data_file::DataFile;
use crate::log::actions::{
    Action, AddLine, CommitLine, FormatLine, MetadataLine, RemoveLine, TxnLine, encode_entry,
    encode_path,
};
use crate::log::snapshot::{ActiveFile, Snapshot};
use crate::schema::properties::{APPEND_ONLY_KEY, TXN_RETENTION_KEY, check_properties};
use crate::schema::{check_schema, delta_schema, schema_string};
use crate::table::TableSpec;

/// The origin of a commit, for the table's history and to identify the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    pub job_id: String,
    pub job_name: String,
    /// Engine and version, for example `sluice/0.1.0`.
    pub engine: String,
    /// New for every commit of every table.
    pub commit_id: Uuid,
    /// An application and its own version number. A table whose log has this
    /// number or a greater one for the application refuses the commit.
    pub txn: Option<(String, i64)>,
}

/// A log entry that is ready to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedEntry {
    /// The version to create.
    pub(crate) version: u64,
    /// The entry's text.
    pub(crate) entry: String,
    /// Whether it creates the table.
    pub(crate) creates_table: bool,
    /// How many files it removes.
    pub(crate) removed_files: usize,
}

/// A replace of a table's whole content, or an append. Everything that does not depend on the
/// table's state is checked once, before the first attempt.
#[derive(Debug)]
pub(crate) struct ReplaceCommit<'a> {
    table: &'a str,
    spec: &'a TableSpec,
    adds: &'a [DataFile],
    mode: CommitMode<'a>,
    info: &'a CommitInfo,
    /// The columns of the table.
    schema: SchemaRef,
    schema_string: String,
}

impl<'a> ReplaceCommit<'a> {
    pub(crate) fn new_checked(
        table: &'a str,
        spec: &'a TableSpec,
        adds: &'a [DataFile],
        mode: CommitMode<'a>,
        info: &'a CommitInfo,
    ) -> Result<Self, GoldError> {
        let schema_error = |problems| GoldError::Schema {
            table: table.to_owned(),
            problems,
        };
        check_schema(&spec.schema, &spec.partition_by).map_err(schema_error)?;
        check_properties(
            table,
            spec.properties
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str())),
        )?;
        if mode.flows().is_some() {
            check_flow_numbers_are_kept(table, spec.properties.keys())?;
        }
        check_files(table, spec, adds)?;
        // The log can represent every schema that `check_schema` accepts.
        let schema = delta_schema(&spec.schema);
        let schema_string = schema_string(&schema).ok_or_else(|| schema_error(Vec::new()))?;
        Ok(Self {
            table,
            spec,
            adds,
            mode,
            info,
            schema,
            schema_string,
        })
    }

    /// The entry of the version after `snapshot`, or of the first version without
    /// a snapshot.
    ///
    /// `now` is in milliseconds since the epoch; `new_id` becomes the id of a
    /// new table.
    pub(crate) fn plan_entry(
        &self,
        snapshot: Option<&Snapshot>,
        now: i64,
        new_id: Uuid,
    ) -> Result<PlannedEntry, GoldError> {
        if let Some(snapshot) = snapshot {
            check_writable(self.table, snapshot, self.mode.flows().is_some())?;
            if self.mode.keeps_files() {
                append_schema(snapshot, self.spec)?;
            }
            if !matches!(self.mode, CommitMode::Append(_)) {
                check_replaceable(self.table, snapshot)?;
            }
        }
        let removes: Vec<_> = self
            .find_removed(snapshot)?
            .into_iter()
            .map(|file| RemoveLine {
                path: file.raw_path.clone(),
                deletion_timestamp: now,
                data_change: true,
                extended_file_metadata: true,
                partition_values: file.partition_values.clone(),
                size: file.size,
            })
            .collect();
        let mut actions = Vec::with_capacity(4 + removes.len() + self.adds.len());
        actions.push(Action::CommitInfo(self.commit_line(
            snapshot,
            removes.len(),
            now,
        )));
        let protocol = changed_protocol(self.table, snapshot, &self.spec.properties)?;
        actions.extend(protocol.map(Action::Protocol));
        actions.extend(
            self.changed_metadata(snapshot, now, new_id)
                .map(Action::Metadata),
        );
        if let Some((app_id, version)) = &self.info.txn {
            actions.push(Action::Txn(TxnLine {
                app_id: app_id.clone(),
                version: *version,
                last_updated: now,
            }));
        }
        if let Some(flows) = self.mode.flows() {
            actions.extend(flows.iter().map(|append| {
                Action::Txn(TxnLine {
                    app_id: flow_application(&append.flow),
                    version: append.number,
                    last_updated: now,
                })
            }));
        }
        if let CommitMode::View(view) = self.mode {
            actions.push(Action::Txn(TxnLine {
                app_id: VIEW_APPLICATION.to_owned(),
                version: view.number,
                last_updated: now,
            }));
        }
        let removed = removes.len();
        actions.extend(removes.into_iter().map(Action::Remove));
        for file in self.adds {
            actions.push(Action::Add(self.add_line(file)));
        }
        Ok(PlannedEntry {
            version: snapshot.map_or(0, |snapshot| snapshot.version + 1),
            entry: encode_entry(&actions).map_err(|error| GoldError::Log {
                table: self.table.to_owned(),
                problem: format!("its next entry cannot be encoded: {error}"),
                kind: None,
            })?,
            creates_table: snapshot.is_none(),
            removed_files: removed,
        })
    }

    /// The files of the table that the commit removes.
    fn find_removed<'s>(
        &self,
        snapshot: Option<&'s Snapshot>,
    ) -> Result<Vec<&'s ActiveFile>, GoldError> {
        let files = snapshot.into_iter().flat_map(|snapshot| &snapshot.files);
        let Some(paths) = self.mode.removed_paths() else {
            return Ok(files.collect());
        };
        let paths: HashSet<&str> = paths.iter().map(String::as_str).collect();
        let removed: Vec<&ActiveFile> = files
            .filter(|file| paths.contains(file.path.as_str()))
            .collect();
        if removed.len() == paths.len() {
            return Ok(removed);
        }
        // Their rows were replaced or written again, on another version.
        Err(GoldError::PastChanged {
            table: self.table.to_owned(),
        })
    }

    fn add_line(&self, file: &DataFile) -> AddLine {
        AddLine {
            path: encode_path(&file.path),
            partition_values: file
                .partition_values
                .iter()
                .map(|(column, value)| {
                    let value = value.clone().filter(|value| !value.is_empty());
                    (column.clone(), value)
                })
                .collect(),
            size: file.size,
            modification_time: file.modification_time_ms,
            data_change: true,
            stats: file.stats.to_log_text(&self.schema),
        }
    }

    fn commit_line(&self, snapshot: Option<&Snapshot>, removed: usize, now: i64) -> CommitLine {
        let rows: u64 = self.adds.iter().map(|file| file.stats.num_records).sum();
        let bytes: u64 = self.adds.iter().map(|file| file.size).sum();
        CommitLine {
            timestamp: now,
            operation: "WRITE",
            operation_parameters: BTreeMap::from([
                (
                    "mode",
                    match self.mode.removed_paths() {
                        Some([]) => "Append",
                        _ => "Overwrite",
                    }
                    .to_owned(),
                ),
                ("partitionBy", json_list(&self.spec.partition_by)),
            ]),
            read_version: snapshot.map(|snapshot| snapshot.version),
            isolation_level: "Serializable",
            is_blind_append: matches!(self.mode, CommitMode::Append(_))
                && (self.mode.flows().unwrap_or_default().iter())
                    .all(|append| append.makes_version.is_none()),
            operation_metrics: BTreeMap::from([
                ("numFiles", self.adds.len().to_string()),
                ("numOutputRows", rows.to_string()),
                ("numOutputBytes", bytes.to_string()),
                ("numRemovedFiles", removed.to_string()),
            ]),
            engine_info: self.info.engine.clone(),
            txn_id: self.info.commit_id.to_string(),
            job_id: self.info.job_id.clone(),
            job_name: self.info.job_name.clone(),
        }
    }

    /// The table's metadata if the table is new or its metadata changes, `None` if
    /// the log already has it.
    fn changed_metadata(
        &self,
        snapshot: Option<&Snapshot>,
        now: i64,
        new_id: Uuid,
    ) -> Option<MetadataLine> {
        let spec = self.spec;
        // Keep properties that were set on the table by other means.
        let mut configuration = snapshot.map(|s| s.properties.clone()).unwrap_or_default();
        configuration.extend(spec.properties.clone());
        if let Some(flows) = self.mode.flows() {
            configuration.insert(STREAMING_KEY.to_owned(), "true".to_owned());
            let newest = flows.iter().map(|append| append.number).max();
            if let (CommitMode::Restart(_), Some(newest)) = (self.mode, newest) {
                configuration.insert(RESTARTED_KEY.to_owned(), newest.to_string());
            }
        }
        if let Some(snapshot) = snapshot {
            let same = configuration == snapshot.properties
                && spec.partition_by == snapshot.partition_by
                && spec.comment == snapshot.description
                && Some(&spec.name) == snapshot.name.as_ref()
                && same_json(&self.schema_string, &snapshot.schema_string);
            if same {
                return None;
            }
        }
        Some(MetadataLine {
            id: snapshot.map_or_else(|| new_id.to_string(), |s| s.table_id.clone()),
            name: Some(spec.name.clone()),
            description: spec.comment.clone(),
            format: FormatLine::parquet(),
            schema_string: self.schema_string.clone(),
            partition_columns: spec.partition_by.clone(),
            configuration,
            created_time: snapshot.map_or(Some(now), |s| s.created_time),
        })
    }
}

fn json_list(names: &[String]) -> String {
    serde_json::Value::from(names.to_vec()).to_string()
}

/// Compares two schema strings by content: writers order keys differently.
fn same_json(a: &str, b: &str) -> bool {
    let parse = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    a == b || matches!((parse(a), parse(b)), (Some(a), Some(b)) if a == b)
}

/// Checks that the files of the table may be removed.
pub(crate) fn check_replaceable(table: &str, snapshot: &Snapshot) -> Result<(), GoldError> {
    let append_only = snapshot.properties.get(APPEND_ONLY_KEY);
    match append_only.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        true => Err(GoldError::AppendOnly {
            table: table.to_owned(),
        }),
        false => Ok(()),
    }
}

/// A table whose log forgets what its flows have taken would get it twice.
pub(crate) fn check_flow_numbers_are_kept<'a>(
    table: &str,
    keys: impl IntoIterator<Item = &'a String>,
) -> Result<(), GoldError> {
    match keys.into_iter().find(|key| *key == TXN_RETENTION_KEY) {
        Some(key) => Err(GoldError::Property {
            table: table.to_owned(),
            key: key.clone(),
            problem: "cannot be set on a streaming table: its log must keep what its flows have \
                      taken; remove it"
                .to_owned(),
        }),
        None => Ok(()),
    }
}

fn check_files(table: &str, spec: &TableSpec, adds: &[DataFile]) -> Result<(), GoldError> {
    let mut paths = HashSet::with_capacity(adds.len());
    for file in adds {
        let fail = |problem: String| {
            Err(GoldError::DataFile {
                table: table.to_owned(),
                path: file.path.clone(),
                problem,
            })
        };
        let plain = file
            .path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
        if !plain {
            return fail("its path is not relative to the table".to_owned());
        }
        if !paths.insert(file.path.as_str()) {
            return fail("it is listed twice".to_owned());
        }
        if !file
            .partition_values
            .iter()
            .map(|(column, _)| column)
            .eq(&spec.partition_by)
        {
            return fail(format!(
                "its partition columns are not those of the table ({})",
                spec.partition_by.join(", ")
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
