//! A commit to one table in a form that outlives the process that made it.
//!
//! A job that commits to several tables prepares all commits first, and records
//! them durably. A process that finds that record can make the missing commits:
//! each has an id that its log entry repeats, so it is made once.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commit::append::FlowAppend;
use crate::commit::replace::{CommitInfo, ReplaceCommit};
use crate::commit::view::ViewPlan;
use crate::commit::{CommitMode, CommitOutcome, CommitProof};
use crate::error::GoldError;
use crate::files::data_file::DataFile;
use crate::schema::{delta_schema, schema_string};
use crate::table::{GoldTable, GoldTables, TableSpec};

/// The job that commits, for the table's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitOrigin {
    pub job_id: String,
    pub job_name: String,
    /// Engine and version, for example `sluice/0.1.0`.
    pub engine: String,
    /// The application of the `txn` action: one scheduler, so that a table's log
    /// has one for each scheduler that wrote to it. `None` adds no such action.
    pub application: Option<String>,
}

/// A commit to one table that is ready to be made. It is the same
/// commit however often, and by whichever process, it is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreparedCommit {
    table: String,
    /// The table's folder, as a URL.
    location: String,
    /// The columns, as in the Delta log.
    schema: String,
    partition_by: Vec<String>,
    properties: BTreeMap<String, String>,
    comment: Option<String>,
    files: Vec<DataFile>,
    /// The flows whose rows the files add; `None`: the files replace the table's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    append: Option<Vec<FlowAppend>>,
    /// Whether the flows begin again: their rows replace all that the table had.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    restarts: bool,
    /// The paths of the files that are removed, when the rows of the flows replace a part
    /// of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    removes: Option<Vec<String>>,
    /// The plan whose input the rows of a materialized view have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    view: Option<ViewPlan>,
    origin: CommitOrigin,
    commit_id: String,
    /// The number of the `txn` action.
    txn_number: i64,
    /// The newest version when the commit was prepared; the commit is not in it.
    read_version: Option<u64>,
}

impl PreparedCommit {
    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The files that the commit adds.
    pub fn files(&self) -> &[DataFile] {
        &self.files
    }

    /// Whether the files add rows of flows, to a streaming table, or replace those that they
    /// added.
    pub fn adds_rows_of_flows(&self) -> bool {
        self.append.is_some()
    }

    /// What the table will be.
    ///
    /// # Errors
    /// When the recorded columns cannot be read.
    pub fn spec(&self) -> Result<TableSpec, GoldError> {
        Ok(TableSpec {
            name: self.table.clone(),
            schema: self.read_schema().ok_or_else(|| {
                self.not_readable("its columns are not a schema of a Delta table")
            })?,
            partition_by: self.partition_by.clone(),
            properties: self.properties.clone(),
            comment: self.comment.clone(),
        })
    }

    fn mode(&self) -> CommitMode<'_> {
        match (&self.append, &self.removes) {
            (Some(flows), _) if self.restarts => CommitMode::Restart(flows),
            (Some(flows), Some(removes)) => CommitMode::ReplacePart(flows, removes),
            (Some(flows), None) => CommitMode::Append(flows),
            (None, _) => match &self.view {
                Some(view) => CommitMode::View(view),
                None => CommitMode::Replace,
            },
        }
    }

    fn read_schema(&self) -> Option<SchemaRef> {
        let delta: StructType = serde_json::from_str(&self.schema).ok()?;
        let arrow: Schema = (&delta).try_into_arrow().ok()?;
        Some(Arc::new(arrow))
    }

    fn commit_info(&self) -> Result<CommitInfo, GoldError> {
        let application = self.origin.application.clone();
        Ok(CommitInfo {
            job_id: self.origin.job_id.clone(),
            job_name: self.origin.job_name.clone(),
            engine: self.origin.engine.clone(),
            commit_id: Uuid::parse_str(&self.commit_id)
                .map_err(|_| self.not_readable("its id is not a UUID"))?,
            txn: application.map(|application| (application, self.txn_number)),
        })
    }

    fn not_readable(&self, problem: &str) -> GoldError {
        GoldError::PreparedCommit {
            table: self.table.clone(),
            problem: problem.to_owned(),
        }
    }
}

impl GoldTables {
    /// The table of a prepared commit.
    ///
    /// # Errors
    /// When the location cannot be read, or the store cannot be set up.
    pub fn open_prepared(&self, prepared: &PreparedCommit) -> Result<GoldTable, GoldError> {
        let location = self.stores().parse_location(&prepared.location);
        let location = location.map_err(|source| GoldError::Store {
            table: prepared.table.clone(),
            source: Box::new(source),
        })?;
        self.open_at(&location, &prepared.table)
    }
}

impl GoldTable {
    /// Prepares a replace of the table's content by `files`; see
    /// [`GoldTable::commit_replace`]. With `view`, the files have the input of a plan, and
    /// may be added to those that the table has. Changes nothing.
    ///
    /// # Errors
    /// When the table cannot be replaced so.
    pub async fn prepare_commit(
        &self,
        spec: &TableSpec,
        files: &[DataFile],
        view: Option<ViewPlan>,
        origin: &CommitOrigin,
    ) -> Result<PreparedCommit, GoldError> {
        let mode = match &view {
            Some(view) => CommitMode::View(view),
            None => CommitMode::Replace,
        };
        self.prepare(spec, files, mode, origin).await
    }

    /// Prepares a commit that adds `files`, the rows of these flows. Changes nothing.
    ///
    /// The commit is made only while the newest plan of each flow in the table is the
    /// one that it follows.
    ///
    /// # Errors
    /// When the table cannot take the files, or another run was first.
    pub async fn prepare_append(
        &self,
        spec: &TableSpec,
        files: &[DataFile],
        flows: Vec<FlowAppend>,
        origin: &CommitOrigin,
    ) -> Result<PreparedCommit, GoldError> {
        self.prepare(spec, files, CommitMode::Append(&flows), origin)
            .await
    }

    /// Prepares a commit in which these flows begin again: `files` replace all that the
    /// table had, and what any flow took before counts no more. Changes nothing.
    ///
    /// As an append, the commit is made only while the newest plan of each flow in the
    /// table is the one that it follows.
    ///
    /// # Errors
    /// As for [`GoldTable::prepare_append`].
    pub async fn prepare_restart(
        &self,
        spec: &TableSpec,
        files: &[DataFile],
        flows: Vec<FlowAppend>,
        origin: &CommitOrigin,
    ) -> Result<PreparedCommit, GoldError> {
        self.prepare(spec, files, CommitMode::Restart(&flows), origin)
            .await
    }

    /// Prepares a commit in which `files` take the place of those with the paths in
    /// `removes`: the rows of these flows, and those that stay of the files that are
    /// removed. Changes nothing.
    ///
    /// The flows must name the version that the commit makes: the one after that of
    /// which the files were read.
    ///
    /// # Errors
    /// As for [`GoldTable::prepare_append`], and when the table does not have the files.
    pub async fn prepare_part(
        &self,
        spec: &TableSpec,
        (files, removes): (&[DataFile], &[String]),
        flows: Vec<FlowAppend>,
        origin: &CommitOrigin,
    ) -> Result<PreparedCommit, GoldError> {
        let mode = CommitMode::ReplacePart(&flows, removes);
        self.prepare(spec, files, mode, origin).await
    }

    async fn prepare(
        &self,
        spec: &TableSpec,
        files: &[DataFile],
        mode: CommitMode<'_>,
        origin: &CommitOrigin,
    ) -> Result<PreparedCommit, GoldError> {
        let snapshot = self.load_snapshot().await?;
        let txn_number = match (&snapshot, &origin.application) {
            (Some(snapshot), Some(application)) => {
                self.txn_version(snapshot, application).await?.unwrap_or(0) + 1
            }
            _ => 1,
        };
        let unreadable = || GoldError::Schema {
            table: self.name().to_owned(),
            problems: Vec::new(),
        };
        let prepared = PreparedCommit {
            table: spec.name.clone(),
            location: self.location().url().to_string(),
            schema: schema_string(&delta_schema(&spec.schema)).ok_or_else(unreadable)?,
            partition_by: spec.partition_by.clone(),
            properties: spec.properties.clone(),
            comment: spec.comment.clone(),
            files: files.to_vec(),
            append: mode.flows().map(<[FlowAppend]>::to_vec),
            restarts: matches!(mode, CommitMode::Restart(_)),
            removes: match mode {
                CommitMode::ReplacePart(_, removes) => Some(removes.to_vec()),
                _ => None,
            },
            view: match mode {
                CommitMode::View(view) => Some(view.clone()),
                _ => None,
            },
            origin: origin.clone(),
            commit_id: Uuid::new_v4().to_string(),
            txn_number,
            read_version: snapshot.as_ref().map(|snapshot| snapshot.version),
        };
        // What a commit would refuse is refused before anything is recorded.
        let info = prepared.commit_info()?;
        self.check_flows(snapshot.as_deref(), mode).await?;
        let replace = ReplaceCommit::new_checked(self.name(), spec, files, mode, &info)?;
        let now = chrono::Utc::now().timestamp_millis();
        replace.plan_entry(snapshot.as_deref(), now, Uuid::new_v4())?;
        Ok(prepared)
    }

    /// The version that a prepared commit has made, `None` when it was not made.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn find_prepared(&self, prepared: &PreparedCommit) -> Result<Option<u64>, GoldError> {
        let Some(snapshot) = self.load_snapshot().await? else {
            return Ok(None);
        };
        let proof = CommitProof::InLogAfter(prepared.read_version);
        self.find_commit(&snapshot, &prepared.commit_info()?, proof)
            .await
    }

    /// Makes a prepared commit, unless it was made before: by this process, or by
    /// another that had the same record of it.
    ///
    /// # Errors
    /// As for [`GoldTable::commit_replace`]. After [`GoldError::OutcomeUnknown`] it
    /// can be called again.
    pub async fn commit_prepared(
        &self,
        prepared: &PreparedCommit,
    ) -> Result<CommitOutcome, GoldError> {
        let (spec, info) = (prepared.spec()?, prepared.commit_info()?);
        let proof = CommitProof::InLogAfter(prepared.read_version);
        self.commit_once(&spec, &prepared.files, prepared.mode(), &info, proof)
            .await
    }
}
