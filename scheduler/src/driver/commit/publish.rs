//! The cut after a job: which versions of the gold folder's tables belong together.

use std::collections::BTreeMap;

use futures::future::join_all;
use sluice_plans::{CutLedger, CutTable, PlanError};
use sluice_proto::v1::LogLevel;
use sluice_service::format::error_chain;

use super::super::Driver;
use super::super::live_job::LiveJob;
use super::CommitIntent;

/// Adds a cut with the versions that the commits of an intent have made, by their
/// indices. All tables are committed, so a failure does not fail the job: readers of
/// cuts see the tables as they were before until the next job.
pub(super) async fn publish_cut(
    driver: &Driver,
    live: &LiveJob,
    intent: &CommitIntent,
    versions: &BTreeMap<usize, u64>,
) {
    let Some(gold) = &intent.gold else {
        return;
    };
    let published = async {
        let gold = driver.stores.parse_location(gold)?;
        let mut tables = intent.unchanged.clone();
        let made = versions.iter().map(|(index, version)| async move {
            let commit = &intent.commits[*index];
            let snapshot = async {
                let table = driver.gold.open_prepared(commit)?;
                table.load_snapshot().await
            };
            let table_id = match snapshot.await {
                Ok(Some(snapshot)) => snapshot.table_id.clone(),
                // The commit was made, so the table is being changed by others.
                Ok(None) | Err(_) => String::new(),
            };
            let table = CutTable {
                version: *version,
                table_id,
            };
            (commit.table().to_owned(), table)
        });
        tables.extend(join_all(made.collect::<Vec<_>>()).await);
        let record = live.record();
        let cuts = CutLedger::open(&driver.stores, &gold)?;
        cuts.publish((&record.job_id, &record.name), &tables).await
    };
    let published: Result<(), PlanError> = published.await;
    if let Err(error) = published {
        let message = format!(
            "the tables are committed, but the cut that names their versions is not published: {}",
            error_chain(&error)
        );
        live.write_log(LogLevel::Error, "driver", message);
    }
}
