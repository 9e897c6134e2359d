//! A gold table: a folder with a Delta log.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake_core::DeltaTableError;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use object_store::prefix::PrefixStore;
use parking_lot::Mutex;
use sluice_storage::{Location, StoreError, StorePath, Stores};

use crate::error::GoldError;
use crate::locks::TableLock;
use crate::log::delta_log::DeltaLog;
use crate::log::listing::CachedVersion;
use crate::log::snapshot::{self, Snapshot};

/// What a job wants a table to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// Name of the table in the log and in messages.
    pub name: String,
    /// Columns of the query; [`crate::delta_schema`] converts them to those of
    /// the table.
    pub schema: SchemaRef,
    /// Partition columns, outermost first.
    pub partition_by: Vec<String>,
    /// Table properties; see [`crate::check_properties`].
    pub properties: BTreeMap<String, String>,
    pub comment: Option<String>,
}

/// The folder of a table, which may not exist yet. Cheap to clone; clones share
/// the version that was loaded last.
#[derive(Clone)]
pub struct GoldTable {
    name: String,
    store_path: StorePath,
    delta_log: DeltaLog,
    log_store: LogStoreRef,
    cached_version: Arc<Mutex<Option<CachedVersion>>>,
    commit_lock: TableLock,
    run_lock: TableLock,
}

impl fmt::Debug for GoldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoldTable({})", self.store_path.location)
    }
}

impl GoldTable {
    /// The table `name` in the folder or prefix `root`. Reads nothing.
    ///
    /// # Errors
    /// When the name is not a plain folder name, or the store cannot be set up.
    pub fn open(stores: &Stores, root: &Location, name: &str) -> Result<Self, GoldError> {
        let location = root.child(name).map_err(|source| GoldError::Store {
            table: name.to_owned(),
            source: Box::new(source),
        })?;
        Self::open_at(stores, &location, name)
    }

    /// The table in the folder or prefix `location`, called `name` in messages.
    /// Reads nothing.
    ///
    /// # Errors
    /// When the store cannot be set up.
    pub fn open_at(stores: &Stores, location: &Location, name: &str) -> Result<Self, GoldError> {
        let store_path = stores.open(location).map_err(|source| GoldError::Store {
            table: name.to_owned(),
            source: Box::new(source),
        })?;
        let table_store =
            PrefixStore::new(Arc::clone(&store_path.store), store_path.path().clone());
        let delta = default_logstore(
            Arc::new(table_store),
            Arc::clone(&store_path.store),
            store_path.url(),
            &StorageConfig::default(),
        );
        Ok(Self {
            name: name.to_owned(),
            delta_log: DeltaLog::new(store_path.clone()),
            store_path,
            log_store: delta,
            cached_version: Arc::default(),
            commit_lock: TableLock::default(),
            run_lock: TableLock::default(),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn location(&self) -> &Location {
        &self.store_path.location
    }

    /// The table's location with its store.
    pub fn store_path(&self) -> &StorePath {
        &self.store_path
    }

    /// The last version number of an application that the table's log holds
    /// (a `txn` action).
    pub(crate) async fn txn_version(
        &self,
        snapshot: &Snapshot,
        app_id: &str,
    ) -> Result<Option<i64>, GoldError> {
        if let Some(txns) = &snapshot.txns {
            return Ok(txns.get(app_id).copied());
        }
        snapshot::txn_version(&self.log_store, snapshot.version, app_id)
            .await
            .map_err(|error| self.log_error(error))
    }

    /// The lock that jobs of this process hold while they commit to the table.
    pub(crate) fn commit_lock(&self) -> &TableLock {
        &self.commit_lock
    }

    /// The lock that runs of this process hold while they add to the table.
    pub(crate) fn run_lock(&self) -> &TableLock {
        &self.run_lock
    }

    pub(crate) fn cached_version(&self) -> Option<CachedVersion> {
        self.cached_version.lock().clone()
    }

    pub(crate) fn cache_version(&self, loaded: Option<CachedVersion>) {
        *self.cached_version.lock() = loaded;
    }

    pub(crate) fn delta_log(&self) -> &DeltaLog {
        &self.delta_log
    }

    pub(crate) fn log_store(&self) -> &LogStoreRef {
        &self.log_store
    }

    pub(crate) fn log_error(&self, error: DeltaTableError) -> GoldError {
        GoldError::from_delta(&self.name, &error)
    }

    /// The error for a log that is not valid.
    pub(crate) fn invalid_log(&self, problem: impl Into<String>) -> GoldError {
        GoldError::Log {
            table: self.name.clone(),
            problem: problem.into(),
            kind: None,
        }
    }

    pub(crate) fn store_error(
        &self,
        action: &'static str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> GoldError {
        GoldError::Store {
            table: self.name.clone(),
            source: Box::new(StoreError::access(action, &self.store_path.location, error)),
        }
    }
}

/// The gold tables of a process. It caches the last loaded version of each
/// table, so that a later commit reads only new log entries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GoldTables {
    stores: Stores,
    tables: Arc<Mutex<HashMap<Location, GoldTable>>>,
}

impl GoldTables {
    pub fn new(stores: Stores) -> Self {
        Self {
            stores,
            tables: Arc::default(),
        }
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The table `name` in the folder or prefix `root`; see [`GoldTable::open`].
    pub fn open(&self, root: &Location, name: &str) -> Result<GoldTable, GoldError> {
        Ok(self.share_table(GoldTable::open(&self.stores, root, name)?))
    }

    /// The table at `location`; see [`GoldTable::open_at`].
    pub fn open_at(&self, location: &Location, name: &str) -> Result<GoldTable, GoldError> {
        Ok(self.share_table(GoldTable::open_at(&self.stores, location, name)?))
    }

    fn share_table(&self, table: GoldTable) -> GoldTable {
        let mut tables = self.tables.lock();
        let table = tables.entry(table.location().clone()).or_insert(table);
        table.clone()
    }
}
