//! Checks that a table's files are in the store.

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;

use crate::error::GoldError;
use crate::table::GoldTable;

impl GoldTable {
    /// Checks that every file, given by its path in the table and its size, is in
    /// the store with that size.
    ///
    /// # Errors
    /// [`GoldError::DataFile`] for a file that is missing or has a different size.
    pub async fn verify_files<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<(), GoldError> {
        // Owned paths: with a stream that borrows them, the compiler cannot prove
        // that the callers' futures are `Send`.
        let files = files
            .into_iter()
            .map(|(path, size)| (path.to_owned(), size));
        let files: Vec<(String, u64)> = files.collect();
        futures::stream::iter(files)
            .map(async |(path, size)| self.verify_file(&path, size).await)
            .buffer_unordered(16)
            .try_collect()
            .await
    }

    async fn verify_file(&self, path: &str, size: u64) -> Result<(), GoldError> {
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
