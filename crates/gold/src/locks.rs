//! Locks on the tables of a job, so that jobs of one process commit one after the
//! other.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::table::GoldTable;

/// A lock of one table.
pub(crate) type TableLock = Arc<Mutex<()>>;

/// Locks on several tables, released on drop. While a job holds those of all its
/// tables, no other job of this process commits to any of them, so readers never
/// find tables of two jobs after both have ended.
///
/// Writers in other processes do not take these locks. With them, each table is
/// still consistent: a version exists or not, and the last commit counts.
#[derive(Debug)]
#[must_use = "the tables are unlocked when this is dropped"]
pub struct TableLocks {
    _guards: Vec<OwnedMutexGuard<()>>,
}

impl TableLocks {
    /// Waits for the locks of these tables. They are taken in the order of the
    /// tables' locations, so that two jobs never wait for each other.
    pub async fn acquire(tables: &[GoldTable]) -> Self {
        let mut guards = Vec::new();
        for lock in sort_locks(tables) {
            guards.push(lock.lock_owned().await);
        }
        Self { _guards: guards }
    }

    /// Takes the locks if no other job holds one of them.
    pub fn try_acquire(tables: &[GoldTable]) -> Option<Self> {
        let locks = sort_locks(tables).into_iter();
        let guards: Result<Vec<_>, _> = locks.map(Mutex::try_lock_owned).collect();
        Some(Self {
            _guards: guards.ok()?,
        })
    }
}

/// Locks on the streaming tables of a run, from when it is decided what the run takes
/// until its rows are committed, released on drop. Runs of other processes do not take
/// them; of two that take the same, one commits.
#[derive(Debug)]
#[must_use = "the tables are unlocked when this is dropped"]
pub struct RunLocks {
    _guards: Vec<OwnedMutexGuard<()>>,
}

impl RunLocks {
    /// Waits for the locks of these tables, in the order of the tables' locations.
    pub async fn acquire(tables: &[GoldTable]) -> Self {
        let mut guards = Vec::new();
        for lock in sort_by_location(tables, GoldTable::run_lock) {
            guards.push(lock.lock_owned().await);
        }
        Self { _guards: guards }
    }
}

/// The locks of these tables, each once, in the order of the tables' locations.
fn sort_locks(tables: &[GoldTable]) -> Vec<TableLock> {
    sort_by_location(tables, GoldTable::commit_lock)
}

fn sort_by_location(
    tables: &[GoldTable],
    lock_of: impl Fn(&GoldTable) -> &TableLock,
) -> Vec<TableLock> {
    let by_location: BTreeMap<String, TableLock> = tables
        .iter()
        .map(|table| {
            let url = table.location().url().to_string();
            (url, Arc::clone(lock_of(table)))
        })
        .collect();
    by_location.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sluice_storage::{StoreOptions, Stores};

    use super::*;
    use crate::table::GoldTables;

    fn open_tables(names: &[&str]) -> (GoldTables, Vec<GoldTable>) {
        let tables = GoldTables::new(Stores::new(StoreOptions::new()));
        let root = tables.stores().parse_location("/nowhere/gold").unwrap();
        let opened = names.iter().map(|name| tables.open(&root, name).unwrap());
        let opened = opened.collect();
        (tables, opened)
    }

    #[tokio::test]
    async fn a_table_is_locked_once_whichever_way_it_was_opened() {
        let (tables, opened) = open_tables(&["a", "b", "a"]);
        let locks = TableLocks::acquire(&opened).await;
        let location = tables.stores().parse_location("/nowhere/gold/b").unwrap();
        let again = tables.open_at(&location, "b").unwrap();
        assert!(TableLocks::try_acquire(std::slice::from_ref(&again)).is_none());
        drop(locks);
        assert!(TableLocks::try_acquire(std::slice::from_ref(&again)).is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn jobs_that_name_the_tables_in_other_orders_do_not_wait_forever() {
        let (_, forward) = open_tables(&["a", "b", "c"]);
        let backward: Vec<GoldTable> = forward.iter().rev().cloned().collect();
        let jobs = [forward, backward].map(|tables| {
            tokio::spawn(async move {
                for _ in 0..200 {
                    let _locks = TableLocks::acquire(&tables).await;
                    tokio::task::yield_now().await;
                }
            })
        });
        for job in jobs {
            let ended = tokio::time::timeout(Duration::from_secs(120), job).await;
            ended.unwrap().unwrap();
        }
    }
}
