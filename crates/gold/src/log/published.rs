//! The version of a table that belongs to those of other tables.

use std::sync::Arc;

use crate::error::GoldError;
use crate::log::delta_log::is_of_job;
use crate::log::snapshot::Snapshot;
use crate::table::GoldTable;

impl GoldTable {
    /// The version of the table with the id that was published together with versions of
    /// other tables, when all later ones were made by jobs: these are not published yet.
    /// Otherwise the newest version: others who write to the table publish nothing. `None`
    /// when there is no table.
    ///
    /// # Errors
    /// When the log cannot be read, and as [`GoldTable::load_readable`].
    pub async fn load_published(
        &self,
        table_id: &str,
        version: u64,
    ) -> Result<Option<Arc<Snapshot>>, GoldError> {
        let Some(newest) = self.load_readable().await? else {
            return Ok(None);
        };
        if newest.table_id != table_id {
            return Ok(Some(newest));
        }
        for later in version.saturating_add(1)..=newest.version {
            let entry = self.delta_log().read_entry(later).await;
            let entry = entry.map_err(|error| GoldError::Store {
                table: self.name().to_owned(),
                source: Box::new(error),
            })?;
            if !entry.is_some_and(|entry| is_of_job(&entry)) {
                return Ok(Some(newest));
            }
        }
        if newest.version <= version {
            return Ok(Some(newest));
        }
        let published = Snapshot::load(self.log_store(), Some(version)).await;
        let published = published.map_err(|error| self.log_error(error))?;
        published
            .map(|published| self.require_readable(Arc::new(published)))
            .transpose()
    }
}
