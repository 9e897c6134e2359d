//! Checkpoints of a table's log, and checks of its files.

use deltalake_core::{DeltaTable, protocol::checkpoints};

use crate::error::GoldError;
use crate::properties::{CHECKPOINT_INTERVAL, CHECKPOINT_KEY};
use crate::snapshot::Snapshot;
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

    /// Checks that every file of a snapshot is in the store with its size.
    ///
    /// # Errors
    /// [`GoldError::DataFile`] for the first file that is missing or has a
    /// different size.
    pub async fn verify_snapshot(&self, snapshot: &Snapshot) -> Result<(), GoldError> {
        let files = snapshot.files.iter();
        self.verify_files(files.map(|file| (file.path.as_str(), file.size)))
            .await
    }

    /// The same check for files that are about to be committed.
    pub async fn verify_files<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<(), GoldError> {
        use futures::{StreamExt as _, TryStreamExt as _};
        futures::stream::iter(files)
            .map(|(path, size)| self.verify_file(path, size))
            .buffer_unordered(16)
            .try_collect()
            .await
    }

    async fn verify_file(&self, path: &str, size: u64) -> Result<(), GoldError> {
        use object_store::ObjectStoreExt as _;
        let problem = |problem: String| GoldError::DataFile {
            table: self.name().to_owned(),
            path: path.to_owned(),
            problem,
        };
        let location = self
            .location()
            .join(path)
            .map_err(|error| problem(format!("its path is wrong: {error}")))?;
        match self.store_path().store.head(location.path()).await {
            Ok(meta) if meta.size == size => Ok(()),
            Ok(meta) => Err(problem(format!(
                "it has {} bytes instead of {size}",
                meta.size
            ))),
            Err(object_store::Error::NotFound { .. }) => Err(problem("it is missing".to_owned())),
            Err(error) => Err(self.store_error("read", error)),
        }
    }
}
