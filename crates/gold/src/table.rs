//! A gold table: a folder with a Delta log.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake_core::DeltaTableError;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use object_store::prefix::PrefixStore;
use parking_lot::Mutex;
use sluice_storage::{Location, Place, StoreError, Stores};

use crate::error::GoldError;
use crate::load::Loaded;
use crate::log::Log;
use crate::snapshot::{self, Snapshot};

/// What a job wants a table to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// Name, for the log and for people.
    pub name: String,
    /// Columns of the query; the table gets what [`crate::delta_schema`] makes
    /// of them.
    pub schema: SchemaRef,
    /// Partition columns, outermost first.
    pub partition_by: Vec<String>,
    /// Table properties; see [`crate::check_properties`].
    pub properties: BTreeMap<String, String>,
    /// Comment on the table.
    pub comment: Option<String>,
}

/// A place for a table, whether or not there is one yet. Cheap to clone; clones
/// share what they know of the log.
#[derive(Clone)]
pub struct GoldTable {
    name: String,
    place: Place,
    log: Log,
    delta: LogStoreRef,
    loaded: Arc<Mutex<Option<Loaded>>>,
}

impl fmt::Debug for GoldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoldTable({})", self.place.location)
    }
}

impl GoldTable {
    /// The table `name` in the folder or prefix `root`. Reads nothing.
    ///
    /// # Errors
    /// When the name is no plain folder name, or the store cannot be set up.
    pub fn open(stores: &Stores, root: &Location, name: &str) -> Result<Self, GoldError> {
        let location = root.child(name);
        let place = location
            .and_then(|location| stores.open(&location))
            .map_err(|source| GoldError::Store {
                table: name.to_owned(),
                source: Box::new(source),
            })?;
        let prefixed = PrefixStore::new(Arc::clone(&place.store), place.path().clone());
        let delta = default_logstore(
            Arc::new(prefixed),
            Arc::clone(&place.store),
            place.url(),
            &StorageConfig::default(),
        );
        Ok(Self {
            name: name.to_owned(),
            log: Log::new(Arc::clone(&place.store), place.path()),
            place,
            delta,
            loaded: Arc::default(),
        })
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the table is.
    pub fn location(&self) -> &Location {
        &self.place.location
    }

    /// Where the table is, with its store.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The last number that the table has seen of an application's `txn`.
    pub(crate) async fn txn_version(
        &self,
        snapshot: &Snapshot,
        app_id: &str,
    ) -> Result<Option<i64>, GoldError> {
        if let Some(txns) = &snapshot.txns {
            return Ok(txns.get(app_id).copied());
        }
        snapshot::txn_version(&self.delta, snapshot.version, app_id)
            .await
            .map_err(|error| self.log_error(error))
    }

    pub(crate) fn loaded(&self) -> Option<Loaded> {
        self.loaded.lock().clone()
    }

    pub(crate) fn remember(&self, loaded: Option<Loaded>) {
        *self.loaded.lock() = loaded;
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn delta(&self) -> &LogStoreRef {
        &self.delta
    }

    /// Whether the store is the local file system, where a failed call leaves
    /// nothing in flight.
    pub(crate) fn is_local(&self) -> bool {
        self.place.location.local_path().is_some()
    }

    pub(crate) fn log_error(&self, error: DeltaTableError) -> GoldError {
        GoldError::Log {
            table: self.name.clone(),
            source: error.into(),
        }
    }

    pub(crate) fn store_error(
        &self,
        action: &'static str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> GoldError {
        GoldError::Store {
            table: self.name.clone(),
            source: Box::new(StoreError::access(action, &self.place.location, error)),
        }
    }
}

/// The gold tables of a process. Keeping a table keeps what is known of its log,
/// so that a later commit need not read it again. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GoldTables {
    stores: Stores,
    tables: Arc<Mutex<HashMap<Location, GoldTable>>>,
}

impl GoldTables {
    /// Tables in these stores.
    pub fn new(stores: Stores) -> Self {
        Self {
            stores,
            tables: Arc::default(),
        }
    }

    /// The table `name` in the folder or prefix `root`; see [`GoldTable::open`].
    pub fn open(&self, root: &Location, name: &str) -> Result<GoldTable, GoldError> {
        let table = GoldTable::open(&self.stores, root, name)?;
        let mut tables = self.tables.lock();
        let table = tables.entry(table.location().clone()).or_insert(table);
        Ok(table.clone())
    }
}
