//! Checks the folder of one table before anything is computed for it.

use futures::StreamExt as _;

use crate::commit::protocol::check_writable;
use crate::error::GoldError;
use crate::files::file_names::DataFileName;
use crate::folder::writable::check_writable_folder;
use crate::table::GoldTable;

/// How many files of a folder are looked at.
const MAX_FILES: usize = 1_000;

/// How many foreign files are named.
const NAMED_FILES: usize = 3;

/// What is in the folder of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetFolder {
    /// The newest version of the table, `None` when there is no table yet.
    pub version: Option<u64>,
    /// Files in a folder without a table that no job of ours wrote: the number of
    /// those that were found, and the names of the first.
    pub foreign_files: usize,
    /// Names of the first foreign files, relative to the folder.
    pub first_foreign_files: Vec<String>,
}

impl GoldTable {
    /// Checks that a job can commit to this table, without changing anything: its log can
    /// be read, its protocol is supported, and the folder is writable. `is_append`:
    /// the job adds rows, and does not replace them.
    ///
    /// # Errors
    /// What the commit would return for the same table.
    pub async fn check_target(&self, is_append: bool) -> Result<TargetFolder, GoldError> {
        if let Some(folder) = self.location().local_path() {
            check_writable_folder(&folder)
                .and_then(|()| check_writable_folder(&folder.join("_delta_log")))
                .map_err(|error| self.store_error("write", error))?;
        }
        match self.load_snapshot().await? {
            Some(snapshot) => {
                check_writable(self.name(), &snapshot, is_append)?;
                Ok(TargetFolder {
                    version: Some(snapshot.version),
                    ..TargetFolder::default()
                })
            }
            None => self.find_foreign_files().await,
        }
    }

    /// The files in the folder that no job of ours wrote. Hidden files, whose path
    /// has a name that begins with `_` or `.`, are skipped, as in sources.
    async fn find_foreign_files(&self) -> Result<TargetFolder, GoldError> {
        let mut found = TargetFolder::default();
        let objects = self.store_path().store.list(Some(self.store_path().path()));
        let mut objects = objects.take(MAX_FILES);
        while let Some(meta) = objects.next().await {
            let meta = meta.map_err(|error| self.store_error("list", error))?;
            let Some(path) = self.relative_path(&meta.location) else {
                continue;
            };
            let is_ours = path.rsplit('/').next().and_then(DataFileName::parse);
            let is_hidden = path.split('/').any(|name| name.starts_with(['_', '.']));
            if is_ours.is_some() || is_hidden {
                continue;
            }
            found.foreign_files += 1;
            if found.first_foreign_files.len() < NAMED_FILES {
                found.first_foreign_files.push(path);
            }
        }
        Ok(found)
    }
}
