//! Materialized views that know what they were computed from.
//!
//! The log entry of such a table names the plan whose input it has, and only the newest
//! entry counts: whoever writes to the table in another way leaves no such number.

use serde::{Deserialize, Serialize};

use crate::error::GoldError;
use crate::log::replay::read_entry_rows;
use crate::log::snapshot::Snapshot;
use crate::table::GoldTable;

/// The application of a view's `txn` action.
pub(crate) const VIEW_APPLICATION: &str = "sluice:view";

/// A plan whose input a materialized view has after a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewPlan {
    /// The number of the plan.
    pub number: i64,
    /// The version that the rows follow from, when they follow from those that the table
    /// had: the commit is made on this one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub based_on: Option<u64>,
    /// Whether the rows are added to those of that version; otherwise they replace them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adds: bool,
    /// The paths of the files of that version whose rows are replaced; the others stay.
    /// `None`: all, unless the rows are added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removes: Option<Vec<String>>,
}

impl ViewPlan {
    /// The files that the commit removes; `None`: all.
    pub(crate) fn removed_paths(&self) -> Option<&[String]> {
        match &self.removes {
            Some(paths) => Some(paths),
            None if self.adds => Some(&[]),
            None => None,
        }
    }

    /// Whether files of the version that the rows follow from stay.
    pub(crate) fn keeps_files(&self) -> bool {
        self.removed_paths().is_some()
    }
}

impl GoldTable {
    /// The number of the plan whose input the table has; `None` when its newest version
    /// was made in another way.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn view_number(&self, snapshot: &Snapshot) -> Result<Option<i64>, GoldError> {
        let entry = self.delta_log().read_entry(snapshot.version).await;
        let entry = entry.map_err(|error| GoldError::Store {
            table: self.name().to_owned(),
            source: Box::new(error),
        })?;
        let rows = entry.and_then(|entry| read_entry_rows(&entry, VIEW_APPLICATION));
        Ok(rows.and_then(|rows| rows.numbers.first().copied()))
    }
}
