//! The content of one entry of the plan ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sluice_storage::SourceFile;
use uuid::Uuid;

/// The format version of entries that this code writes and reads.
pub const PLAN_VERSION: u32 = 1;

/// What one run takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanEntry {
    /// [`PLAN_VERSION`]; entries of other versions are refused.
    #[serde(deserialize_with = "known_version")]
    pub version: u32,
    /// The job that made the plan.
    pub job_id: String,
    pub job_name: String,
    pub job: JobFingerprint,
    /// The `now()` of the run.
    pub now: DateTime<Utc>,
    /// The flows that take something, by table and name.
    pub flows: Vec<PlannedFlow>,
    /// The materialized views that are computed from rows of streaming tables alone, by
    /// table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<PlannedView>,
}

fn known_version<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(from)?;
    if version != PLAN_VERSION {
        return Err(serde::de::Error::custom(format!(
            "plan version {version} is not supported, only version {PLAN_VERSION}"
        )));
    }
    Ok(version)
}

/// A salted hash of a job's text and parameters, which may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFingerprint {
    salt: Uuid,
    hash: String,
}

impl JobFingerprint {
    pub fn new(text: &str, params: &BTreeMap<String, Option<String>>) -> Self {
        Self::with_salt(Uuid::new_v4(), text, params)
    }

    fn with_salt(salt: Uuid, text: &str, params: &BTreeMap<String, Option<String>>) -> Self {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(salt.as_bytes());
        add(text.as_bytes());
        for (name, value) in params {
            add(name.as_bytes());
            add(&[u8::from(value.is_some())]);
            add(value.as_deref().unwrap_or_default().as_bytes());
        }
        let hash = hash.finalize();
        let hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { salt, hash }
    }

    /// Whether it is the fingerprint of this job.
    pub fn matches(&self, text: &str, params: &BTreeMap<String, Option<String>>) -> bool {
        Self::with_salt(self.salt, text, params) == *self
    }
}

/// What one flow takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedFlow {
    pub table: String,
    pub flow: String,
    /// The plan that the flow took before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u64>,
    /// Whether the flow begins again: what it took before is taken again, and the rows
    /// replace those that the table has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restarts: bool,
    /// The number of plans since one that lists all files taken before it.
    pub links: u32,
    pub sources: Vec<SourceInput>,
    /// By name, the columns of sources that declare none, as a schema in which all names are
    /// quoted: those that were found in what the flow has taken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// Up to where each ledger is taken after this plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<FolderPosition>,
    /// Up to where each streaming table that it reads is taken after this plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TablePosition>,
    /// With `links` 0: all files that were taken before this plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_before: Vec<TakenFile>,
}

impl PlannedFlow {
    /// Moves the position in a streaming table.
    pub fn move_table(&mut self, position: TablePosition) {
        self.tables.retain(|known| known.table != position.table);
        self.tables.push(position);
    }
}

/// What one materialized view is computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedView {
    pub table: String,
    /// Of the job's text, its parameters and its settings.
    pub definition: JobFingerprint,
    /// What queries mean to the program: another one may compute something else.
    pub engine: String,
    /// Up to where each streaming table is read, also through other views.
    pub tables: Vec<TablePosition>,
}

impl PlannedView {
    /// The position in a streaming table after this plan, which has the number.
    pub fn position(&self, table: &str, number: u64) -> Option<TablePosition> {
        let mut tables = self.tables.iter();
        let position = tables.find(|position| position.table == table)?;
        Some(position.clone().after_plan(number))
    }
}

/// What is taken of one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceInput {
    /// The source's name in the job.
    pub source: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<FolderRange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<TakenFile>,
    /// When the source is a streaming table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableRange>,
}

impl SourceInput {
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.files.is_empty() && self.table.is_none()
    }

    /// The number of entries of ledgers.
    pub fn count_entries(&self) -> u64 {
        let folders = self.folders.iter();
        folders
            .map(|folder| folder.to.saturating_sub(folder.from))
            .sum()
    }
}

/// Versions of a streaming table of the same gold folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableRange {
    /// The first version.
    pub from: u64,
    /// The version after the last.
    pub to: u64,
    /// A plan whose rows among them were taken before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<u64>,
    /// Whether the rows that this plan itself adds to the table are taken, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

/// Up to where a streaming table is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TablePosition {
    /// The table's name.
    pub table: String,
    /// The id in its metadata; `None` when it did not exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_id: Option<String>,
    /// The first version that is not taken.
    pub next: u64,
    /// A plan whose rows are taken although they are in a later version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<u64>,
    /// Whether that plan is the one that has this position.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

impl TablePosition {
    /// The position as a later plan sees it.
    #[must_use]
    pub(crate) fn after_plan(mut self, number: u64) -> Self {
        if self.own {
            self.without = Some(number);
            self.own = false;
        }
        self
    }
}

/// Entries of a landing folder's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderRange {
    /// The folder's URL.
    pub folder: String,
    /// The first entry.
    pub from: u64,
    /// The entry after the last.
    pub to: u64,
    /// The id of the last entry.
    pub last_id: Uuid,
}

/// Up to where a landing folder's ledger is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderPosition {
    /// The id of the ledger's first entry: the ledger is the same one wherever its
    /// folder is mounted or was moved to.
    pub ledger: Uuid,
    /// The folder's URL when it was taken last.
    pub folder: String,
    /// The first entry that is not taken.
    pub next: u64,
    /// The id of the entry before it.
    pub last_id: Uuid,
}

/// A file of a folder without a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakenFile {
    /// The URL of the file's store, without a path.
    pub store: String,
    /// The path in the store.
    pub path: String,
    #[serde(flatten)]
    pub stamp: FileStamp,
    /// The values of the folders `column=value` above it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_values: Vec<(String, Option<String>)>,
}

/// What shows that a file still has the same content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStamp {
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When it was written.
    pub modified: DateTime<Utc>,
}

impl FileStamp {
    pub(crate) fn of(file: &SourceFile) -> Self {
        Self {
            size: file.size,
            etag: file.e_tag.clone(),
            modified: file.last_modified,
        }
    }

    /// Whether the content is the same: the size, and the tag or the time. A copy that
    /// was restored has another tag on a local disk, where it names the inode.
    pub fn is_same(&self, other: &Self) -> bool {
        let same_tag = self.etag.is_some() && self.etag == other.etag;
        self.size == other.size && (same_tag || self.modified == other.modified)
    }

    /// For messages.
    pub(crate) fn describe(&self) -> String {
        format!("{} bytes of {}", self.size, self.modified)
    }
}
