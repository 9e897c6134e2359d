//! At which versions Delta tables belong together.

use std::collections::HashMap;
use std::sync::Arc;

use sluice_gold::{GoldError, GoldTable, Snapshot};
use sluice_jobfile::{Format, Job as CheckedJob, Relation, Source};
use sluice_plans::{CutLedger, CutTable};
use sluice_service::format::error_chain;
use sluice_storage::{Location, Stores};

use super::Driver;

/// The tables of the newest cut of a folder.
type Cut = HashMap<String, CutTable>;

impl Driver {
    /// The versions of the Delta tables that a job's sources read, by the URLs of their
    /// folders, when the folder around them has cuts: those of the newest cut. So tables that
    /// another job is changing are all as before it, or all as after it. Of other tables the
    /// newest version is read.
    pub(super) async fn find_published(&self, job: &CheckedJob) -> HashMap<String, Arc<Snapshot>> {
        let mut cuts: HashMap<String, Cut> = HashMap::new();
        let mut published = HashMap::new();
        for relation in &job.relations {
            let Relation::Source(source) = relation else {
                continue;
            };
            let Some((gold, folder)) = self.find_folders(source) else {
                continue;
            };
            let url = gold.url().to_string();
            if !cuts.contains_key(&url) {
                cuts.insert(url.clone(), load_cut(&self.stores, &gold).await);
            }
            let name = folder.file_name().unwrap_or_default();
            let Some(of_cut) = cuts.get(&url).and_then(|cut| cut.get(name)) else {
                continue;
            };
            let snapshot = async {
                let table = self.gold.open_at(&folder, &source.name)?;
                table.load_published(&of_cut.table_id, of_cut.version).await
            };
            let snapshot: Result<_, GoldError> = snapshot.await;
            // Analysis reports what is wrong with a table.
            if let Ok(Some(snapshot)) = snapshot {
                published.insert(folder.url().to_string(), snapshot);
            }
        }
        published
    }

    /// The folder of a source that may be a Delta table, and the one around it. Analysis
    /// reports a location that cannot be read.
    fn find_folders(&self, source: &Source) -> Option<(Location, Location)> {
        if source.format != Format::Parquet {
            return None;
        }
        let location = self.stores.parse_source(&source.location).ok()?;
        let folder = location.base().clone();
        Some((folder.parent()?, folder))
    }
}

/// A table at the version of the newest cut of the folder around it, or at its newest one
/// when there is none; `None` when there is no table.
///
/// # Errors
/// When its log cannot be read.
pub(crate) async fn load_published(
    stores: &Stores,
    table: &GoldTable,
    folder: &Location,
) -> Result<Option<Arc<Snapshot>>, GoldError> {
    let cut = match folder.parent() {
        Some(gold) => load_cut(stores, &gold).await,
        None => Cut::new(),
    };
    let name = folder.file_name().unwrap_or_default();
    if let Some(of_cut) = cut.get(name)
        && let Ok(snapshot) = table.load_published(&of_cut.table_id, of_cut.version).await
    {
        return Ok(snapshot);
    }
    table.load_snapshot().await
}

/// A folder whose cuts cannot be read has none: it may be any folder, and not one that
/// the job may read.
async fn load_cut(stores: &Stores, gold: &Location) -> Cut {
    let newest = async { CutLedger::open(stores, gold)?.newest().await };
    match newest.await {
        Ok(entry) => entry
            .map(|entry| entry.body.tables.into_iter().collect())
            .unwrap_or_default(),
        Err(error) => {
            let error = error_chain(&error);
            tracing::warn!(folder = %gold, error, "cuts are not read; tables are read at their newest versions");
            Cut::new()
        }
    }
}
