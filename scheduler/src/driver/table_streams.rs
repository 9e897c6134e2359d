//! What is new of the streaming tables that flows read with STREAM: the versions that
//! have added rows since the flow's last plan, and the rows that the same plan adds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sluice_engine::job::TableInput;
use sluice_gold::{ActiveFile, GoldError, GoldTable, Snapshot};
use sluice_plans::{PlanError, TablePosition, TableRange};
use sluice_storage::Location;

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
    fn snapshot(&self, table: &str) -> Option<&Arc<Snapshot>> {
        self.snapshots.get(table)?.as_ref()
    }

    fn open_table(&self, table: &str) -> Result<GoldTable, GoldError> {
        self.driver.gold.open(self.gold, table)
    }

    /// What `table` has for `reader` in addition to what it has `taken`. `adds`: whether
    /// this run adds rows to it.
    pub(super) async fn find_new(
        &self,
        (table, reader): (&str, &str),
        taken: Option<&TablePosition>,
        adds: bool,
    ) -> Result<NewRows, TableStreamError> {
        let snapshot = self.snapshot(table);
        let to = snapshot.map_or(0, |snapshot| snapshot.version + 1);
        let table_id = snapshot.map(|snapshot| snapshot.table_id.clone());
        let other = |problem| TableStreamError::OtherTable {
            table: table.to_owned(),
            reader: reader.to_owned(),
            problem,
        };
        let mut range = TableRange {
            from: taken.map_or(0, |taken| taken.next),
            to,
            without: taken.and_then(|taken| taken.without),
            own: adds,
        };
        if self.restarted.contains(table) {
            if taken.is_some() {
                return Err(TableStreamError::Restarted {
                    table: table.to_owned(),
                    reader: reader.to_owned(),
                });
            }
            // Only what this run adds.
            range.from = to;
        }
        if let Some(taken) = taken {
            if taken.table_id.is_some() && taken.table_id != table_id {
                return Err(other("it has another id"));
            }
            if range.from > to {
                return Err(other("it has fewer versions"));
            }
        }
        let files = self.open_range(table, &range).await?;
        let range = (!files.is_empty() || adds).then(|| {
            let position = TablePosition {
                table: table.to_owned(),
                table_id,
                next: range.to,
                without: None,
                own: range.own,
            };
            (range, position)
        });
        Ok(NewRows {
            range,
            input: TableInput {
                files,
                with_added: adds,
            },
        })
    }

    /// What a plan of an earlier run takes of `table`. `number` is the plan's, and `adds`
    /// says whether this run adds its rows to the table; otherwise they are in it.
    pub(super) async fn open_planned(
        &self,
        table: &str,
        range: &TableRange,
        (number, adds): (u64, bool),
    ) -> Result<TableInput, TableStreamError> {
        let mut files = self.open_range(table, range).await?;
        if range.own && !adds {
            let newest = self.snapshot(table).map_or(0, |newest| newest.version + 1);
            let of_plan = |numbers: &[i64]| has_number(numbers, number);
            let opened = self.open_table(table)?;
            files.extend(opened.added_files(range.to..newest, &of_plan).await?);
        }
        Ok(TableInput {
            files,
            with_added: range.own && adds,
        })
    }

    async fn open_range(
        &self,
        table: &str,
        range: &TableRange,
    ) -> Result<Vec<ActiveFile>, GoldError> {
        let opened = self.open_table(table)?;
        if range.from > 0 || range.without.is_some() {
            let without = range.without;
            let is_new =
                |numbers: &[i64]| without.is_none_or(|number| !has_number(numbers, number));
            return opened.added_files(range.from..range.to, &is_new).await;
        }
        // From the beginning: the log need not reach back so far.
        let Some(newest) = self.snapshot(table).filter(|_| range.to > 0) else {
            return Ok(Vec::new());
        };
        let all = |_: &[i64]| true;
        let later = opened.added_files(range.to..newest.version + 1, &all);
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
