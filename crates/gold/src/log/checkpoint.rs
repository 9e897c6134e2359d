//! Checkpoints of a table's log.

use deltalake_core::{DeltaTable, protocol::checkpoints};

use crate::error::GoldError;
use crate::schema::properties::{CHECKPOINT_INTERVAL, CHECKPOINT_KEY};
use crate::table::{GoldTable, TableSpec};

/// Whether to write a checkpoint for a version: every 50th, or at the interval
/// that `delta.checkpointInterval` sets.
pub fn is_checkpoint_due(version: u64, spec: &TableSpec) -> bool {
    let interval = spec
        .properties
        .get(CHECKPOINT_KEY)
        .and_then(|value| value.parse().ok())
        .filter(|interval| *interval > 0)
        .unwrap_or(CHECKPOINT_INTERVAL);
    version > 0 && version.is_multiple_of(interval)
}

impl GoldTable {
    /// Writes a checkpoint of the newest version, so that readers need not
    /// replay the log from its start.
    ///
    /// A checkpoint is not part of a commit: a commit is complete when its entry
    /// exists, even if the checkpoint fails. Concurrent checkpoints of one table
    /// are not safe, so only the process that commits to the table may call this.
    /// Needs a runtime with several threads.
    pub async fn write_checkpoint(&self) -> Result<(), GoldError> {
        let mut table = DeltaTable::new(self.log_store().clone());
        table.load().await.map_err(|error| self.log_error(error))?;
        checkpoints::create_checkpoint(&table, None)
            .await
            .map_err(|error| self.log_error(error))
    }
}
