//! Which versions of a gold folder's tables belong together.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sluice_ledger::{AppendOutcome, Entry, Ledger};
use sluice_storage::{Location, StorePath, Stores};

use crate::error::PlanError;

/// The folder of the cuts in a gold folder.
pub const PUBLISH_FOLDER: &str = "_publish";

/// The version of each table after one job. Readers that open the tables at these
/// versions see all tables of the job changed, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CutEntry {
    /// The job that changed tables last.
    pub job_id: String,
    pub job_name: String,
    pub published_at: DateTime<Utc>,
    /// By name.
    pub tables: BTreeMap<String, CutTable>,
}

/// A version of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CutTable {
    pub version: u64,
    /// The id in the table's metadata: a table that was deleted and created again
    /// begins at version 0.
    pub table_id: String,
}

/// The cuts of a gold folder; the newest one counts.
#[derive(Debug, Clone)]
pub struct CutLedger {
    ledger: Ledger<CutEntry>,
}

impl CutLedger {
    /// Reads and creates nothing.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn open(stores: &Stores, gold: &Location) -> Result<Self, PlanError> {
        let gold: StorePath = stores.open(gold)?;
        Ok(Self {
            ledger: Ledger::new(StorePath {
                location: gold.location.child(PUBLISH_FOLDER)?,
                store: gold.store,
            }),
        })
    }

    /// The newest cut.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn newest(&self) -> Result<Option<Entry<CutEntry>>, PlanError> {
        Ok(self.ledger.read_tail().await?)
    }

    /// Adds a cut in which a job's tables have these versions, and all others those of
    /// the newest cut. A cut that was added before, or is older, changes nothing: of
    /// two versions of a table the later one counts.
    ///
    /// # Errors
    /// When it is not recorded, or that is not known.
    pub async fn publish(
        &self,
        (job_id, job_name): (&str, &str),
        versions: &BTreeMap<String, CutTable>,
    ) -> Result<(), PlanError> {
        let mut newest = self.ledger.read_tail().await?;
        loop {
            let before = newest.as_ref().map(|entry| &entry.body.tables);
            let tables = merge_tables(before, versions);
            if Some(&tables) == before {
                return Ok(());
            }
            let next = newest.as_ref().map_or(0, |entry| entry.seq + 1);
            let entry = CutEntry {
                job_id: job_id.to_owned(),
                job_name: job_name.to_owned(),
                published_at: Utc::now(),
                tables,
            };
            match self.ledger.append(next, entry).await? {
                AppendOutcome::Committed(_) => return Ok(()),
                AppendOutcome::Lost(winner) => newest = Some(winner),
            }
        }
    }
}

fn merge_tables(
    before: Option<&BTreeMap<String, CutTable>>,
    versions: &BTreeMap<String, CutTable>,
) -> BTreeMap<String, CutTable> {
    let mut tables = before.cloned().unwrap_or_default();
    for (name, new) in versions {
        let is_older = tables
            .get(name)
            .is_some_and(|old| old.table_id == new.table_id && old.version > new.version);
        if !is_older {
            tables.insert(name.clone(), new.clone());
        }
    }
    tables
}
