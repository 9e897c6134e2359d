//! What is new of the streaming tables that flows read with STREAM: the versions that
//! have added rows since the flow's last plan, and the rows that the same plan adds.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sluice_engine::job::TableInput;
use sluice_gold::{ActiveFile, GoldError, GoldTable, Snapshot};
use sluice_plans::{PlanError, TablePosition, TableRange};
use sluice_storage::{Location, StoreError};

use super::Driver;

/// The streaming tables of a run as they are before it.
pub(super) struct TableStreams<'a> {
    pub(super) driver: &'a Driver,
    pub(super) gold: &'a Location,
    /// By name; `None`: there is no table yet.
    pub(super) snapshots: HashMap<String, Option<Arc<Snapshot>>>,
    /// The tables that are filled again from the beginning.
    pub(super) restarted: HashSet<String>,
}

/// What a streaming table has in addition to what was taken.
#[derive(Default)]
pub(super) struct NewRows {
    /// `None` when nothing is new.
    pub(super) range: Option<(TableRange, TablePosition)>,
    pub(super) input: TableInput,
}

/// Why it cannot be determined what is new of a streaming table.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableStreamError {
    #[error(transparent)]
    Gold(#[from] GoldError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(
        "'{reader}' reads a stream of '{table}', which is filled again from the beginning; name \
         '{reader}' in --full-refresh, too"
    )]
    Restarted { table: String, reader: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "table '{table}' is not the one whose rows '{reader}' has taken before: {problem}; fill \
         '{reader}' again with --full-refresh"
    )]
    OtherTable {
        table: String,
        reader: String,
        problem: &'static str,
    },
}

impl TableStreams<'_> {
    /// The streaming table of this name.
    pub(super) fn table<'a>(&self, name: &'a str) -> Result<StreamedTable<'a>, GoldError> {
        Ok(StreamedTable {
            name: name.into(),
            table: self.driver.gold.open(self.gold, name)?,
            snapshot: self.snapshots.get(name).cloned().flatten(),
            is_restarted: self.restarted.contains(name),
        })
    }
}

/// A table that is read as a stream, as it is before the run.
pub(super) struct StreamedTable<'a> {
    /// The name under which plans know it.
    pub(super) name: Cow<'a, str>,
    pub(super) table: GoldTable,
    /// `None`: there is no table yet.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// Whether it is filled again from the beginning.
    pub(super) is_restarted: bool,
}

impl StreamedTable<'_> {
    fn next_version(&self) -> u64 {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or(0, |snapshot| snapshot.version + 1)
    }

    fn table_id(&self) -> Option<&String> {
        self.snapshot.as_ref().map(|snapshot| &snapshot.table_id)
    }

    /// Up to where the table is read as a whole. `adds`: whether this run adds rows to it.
    pub(super) fn position(&self, adds: bool) -> TablePosition {
        TablePosition {
            table: self.name.clone().into_owned(),
            table_id: self.table_id().cloned(),
            next: self.next_version(),
            without: None,
            own: adds,
        }
    }

    /// What the table has for `reader` in addition to what it has `taken`. `adds`: whether
    /// this run adds rows to it.
    pub(super) async fn find_new(
        &self,
        reader: &str,
        taken: Option<&TablePosition>,
        adds: bool,
    ) -> Result<NewRows, TableStreamError> {
        let to = self.next_version();
        let other = |problem| TableStreamError::OtherTable {
            table: self.name.clone().into_owned(),
            reader: reader.to_owned(),
            problem,
        };
        let mut range = TableRange {
            from: taken.map_or(0, |taken| taken.next),
            to,
            without: taken.and_then(|taken| taken.without),
            own: adds,
        };
        if self.is_restarted {
            if taken.is_some() {
                return Err(TableStreamError::Restarted {
                    table: self.name.clone().into_owned(),
                    reader: reader.to_owned(),
                });
            }
            // Only what this run adds.
            range.from = to;
        }
        if let Some(taken) = taken {
            if taken.table_id.is_some() && taken.table_id.as_ref() != self.table_id() {
                return Err(other("it has another id"));
            }
            if range.from > to {
                return Err(other("it has fewer versions"));
            }
        }
        let files = self.open_range(&range).await?;
        let range = (!files.is_empty() || adds).then(|| (range, self.position(adds)));
        Ok(NewRows {
            range,
            input: TableInput {
                files,
                with_added: adds,
            },
        })
    }

    /// What a plan of an earlier run takes of the table. `number` is the plan's, and `adds`
    /// says whether this run adds its rows to the table; otherwise they are in it.
    pub(super) async fn open_planned(
        &self,
        range: &TableRange,
        (number, adds): (u64, bool),
    ) -> Result<TableInput, TableStreamError> {
        let mut files = self.open_range(range).await?;
        if range.own && !adds {
            let newest = self.next_version();
            let of_plan = |numbers: &[i64]| has_number(numbers, number);
            let added = self.table.added_files(range.to..newest, &of_plan);
            files.extend(added.await?);
        }
        Ok(TableInput {
            files,
            with_added: range.own && adds,
        })
    }

    async fn open_range(&self, range: &TableRange) -> Result<Vec<ActiveFile>, GoldError> {
        if range.from > 0 || range.without.is_some() {
            let without = range.without;
            let is_new =
                |numbers: &[i64]| without.is_none_or(|number| !has_number(numbers, number));
            let added = self.table.added_files(range.from..range.to, &is_new);
            return added.await;
        }
        // From the beginning: the log need not reach back so far.
        let Some(newest) = self.snapshot.as_ref().filter(|_| range.to > 0) else {
            return Ok(Vec::new());
        };
        let all = |_: &[i64]| true;
        let later = self.table.added_files(range.to..newest.version + 1, &all);
        let later: HashSet<String> = later.await?.into_iter().map(|file| file.path).collect();
        let files = newest.files.iter();
        Ok(files
            .filter(|file| !later.contains(&file.path))
            .cloned()
            .collect())
    }
}

fn has_number(numbers: &[i64], number: u64) -> bool {
    i64::try_from(number).is_ok_and(|number| numbers.contains(&number))
}
