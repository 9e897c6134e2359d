//! What gold tables hold, for their pages.

use std::sync::Arc;

use sluice_gold::{GoldError, GoldTables};
use sluice_service::format::error_chain;
use sluice_storage::Stores;

use super::recent_reads::RecentReads;
use crate::driver::load_published;
use crate::pages::{TableContent, TableResult};

/// How many rows are shown, and how many of their columns.
const SHOWN_ROWS: usize = 20;
const SHOWN_COLUMNS: usize = 40;

/// Reads tables, each at most every few seconds. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct TableReader(RecentReads<Option<Arc<TableContent>>>);

impl TableReader {
    /// What the table at a location holds.
    pub(super) async fn read(
        &self,
        stores: &Stores,
        gold: &GoldTables,
        name: &str,
        location: &str,
    ) -> TableResult {
        let reading = async {
            let content = read_table(stores, gold, name, location).await?;
            Ok(content.map(Arc::new))
        };
        self.0.get_or_read(location, reading).await
    }
}

async fn read_table(
    stores: &Stores,
    gold: &GoldTables,
    name: &str,
    location: &str,
) -> Result<Option<TableContent>, String> {
    let text = |error: GoldError| error_chain(&error);
    let location = stores
        .parse_location(location)
        .map_err(|error| error_chain(&error))?;
    let table = gold.open_at(&location, name).map_err(text)?;
    let snapshot = load_published(stores, &table, &location).await;
    let Some(snapshot) = snapshot.map_err(text)? else {
        return Ok(None);
    };
    let first_rows = table.read_first_rows(&snapshot, SHOWN_ROWS, SHOWN_COLUMNS);
    let first_rows = first_rows.await.map_err(text);
    Ok(Some(TableContent {
        snapshot,
        first_rows,
    }))
}
