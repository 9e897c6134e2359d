//! Columns of a source whose values are in the names of its folders.
//!
//! As in Spark, the value of a folder `day=2024-01-01` is the value of the column
//! `day` in all files below it, whatever the files say.

use datafusion::common::ScalarValue;
use sluice_jobfile::{Column, Source};
use sluice_storage::{Listing, SourceFile};
use sluice_values::TimeZone;

use super::{AnalyzeError, arrow_types};

/// The declared columns that are names of folders.
#[derive(Debug)]
pub(super) struct FolderColumns {
    columns: Vec<Column>,
    /// The zone of times that name none.
    time_zone: TimeZone,
}

impl FolderColumns {
    /// No column is a name of folders.
    pub(super) const fn none() -> Self {
        Self {
            columns: Vec::new(),
            time_zone: TimeZone::UTC,
        }
    }

    /// Finds the columns, and checks the values of all folders.
    ///
    /// # Errors
    /// When a value does not fit its column, or a file is in no folder of a column.
    pub(super) fn find(
        source: &Source,
        listing: &Listing,
        time_zone: TimeZone,
    ) -> Result<Self, AnalyzeError> {
        let is_folder = |column: &&Column| {
            listing
                .files
                .iter()
                .any(|file| folder_value(file, column).is_some())
        };
        let columns = Self {
            columns: source.columns.iter().filter(is_folder).cloned().collect(),
            time_zone,
        };
        for column in &columns.columns {
            for file in &listing.files {
                columns.check_value(source, listing, column, file)?;
            }
        }
        Ok(columns)
    }

    fn check_value(
        &self,
        source: &Source,
        listing: &Listing,
        column: &Column,
        file: &SourceFile,
    ) -> Result<(), AnalyzeError> {
        let fail = |problem: String| AnalyzeError::Files {
            what: format!("source {}", source.name),
            file: listing.source.base().display_path(&file.path),
            problem,
        };
        let name = &column.source_name;
        let Some(value) = folder_value(file, column) else {
            return Err(fail(format!(
                "it is in no folder `{name}=…`, and other files of the source are, so column \
                 {name} has no value for it; move the file, or leave it out by a pattern in LOCATION"
            )));
        };
        let schema = arrow_types::source_schema(std::slice::from_ref(column));
        let field = schema.field(0);
        match value {
            None if !column.nullable => Err(fail(format!(
                "its folder says that {name} is NULL, and the column is declared NOT NULL"
            ))),
            Some(text) if sluice_csv::single_value(field, Some(text), self.time_zone).is_none() => {
                Err(fail(format!(
                    "its folder says `{name}={text}`, which is no {}; declare {name} as STRING",
                    column.ty
                )))
            }
            _ => Ok(()),
        }
    }

    /// The names of the columns in queries.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    }

    /// The values for a file, in the order of [`Self::names`].
    pub(super) fn values_of(&self, file: &SourceFile) -> Vec<Option<String>> {
        self.columns
            .iter()
            .map(|column| folder_value(file, column).flatten().map(str::to_owned))
            .collect()
    }

    /// The values for a file as values of the columns' types.
    pub(super) fn scalars_of(&self, file: &SourceFile) -> Vec<ScalarValue> {
        let schema = arrow_types::source_schema(&self.columns);
        let values = self.values_of(file);
        let fields = schema.fields().iter().zip(&values);
        fields
            .map(|(field, text)| {
                // `find` checked the values.
                let value = sluice_csv::single_value(field, text.as_deref(), self.time_zone);
                let value = value.and_then(|value| ScalarValue::try_from_array(&value, 0).ok());
                value.unwrap_or(ScalarValue::Null)
            })
            .collect()
    }
}

/// The value of a column in the folders of a file: `None` when there is no such
/// folder, `Some(None)` for NULL. Names are compared without regard to case.
fn folder_value<'a>(file: &'a SourceFile, column: &Column) -> Option<Option<&'a str>> {
    let folders = file.partition_values.iter().rev();
    folders
        .filter(|(name, _)| name.to_lowercase() == column.source_name.to_lowercase())
        .map(|(_, value)| value.as_deref())
        .next()
}
