//! Streams of Delta tables that a job does not make: sources whose folder is one.

use std::borrow::Cow;

use sluice_gold::ActiveFile;
use sluice_jobfile::{Format, Source};
use sluice_plans::{TakenInput, is_file};
use sluice_storage::{Listing, SourceLocation};

use super::Driver;
use super::table_streams::{NewRows, StreamedTable, TableStreamError};

/// A source that is read as the versions of a Delta table.
pub(super) struct DeltaStream {
    pub(super) table: StreamedTable<'static>,
    source: SourceLocation,
}

impl Driver {
    /// The Delta table in the folder of a source; `None` when there is none. Its name in
    /// plans is its URL.
    pub(super) async fn find_delta_stream(
        &self,
        source: &Source,
    ) -> Result<Option<DeltaStream>, TableStreamError> {
        if source.format != Format::Parquet {
            return Ok(None);
        }
        let location = self.stores.parse_source(&source.location)?;
        let SourceLocation::Single(folder) = &location else {
            return Ok(None);
        };
        if is_file(&self.stores, folder).await? {
            return Ok(None);
        }
        let table = self.gold.open_at(folder, &source.name)?;
        let snapshot = table.load_readable().await?;
        Ok(snapshot.map(|snapshot| DeltaStream {
            table: StreamedTable {
                name: Cow::Owned(folder.url().to_string()),
                table,
                snapshot: Some(snapshot),
                is_restarted: false,
            },
            source: location.clone(),
        }))
    }

    /// Refuses a source of which versions of a Delta table were taken, and that has none
    /// any more: its files would be taken again.
    pub(super) fn refuse_lost_table(
        &self,
        source: &Source,
        (reader, taken): (&str, &TakenInput),
    ) -> Result<(), TableStreamError> {
        let location = self.stores.parse_source(&source.location)?;
        let url = location.base().url().to_string();
        match taken.table(&url) {
            Some(_) => Err(TableStreamError::OtherTable {
                table: url,
                reader: reader.to_owned(),
                problem: "its folder has no Delta table any more",
            }),
            None => Ok(()),
        }
    }
}

impl DeltaStream {
    /// What is new of it for a flow. A table that was moved is known by its id.
    pub(super) async fn find_new(
        &self,
        reader: &str,
        taken: &TakenInput,
    ) -> Result<NewRows, TableStreamError> {
        let table_id = self.table.snapshot.as_ref().map(|newest| &newest.table_id);
        let position = taken.table(&self.table.name);
        let position = position.or_else(|| taken.table_with_id(table_id?));
        self.table.find_new(reader, position, false).await
    }

    /// The files as those of a source.
    pub(super) fn list(
        &self,
        driver: &Driver,
        files: &[ActiveFile],
    ) -> Result<Listing, TableStreamError> {
        Ok(Listing {
            store: driver.stores.open(self.source.base())?.store,
            source: self.source.clone(),
            files: self.table.table.source_files(files)?,
            skipped: 0,
            foreign: Vec::new(),
        })
    }
}
