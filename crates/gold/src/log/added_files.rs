//! What versions of a table have added.

use std::ops::Range;

use chrono::DateTime;
use object_store::path::Path;
use sluice_storage::SourceFile;

use crate::commit::append::FLOW_PREFIX;
use crate::error::GoldError;
use crate::log::replay::read_entry_rows;
use crate::log::snapshot::ActiveFile;
use crate::table::GoldTable;

impl GoldTable {
    /// The files with the rows that some versions have added, in the order of the
    /// versions. `is_wanted` decides by the numbers of the plans whose rows a version
    /// has, which are none for a version that no flow has made.
    ///
    /// # Errors
    /// When one of them removes rows, or when its entry is missing.
    pub async fn added_files(
        &self,
        versions: Range<u64>,
        is_wanted: &(dyn Fn(&[i64]) -> bool + Sync),
    ) -> Result<Vec<ActiveFile>, GoldError> {
        let mut files = Vec::new();
        for version in versions {
            let not_appended = |problem: &str| GoldError::NotAppended {
                table: self.name().to_owned(),
                version,
                problem: problem.to_owned(),
            };
            let entry = self.delta_log().read_entry(version).await;
            let entry = entry.map_err(|error| GoldError::Store {
                table: self.name().to_owned(),
                source: Box::new(error),
            })?;
            let entry =
                entry.ok_or_else(|| not_appended("its entry in the log is no longer there"))?;
            let rows = read_entry_rows(&entry, FLOW_PREFIX)
                .ok_or_else(|| not_appended("its entry in the log cannot be read"))?;
            if !is_wanted(&rows.numbers) {
                continue;
            }
            if rows.removes_rows {
                return Err(not_appended("it removes rows"));
            }
            files.extend(rows.added);
        }
        Ok(files)
    }

    /// Files of the table as those of a source, in the order of their paths.
    ///
    /// # Errors
    /// When the path of one cannot be in a store.
    pub fn source_files(&self, files: &[ActiveFile]) -> Result<Vec<SourceFile>, GoldError> {
        let folder = self.location().path();
        let files = files.iter().map(|file| {
            let path = match folder.as_ref() {
                "" => file.path.clone(),
                folder => format!("{folder}/{}", file.path),
            };
            let path = Path::parse(&path).map_err(|error| self.store_error("read", error))?;
            let values = file.partition_values.iter();
            Ok(SourceFile {
                path,
                size: file.size,
                last_modified: DateTime::from_timestamp_millis(file.modification_time_ms)
                    .unwrap_or_default(),
                e_tag: None,
                partition_values: values
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
                stored: None,
            })
        });
        let mut files = files.collect::<Result<Vec<_>, GoldError>>()?;
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}
