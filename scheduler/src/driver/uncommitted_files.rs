//! Removes the files of jobs that did not reach their commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sluice_engine::job::AnalyzedJob;
use sluice_gold::GoldError;
use sluice_proto::v1::{Job, LogLevel};
use sluice_service::format::error_chain;
use sluice_storage::{Location, StoreErrorKind};

use super::Driver;
use super::live_job::LiveJob;

/// The delays between repeated cleanups after a job's end: a task that was being
/// dispatched when its job was cancelled runs until its executor learns of the
/// cancellation, and may still write files.
const CLEANUP_DELAYS: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(50),
];

/// The data files of a job that did not commit them. They may be removed only when
/// no commit can name them, so never while an intent of the job counts: that is
/// until its end is recorded.
pub(crate) struct UncommittedFiles {
    job_id: String,
    /// The parent folder and the name of each table.
    tables: Vec<(Location, String)>,
}

impl UncommittedFiles {
    /// The files of a job that this process ran.
    pub(super) fn from_analyzed(job_id: String, job: &AnalyzedJob) -> Self {
        let names = job.datasets.iter().map(|dataset| dataset.name.clone());
        Self {
            job_id,
            tables: names.map(|name| (job.gold.clone(), name)).collect(),
        }
    }

    /// The files of a job that an earlier process ran.
    pub(crate) fn from_record(driver: &Driver, job: &Job) -> Self {
        let table = |location: &str, name: &str| {
            let root = location.trim_end_matches('/').strip_suffix(name)?;
            let root = driver.stores.parse_location(root).ok()?;
            Some((root, name.to_owned()))
        };
        let tables = job.datasets.iter();
        Self {
            job_id: job.job_id.clone(),
            tables: tables
                .filter_map(|one| table(&one.location, &one.name))
                .collect(),
        }
    }

    /// Those of the tables with these names.
    pub(crate) fn only_of(mut self, names: &[String]) -> Self {
        self.tables.retain(|(_, name)| names.contains(name));
        self
    }

    /// Removes the files that exist now, and repeatedly for some time those that
    /// tasks write after the job's end. Failures are written to the job's log.
    pub(crate) async fn remove_for(self, live: &Arc<LiveJob>, driver: &Driver) {
        let live = Arc::clone(live);
        let on_error = move |table: &str, error: &GoldError| {
            let target = format!("clean up {table}");
            live.write_log(LogLevel::Warn, &target, error_chain(error));
        };
        self.remove_now(driver, &on_error).await;
        self.remove_later(driver.clone(), on_error);
    }

    /// Removes the files that exist now, before the job runs again. Failures are written to
    /// the job's log.
    pub(crate) async fn remove_existing(&self, live: &Arc<LiveJob>, driver: &Driver) {
        let on_error = |table: &str, error: &GoldError| {
            let target = format!("clean up {table}");
            live.write_log(LogLevel::Warn, &target, error_chain(error));
        };
        self.remove_now(driver, &on_error).await;
    }

    /// Removes the files that exist now. Calls `on_error` for each table whose
    /// files cannot be removed.
    async fn remove_now(
        &self,
        driver: &Driver,
        on_error: &(dyn Fn(&str, &GoldError) + Send + Sync),
    ) {
        for (root, name) in &self.tables {
            let removed = async {
                let table = driver.gold.open(root, name)?;
                table
                    .cleanup_uncommitted(&self.job_id, &HashSet::new())
                    .await
            };
            if let Err(error) = removed.await {
                // A folder that was never created has no files.
                if error.store_kind() != Some(StoreErrorKind::NotFound) {
                    on_error(name, &error);
                }
            }
        }
    }

    /// Removes, in the background, files that tasks write after the job's end.
    pub(crate) fn remove_later(
        self,
        driver: Driver,
        on_error: impl Fn(&str, &GoldError) + Send + Sync + 'static,
    ) {
        tokio::spawn(async move {
            for pause in CLEANUP_DELAYS {
                tokio::time::sleep(pause).await;
                self.remove_now(&driver, &on_error).await;
            }
        });
    }
}
